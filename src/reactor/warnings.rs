//! Warnings that one peer could cause thousands of times a second.

use std::fmt;
use std::time::Duration;

use crate::clock::MonotonicMs;

/// A warning is repeated no sooner than this.
const WARNING_INTERVAL: Duration = Duration::from_secs(5);

/// What is warned about. Each is limited by itself, so that none hides another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Warning {
    /// `accept` fails.
    Accept,
    /// A connection can't be registered.
    Register,
    /// A child can't be started.
    Child,
    /// A visitor can't be accepted.
    Admin,
    /// There are as many connections as there may be.
    Full,
}

/// Lets one warning of each kind through in a while, and counts the others.
#[derive(Debug, Default)]
pub(super) struct Warnings([Limiter; 5]);

#[derive(Debug, Default)]
struct Limiter {
    last: Option<MonotonicMs>,
    suppressed: u64,
}

/// How many warnings were suppressed; shown as the end of the next one, if there were any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suppressed(u64);

impl fmt::Display for Suppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            1 => f.write_str(" (1 similar warning suppressed)"),
            many => write!(f, " ({many} similar warnings suppressed)"),
        }
    }
}

impl Warnings {
    /// If a warning may be logged now: how many of its kind were suppressed since the last, for
    /// its end.
    pub(super) fn allow(&mut self, warning: Warning, now: MonotonicMs) -> Option<Suppressed> {
        let [accept, register, child, visitor, full] = &mut self.0;
        let limiter = match warning {
            Warning::Accept => accept,
            Warning::Register => register,
            Warning::Child => child,
            Warning::Admin => visitor,
            Warning::Full => full,
        };
        if limiter.last.is_some_and(|last| now < last.after(WARNING_INTERVAL)) {
            limiter.suppressed += 1;
            return None;
        }
        limiter.last = Some(now);
        Some(Suppressed(std::mem::take(&mut limiter.suppressed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_warnings_is_one_and_a_count() {
        let mut warnings = Warnings::default();
        assert_eq!(warnings.allow(Warning::Accept, MonotonicMs(1000)), Some(Suppressed(0)));
        for _ in 0..1000 {
            assert_eq!(warnings.allow(Warning::Accept, MonotonicMs(5999)), None);
        }
        assert_eq!(warnings.allow(Warning::Accept, MonotonicMs(6000)), Some(Suppressed(1000)));
    }

    #[test]
    fn a_flood_of_one_kind_hides_no_other() {
        let mut warnings = Warnings::default();
        for warning in [Warning::Accept, Warning::Register, Warning::Child, Warning::Admin] {
            assert_eq!(warnings.allow(warning, MonotonicMs(0)), Some(Suppressed(0)));
            assert_eq!(warnings.allow(warning, MonotonicMs(0)), None);
        }
        assert_eq!(warnings.allow(Warning::Full, MonotonicMs(0)), Some(Suppressed(0)));
    }
}
