//! Limits warnings that one peer could cause thousands of times a second.

use std::fmt;
use std::time::Duration;

use crate::clock::MonotonicMs;

/// The minimum time between two warnings of a kind.
const WARNING_INTERVAL: Duration = Duration::from_secs(5);

/// The kinds of warnings. Each has its own limit, so that none hides another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Warning {
    /// `accept` fails.
    Accept,
    /// A connection can't be registered.
    Register,
    /// A child can't be started.
    Child,
    /// An admin connection can't be accepted.
    Admin,
    /// The connection limit is reached.
    Full,
}

/// Allows one warning of each kind per interval, and counts the others.
#[derive(Debug, Default)]
pub(super) struct Warnings([Limiter; 5]);

#[derive(Debug, Default)]
struct Limiter {
    last: Option<MonotonicMs>,
    suppressed: u64,
}

/// The number of suppressed warnings, shown at the end of the next one unless it is 0.
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
    /// Returns the number of suppressed warnings of this kind, to append to this one, or `None` if
    /// this one is suppressed too.
    pub(super) fn allow(&mut self, warning: Warning, now: MonotonicMs) -> Option<Suppressed> {
        let [accept, register, child, admin, full] = &mut self.0;
        let limiter = match warning {
            Warning::Accept => accept,
            Warning::Register => register,
            Warning::Child => child,
            Warning::Admin => admin,
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
