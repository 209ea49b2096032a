//! Why a connection ended: exactly one word for each connection, the same in the log line, the
//! counters, the status and the documents.

use std::fmt;

/// The cause of a connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Orderly release: the peer sent FIN, and all output for it was written.
    Finished,
    /// The peer sent RST (ECONNRESET).
    Reset,
    /// We wrote after the peer's RST (EPIPE).
    BrokenPipe,
    /// The peer's host no longer answers (ETIMEDOUT: keep-alive, user timeout or retransmissions).
    TimedOut,
    /// A router reports that the peer is unreachable (EHOSTUNREACH, ENETUNREACH and similar).
    Unreachable,
    /// The connection was aborted locally (ECONNABORTED), as `ss -K` does, or at the peer's own
    /// request (service `probe`), or died in the accept queue.
    Aborted,
    /// The connection had no activity for the idle timeout, or its peer asked for our FIN (service
    /// `probe`) and did not send its own.
    Idle,
    /// A line was not finished within the line timeout, or no PROXY header arrived in time
    /// (`--proxy-protocol`).
    LineTimeout,
    /// The peer took no pending output for the stall timeout.
    Stalled,
    /// The daemon was shutting down, and had answered the peer's input.
    Drained,
    /// The daemon ended with output pending or input unread: drain deadline, or a second signal.
    Cut,
    /// The longest-idle connection was closed to make room for another (`--over-limit evict`).
    Evicted,
    /// The daemon was at its connection limit (`--over-limit refuse`), the peer may not connect
    /// (`--allow`, `--deny`), or the peer, or the client that a proxy named, was at its own limit
    /// (`--max-per-peer`).
    Refused,
    /// The peer's input violated the service's protocol, or lacked a required PROXY header.
    Protocol,
    /// The connection's child has ended, or could not be started (`--exec`).
    Exec,
    /// Any other error of the system; a debug line before the closing line gives its text.
    Error,
}

impl Cause {
    /// Every cause, in the order of the status and the documents.
    pub const ALL: [Self; 16] = [
        Self::Finished,
        Self::Reset,
        Self::BrokenPipe,
        Self::TimedOut,
        Self::Unreachable,
        Self::Aborted,
        Self::Idle,
        Self::LineTimeout,
        Self::Stalled,
        Self::Drained,
        Self::Cut,
        Self::Evicted,
        Self::Refused,
        Self::Protocol,
        Self::Exec,
        Self::Error,
    ];

    /// The index in [`Self::ALL`].
    #[expect(clippy::as_conversions, reason = "the only way from a variant to its number")]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The word, the same everywhere.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Reset => "reset",
            Self::BrokenPipe => "broken-pipe",
            Self::TimedOut => "timed-out",
            Self::Unreachable => "unreachable",
            Self::Aborted => "aborted",
            Self::Idle => "idle",
            Self::LineTimeout => "line-timeout",
            Self::Stalled => "stalled",
            Self::Drained => "drained",
            Self::Cut => "cut",
            Self::Evicted => "evicted",
            Self::Refused => "refused",
            Self::Protocol => "protocol",
            Self::Exec => "exec",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_the_variants() {
        for (place, cause) in Cause::ALL.iter().enumerate() {
            assert_eq!(cause.index(), place, "{cause}");
        }
    }

    #[test]
    fn every_cause_has_a_word_of_its_own() {
        let mut words: Vec<_> = Cause::ALL.iter().map(|cause| cause.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Cause::ALL.len());
    }
}
