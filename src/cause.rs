//! Why a connection ended: exactly one word for each connection, the same in the log line, the
//! counters, the status and the documents.

use std::fmt;

/// The cause of a connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Orderly release: the peer sent FIN and everything owed to it was written.
    Finished,
    /// The peer sent RST (ECONNRESET).
    Reset,
    /// We wrote after the peer's RST (EPIPE).
    BrokenPipe,
    /// The peer's host no longer answers (ETIMEDOUT: keep-alive, user timeout or retransmissions).
    TimedOut,
    /// A router says the peer can't be reached (EHOSTUNREACH, ENETUNREACH and their like).
    Unreachable,
    /// The connection was torn down locally (ECONNABORTED), as `ss -K` does, or died in the queue.
    Aborted,
    /// Nothing at all happened for the idle timeout.
    Idle,
    /// A line was begun and not finished within the line timeout, or a PROXY header was awaited in
    /// vain (`--proxy-protocol`).
    LineTimeout,
    /// Output was owed and the peer took none of it for the stall timeout.
    Stalled,
    /// The daemon was shutting down; what the peer had sent was answered first.
    Drained,
    /// The daemon ended with something still owed or unread: drain deadline, or a second signal.
    Cut,
    /// The longest idle one went to make room for another (`--over-limit evict`).
    Evicted,
    /// There was no room for it (`--over-limit refuse`), its peer may not connect (`--allow`,
    /// `--deny`), or it, or the client that a proxy named, has as many connections as it may
    /// (`--max-per-peer`).
    Refused,
    /// The peer's input broke the service's protocol, or does not begin with a PROXY header where
    /// that has to come.
    Protocol,
    /// The child that answered it has ended, or could not be started (`--exec`).
    Exec,
    /// Anything else the system said; a line at debug before the closing line says what.
    Error,
}

impl Cause {
    /// Every cause, in the order in which status and documents list them.
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

    /// Its place in [`Self::ALL`].
    #[expect(clippy::as_conversions, reason = "the only way from a variant to its number")]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The one word for it, everywhere.
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
