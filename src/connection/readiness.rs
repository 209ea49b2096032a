//! What events have said about a connection, remembered until a system call has disproved it.

/// A set of readiness hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Ready(u8);

impl Ready {
    /// No hint at all.
    pub const NONE: Self = Self(0);
    /// A read may give something.
    pub const READABLE: Self = Self(1);
    /// A write may take something.
    pub const WRITABLE: Self = Self(2);
    /// The end of the input, or an urgent byte, is near: a short read does not mean that the
    /// socket is empty (an urgent byte stops a read at its mark, tcp(7)).
    pub const READ_TO_EAGAIN: Self = Self(4);
    /// The socket has an error to tell.
    pub const ERROR: Self = Self(8);
    /// No event says this, and no call disproves it: a short read never means that the socket is
    /// empty.
    pub const SHORT_READ_PROVES_NOTHING: Self = Self(16);
    /// What that needs from the beginning.
    pub const ALWAYS_READ_TO_EAGAIN: Self =
        Self::READ_TO_EAGAIN.union(Self::SHORT_READ_PROVES_NOTHING);

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if all of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other`.
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Takes `other` away.
    pub const fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}
