//! The timeouts of a connection.

use std::time::Duration;

/// How long input is discarded after our FIN, while waiting for the peer's. Long enough for a peer
/// that answers a FIN at all; any other peer was sent everything anyway.
pub const LINGER: Duration = Duration::from_secs(2);

/// The same after `probe close`: the peer may send for a while, to see whether that arrives.
pub const PROBE_LINGER: Duration = Duration::from_secs(10);

/// The timeouts of a connection; all are off by default, because people test the timeouts of other
/// machines with this daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// The time without a byte in either direction.
    pub idle: Option<Duration>,
    /// The time from the beginning of a line to its end; bytes that do not finish it do not extend
    /// it.
    pub line: Option<Duration>,
    /// The time in which the peer takes none of the pending output.
    pub stall: Option<Duration>,
}

impl Timeouts {
    /// Returns all timeouts.
    pub const fn all(&self) -> [Option<Duration>; 3] {
        [self.idle, self.line, self.stall]
    }
}
