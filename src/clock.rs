//! Time as a number that is passed in, so that tests and the simulation can tell it themselves.

use std::time::Duration;

/// A moment, in milliseconds since an arbitrary but fixed start; it never goes back.
///
/// A millisecond is finer than any deadline here needs, and half of what an
/// [`std::time::Instant`] would take in each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MonotonicMs(pub u64);

impl MonotonicMs {
    /// The moment that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `wait` later. It saturates, just before [`Self::NEVER`]: who waits for ages
    /// still waits for something.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(wait).min(Self::NEVER.0 - 1))
    }

    /// How long it is from `earlier` to this moment; zero if `earlier` is later after all.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A moment, in nanoseconds since an arbitrary but fixed start: for whoever measures, where
/// [`MonotonicMs`] is for whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MonotonicNs(pub u64);

impl MonotonicNs {
    /// The moment that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `wait` later, at most [`Self::NEVER`].
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(wait))
    }

    /// The moment `time` earlier, at least the start.
    #[must_use]
    pub fn before(self, time: Duration) -> Self {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(time))
    }

    /// How long it is from `earlier` to this moment; zero if `earlier` is later after all.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.ns_since(earlier))
    }

    /// The same as a number of nanoseconds, which costs no division.
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
