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
    /// No hint but a property of the stream, which no event sets and no call clears: on this stream
    /// a short read never proves that it is empty. It is a bit here because a connection has no
    /// byte to spare: a field would make it 88 bytes instead of 80.
    const SHORT_READ_PROVES_NOTHING: Self = Self(16);

    /// The first hints of a stream that a short read does not empty: the property, and
    /// `READ_TO_EAGAIN`, which then stays set, so that a read has one hint to test.
    pub(super) const ALWAYS_READ_TO_EAGAIN: Self =
        Self::READ_TO_EAGAIN.union(Self::SHORT_READ_PROVES_NOTHING);

    /// Removes the hints that would-block on a read disproves.
    pub(super) const fn read_would_block(&mut self) {
        self.remove(Self::READABLE);
        if !self.contains(Self::SHORT_READ_PROVES_NOTHING) {
            self.remove(Self::READ_TO_EAGAIN);
        }
    }

    /// Returns true if an event reported that the end of the input, or an urgent byte, is near.
    pub(super) const fn is_end_near(self) -> bool {
        self.contains(Self::READ_TO_EAGAIN) && !self.contains(Self::SHORT_READ_PROVES_NOTHING)
    }

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
