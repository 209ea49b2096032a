//! The client's failures: one word, one exit status, and details.

use std::fmt;
use std::io;

use crate::cause::Cause;
use crate::os::errno;

/// The kind of a failure: a word on standard error, and a number as the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// Anything else.
    Failed,
    /// The server's FIN came before our end of input, or before every outstanding echo.
    Terminated,
    /// The server sent RST (ECONNRESET).
    Reset,
    /// We wrote after the server's RST (EPIPE).
    BrokenPipe,
    /// No answer: ETIMEDOUT, or one of our own deadlines.
    TimedOut,
    /// A router reports that the server is unreachable (EHOSTUNREACH, ENETUNREACH and similar).
    Unreachable,
    /// No process listens on that port (ECONNREFUSED).
    Refused,
    /// The name has no address.
    Unresolved,
}

impl FailureKind {
    /// Every kind, in the order of the exit statuses.
    pub const ALL: [Self; 8] = [
        Self::Failed,
        Self::Terminated,
        Self::Reset,
        Self::BrokenPipe,
        Self::TimedOut,
        Self::Unreachable,
        Self::Refused,
        Self::Unresolved,
    ];

    /// The word on standard error.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Terminated => "terminated",
            Self::Reset => "reset",
            Self::BrokenPipe => "broken-pipe",
            Self::TimedOut => "timed-out",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Unresolved => "unresolved",
        }
    }

    /// The exit status. 0 is success, and 2 is for usage errors.
    pub const fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Terminated => 3,
            Self::Reset => 4,
            Self::BrokenPipe => 5,
            Self::TimedOut => 6,
            Self::Unreachable => 7,
            Self::Refused => 8,
            Self::Unresolved => 9,
        }
    }

    /// Classifies a failed connect, read or write on the socket.
    pub fn of(error: &io::Error) -> Self {
        if errno::is_refused(error) {
            return Self::Refused;
        }
        if errno::is_timeout(error) {
            return Self::TimedOut;
        }
        match errno::stream_cause(error) {
            Cause::Reset => Self::Reset,
            Cause::BrokenPipe => Self::BrokenPipe,
            Cause::TimedOut => Self::TimedOut,
            Cause::Unreachable => Self::Unreachable,
            Cause::Finished
            | Cause::Aborted
            | Cause::Idle
            | Cause::LineTimeout
            | Cause::Stalled
            | Cause::Drained
            | Cause::Cut
            | Cause::Evicted
            | Cause::Refused
            | Cause::Protocol
            | Cause::Exec
            | Cause::Error => Self::Failed,
        }
    }
}

/// A failed run of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    kind: FailureKind,
    details: String,
}

impl Failure {
    pub(super) const fn new(word: FailureKind, details: String) -> Self {
        Self { kind: word, details }
    }

    /// Creates a failure on our own side of the connection; `place` names the part that failed.
    pub(super) fn local(place: &str, error: &io::Error) -> Self {
        Self::new(FailureKind::Failed, format!("{place}: {error}"))
    }

    /// The kind of failure.
    pub const fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The exit status.
    pub const fn code(&self) -> u8 {
        self.kind.code()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.word(), self.details)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn every_word_has_its_own_exit_status() {
        let codes = FailureKind::ALL.map(FailureKind::code);
        assert_eq!(codes, [1, 3, 4, 5, 6, 7, 8, 9], "2 belongs to the command line");
        let mut words = FailureKind::ALL.map(FailureKind::word);
        words.sort_unstable();
        assert!(words.windows(2).all(|pair| pair[0] != pair[1]), "{words:?}");
    }

    #[test]
    fn each_error_of_the_socket_has_its_word() {
        let table = [
            (Errno::CONNRESET, FailureKind::Reset),
            (Errno::PIPE, FailureKind::BrokenPipe),
            (Errno::TIMEDOUT, FailureKind::TimedOut),
            (Errno::HOSTUNREACH, FailureKind::Unreachable),
            (Errno::NETUNREACH, FailureKind::Unreachable),
            (Errno::CONNREFUSED, FailureKind::Refused),
            (Errno::ACCESS, FailureKind::Failed),
        ];
        for (errno, word) in table {
            assert_eq!(FailureKind::of(&errno.into()), word, "{errno:?}");
        }
        assert_eq!(
            FailureKind::of(&io::ErrorKind::TimedOut.into()),
            FailureKind::TimedOut,
            "our own deadline"
        );
    }
}
