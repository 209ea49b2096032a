//! How long a connection may take over what.

use std::time::Duration;

/// How long input is read and thrown away after our FIN, while the peer's is awaited. Long
/// enough for a peer that answers a FIN at all; one that does not was given everything anyway.
pub const LINGER: Duration = Duration::from_secs(2);

/// The deadlines a connection is under; all are off by default, because people test other
/// machines' timeouts with this daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Nothing at all happened.
    pub idle: Option<Duration>,
    /// A line was begun and not finished; bytes that do not finish it put nothing off.
    pub line: Option<Duration>,
    /// Output is owed, and the peer took none of it.
    pub stall: Option<Duration>,
}

impl Timeouts {
    /// Each of them.
    pub const fn all(&self) -> [Option<Duration>; 3] {
        [self.idle, self.line, self.stall]
    }
}
