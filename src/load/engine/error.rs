//! What went wrong on a connection: where, and in one word.

use std::io;

use crate::client::FailureKind;

/// Where something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::load) enum ErrorPhase {
    /// While it was connecting.
    Connect,
    /// While a line was sent.
    Write,
    /// While a line was to come back.
    Read,
    /// While it was to end in order.
    Close,
    /// When it had been waited for too long.
    Timeout,
    /// When what came back was compared.
    Verify,
}

impl ErrorPhase {
    pub(in crate::load) const ALL: [Self; 6] =
        [Self::Connect, Self::Write, Self::Read, Self::Close, Self::Timeout, Self::Verify];

    pub(in crate::load) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Write => "write",
            Self::Read => "read",
            Self::Close => "close",
            Self::Timeout => "timeout",
            Self::Verify => "verify",
        }
    }
}

/// What went wrong, and where: two bytes, because every turn of a connection may return one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::load) struct RunError {
    pub phase: ErrorPhase,
    /// The client's word for it; none for a byte that was not the one that was due.
    kind: Option<FailureKind>,
}

impl RunError {
    /// A byte came back that was not the one that was due.
    pub(in crate::load) const MISMATCH: Self = Self { phase: ErrorPhase::Verify, kind: None };

    pub(in crate::load) const fn new(place: ErrorPhase, word: FailureKind) -> Self {
        Self { phase: place, kind: Some(word) }
    }

    /// What a failed system call on the socket amounts to.
    pub(in crate::load) fn of(place: ErrorPhase, error: &io::Error) -> Self {
        Self::new(place, FailureKind::of(error))
    }

    /// Every word there may be.
    pub(in crate::load) fn kinds() -> impl Iterator<Item = &'static str> {
        FailureKind::ALL.map(FailureKind::word).into_iter().chain([Self::MISMATCH.word()])
    }

    /// The word for it.
    pub(in crate::load) fn word(self) -> &'static str {
        self.kind.map_or("mismatch", FailureKind::word)
    }
}
