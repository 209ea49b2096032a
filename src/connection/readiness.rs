//! Readiness hints from events, kept until a system call disproves them.

/// A set of readiness hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Ready(u8);

impl Ready {
    /// No hint.
    pub const NONE: Self = Self(0);
    /// A read may return bytes.
    pub const READABLE: Self = Self(1);
    /// A write may take bytes.
    pub const WRITABLE: Self = Self(2);
    /// The end of the input, or an urgent byte, is near: a short read does not prove that the
    /// socket is empty (an urgent byte stops a read at its mark, tcp(7)).
    pub const READ_TO_EAGAIN: Self = Self(4);
    /// The socket has a pending error.
    pub const ERROR: Self = Self(8);
    /// A permanent hint, which no event sets and no call clears: on this socket a short read never
    /// proves that it is empty.
    pub const SHORT_READ_PROVES_NOTHING: Self = Self(16);
    /// The permanent hint, and the hint that it needs from the start.
    pub const ALWAYS_READ_TO_EAGAIN: Self =
        Self::READ_TO_EAGAIN.union(Self::SHORT_READ_PROVES_NOTHING);

    /// Returns the union of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns true if all of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other`.
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Removes `other`.
    pub const fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}
