//! Errors on connections: the phase, and one word.

use std::io;

use crate::client::FailureKind;

/// The phase in which an error occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::load) enum ErrorPhase {
    /// Connecting.
    Connect,
    /// Sending a line.
    Write,
    /// Waiting for an echo.
    Read,
    /// Closing the connection in order.
    Close,
    /// The timeout expired.
    Timeout,
    /// Comparing an echo.
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

/// An error and its phase: two bytes, because every turn of a connection may return one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::load) struct RunError {
    pub phase: ErrorPhase,
    /// The client's word for it; none for a wrong byte.
    kind: Option<FailureKind>,
}

impl RunError {
    /// A wrong byte came back.
    pub(in crate::load) const MISMATCH: Self = Self { phase: ErrorPhase::Verify, kind: None };

    pub(in crate::load) const fn new(phase: ErrorPhase, kind: FailureKind) -> Self {
        Self { phase, kind: Some(kind) }
    }

    /// Classifies a failed system call on the socket.
    pub(in crate::load) fn of(phase: ErrorPhase, error: &io::Error) -> Self {
        Self::new(phase, FailureKind::of(error))
    }

    /// Returns every possible word.
    pub(in crate::load) fn kinds() -> impl Iterator<Item = &'static str> {
        FailureKind::ALL.map(FailureKind::word).into_iter().chain([Self::MISMATCH.word()])
    }

    /// Returns its word.
    pub(in crate::load) fn word(self) -> &'static str {
        self.kind.map_or("mismatch", FailureKind::word)
    }
}
