//! The events of a turn that concern the reactor's owner; nearly always there are none.

/// A set of such events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Wakeups(u8);

impl Wakeups {
    /// No event.
    pub const NONE: Self = Self(0);
    /// Signals have come: call [`super::Reactor::signals`].
    pub const SIGNALS: Self = Self(1);
    /// The watchdog's interval has passed ([`super::Reactor::watchdog_every`]).
    pub const WATCHDOG: Self = Self(2);

    /// Returns true if the set is empty.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns true if all of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other`.
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
