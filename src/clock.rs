//! Time as a number that is passed in, so that tests and the simulation can set it.

use std::time::Duration;

use crate::num;

/// A point in time, in milliseconds since an arbitrary but fixed start; it never goes back.
///
/// A millisecond is finer than any deadline here needs, and this takes half the memory of an
/// [`std::time::Instant`] in each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MonotonicMs(pub u64);

impl MonotonicMs {
    /// The point in time that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// Returns the point in time `wait` later. It saturates just before [`Self::NEVER`], so that
    /// even the longest wait has an end.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let wait = num::millis(wait);
        Self(self.0.saturating_add(wait).min(Self::NEVER.0 - 1))
    }

    /// Returns the time since `earlier`; zero if `earlier` is later after all.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A point in time, in nanoseconds since an arbitrary but fixed start: for measurements, as
/// [`MonotonicMs`] is for waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MonotonicNs(pub u64);

impl MonotonicNs {
    /// The point in time that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// Returns the point in time `wait` later, at most [`Self::NEVER`].
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let wait = num::nanos(wait);
        Self(self.0.saturating_add(wait))
    }

    /// Returns the point in time `time` earlier, at least the start.
    #[must_use]
    pub fn before(self, time: Duration) -> Self {
        let time = num::nanos(time);
        Self(self.0.saturating_sub(time))
    }

    /// Returns the time since `earlier`; zero if `earlier` is later after all.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.ns_since(earlier))
    }

    /// The same in nanoseconds, which takes no division.
    pub const fn ns_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_add_up_and_saturate() {
        assert_eq!(MonotonicMs(5).after(Duration::from_secs(2)), MonotonicMs(2005));
        assert_eq!(MonotonicMs(5).after(Duration::MAX), MonotonicMs(u64::MAX - 1));
    }

    #[test]
    fn the_clock_never_runs_backwards() {
        assert_eq!(MonotonicMs(7).since(MonotonicMs(4)), Duration::from_millis(3));
        assert_eq!(MonotonicMs(4).since(MonotonicMs(7)), Duration::ZERO);
    }
}
