//! The phases of a connection.

use std::fmt;

use crate::cause::Cause;
use crate::net::proxy::HeaderPolicy;

/// The phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Requests are read, replies are written.
    Open,
    /// The peer has sent FIN; replies to it are still pending.
    Flushing,
    /// The daemon is ending the connection, for that cause: it writes pending output, then sends
    /// FIN.
    Draining(Cause),
    /// Our FIN is sent, except after a cut, which ends by RST. Input is discarded until the peer's
    /// FIN or a deadline, because closing with unread input would send RST, and destroy replies in
    /// flight (RFC 2525, section 2.17).
    Lingering(Cause),
    /// The connection has ended.
    Closed(Cause),
    /// Before all others: the connection waits for a PROXY header, required or optional. The
    /// variant is declared last because the turn tests the most common phases first, by their
    /// number.
    ProxyHeader(HeaderPolicy),
}

impl Phase {
    /// Returns true if requests are read in this phase.
    pub const fn reads(self) -> bool {
        matches!(self, Self::Open | Self::Draining(Cause::Drained))
    }

    /// Returns the phase without its cause.
    pub const fn kind(self) -> PhaseKind {
        match self {
            Self::ProxyHeader(_) => PhaseKind::ProxyHeader,
            Self::Open => PhaseKind::Open,
            Self::Flushing => PhaseKind::Flushing,
            Self::Draining(_) => PhaseKind::Draining,
            Self::Lingering(_) => PhaseKind::Lingering,
            Self::Closed(_) => PhaseKind::Closed,
        }
    }
}

/// The name of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhaseKind {
    /// In the listener's accept queue: `accept` has not returned the connection yet.
    Queued,
    /// A child has the socket (`--exec`): an entry in the table of children, and no connection of
    /// ours.
    Child,
    /// See [`Phase::ProxyHeader`].
    ProxyHeader,
    /// See [`Phase::Open`].
    Open,
    /// See [`Phase::Flushing`].
    Flushing,
    /// See [`Phase::Draining`].
    Draining,
    /// See [`Phase::Lingering`].
    Lingering,
    /// See [`Phase::Closed`].
    Closed,
}

impl PhaseKind {
    /// The phases in which open connections are counted, in the order of the status. The last one
    /// is unused in most daemons.
    pub const ALIVE: [Self; 5] =
        [Self::Open, Self::Flushing, Self::Draining, Self::Lingering, Self::ProxyHeader];

    /// Returns its name in documents, the log and the status.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Child => "child",
            Self::ProxyHeader => "proxy_header",
            Self::Open => "open",
            Self::Flushing => "flushing",
            Self::Draining => "draining",
            Self::Lingering => "lingering",
            Self::Closed => "closed",
        }
    }

    /// Returns its meaning, for `docs/states.md`.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Queued => "in the accept queue; `accept` has not returned it yet",
            Self::Child => "a child has it as its standard input and output (`--exec`)",
            Self::ProxyHeader => "waiting for the PROXY header (`--proxy-protocol`)",
            Self::Open => "requests are read, replies are written",
            Self::Flushing => "the peer has sent FIN; replies to it are still pending",
            Self::Draining => "the daemon ends it: pending output is written, then FIN is sent",
            Self::Lingering => {
                "our FIN is sent, except after a cut; input is discarded until FIN or a deadline"
            }
            Self::Closed => "ended, with exactly one cause",
        }
    }

    /// Returns the kernel's state of the socket, as netstat shows it.
    pub const fn netstat(self) -> &'static str {
        match self {
            Self::Queued | Self::ProxyHeader | Self::Open | Self::Draining => "ESTABLISHED",
            Self::Child => "ESTABLISHED, CLOSE_WAIT",
            Self::Flushing => "CLOSE_WAIT",
            Self::Lingering => "FIN_WAIT1, FIN_WAIT2; ESTABLISHED, CLOSE_WAIT if it was cut",
            Self::Closed => "LAST_ACK, TIME_WAIT or gone",
        }
    }
}

impl fmt::Display for PhaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
