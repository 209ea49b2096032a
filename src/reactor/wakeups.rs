//! What a turn has to tell the reactor's owner, which is nearly always nothing.

/// A set of what has happened in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Wakeups(u8);

impl Wakeups {
    /// Nothing that concerns the owner.
    pub const NONE: Self = Self(0);
    /// Signals have come: ask for [`super::Reactor::signals`].
    pub const SIGNALS: Self = Self(1);
    /// The watchdog's interval has passed ([`super::Reactor::watchdog_every`]).
    pub const WATCHDOG: Self = Self(2);

    /// True if there is nothing in this set.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True if all of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other`.
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
