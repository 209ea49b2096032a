//! Warnings that one peer could cause thousands of times a second.

use std::time::Duration;

use crate::clock::Millis;

/// A warning is repeated no sooner than this.
const INTERVAL: Duration = Duration::from_secs(5);

/// Lets one warning through in a while, and counts the others.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    last: Option<Millis>,
    left_out: u64,
}

impl Warnings {
    /// If a warning may be logged now, how many were left out since the last.
    pub(super) fn may_warn(&mut self, now: Millis) -> Option<u64> {
        if self.last.is_some_and(|last| now < last.after(INTERVAL)) {
            self.left_out += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_warnings_is_one_and_a_count() {
        let mut warnings = Warnings::default();
        assert_eq!(warnings.may_warn(Millis(1000)), Some(0));
        for _ in 0..1000 {
            assert_eq!(warnings.may_warn(Millis(5999)), None);
        }
        assert_eq!(warnings.may_warn(Millis(6000)), Some(1000));
    }
}
