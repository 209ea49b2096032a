//! The phases of a connection.

use std::fmt;

use crate::cause::Cause;
use crate::net::proxy::HeaderPolicy;

/// The phase a connection is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading requests, writing replies.
    Open,
    /// The peer has sent FIN; replies are still owed to it.
    Flushing,
    /// We are ending it, for the given cause: finish what is owed, then send FIN.
    Draining(Cause),
    /// Our FIN is sent, but for a cut, which ends by RST. Input is read and thrown away until the
    /// peer's FIN or a deadline, because closing with unread input would send RST, and destroy
    /// replies in flight (RFC 2525, section 2.17).
    Lingering(Cause),
    /// It has ended.
    Closed(Cause),
    /// Before all others: a PROXY header is awaited, which has to come or may. It stands here
    /// because the turn asks first for those that most connections are in, by their number.
    ProxyHeader(HeaderPolicy),
}

impl Phase {
    /// True if requests are read in this phase.
    pub const fn reads(self) -> bool {
        matches!(self, Self::Open | Self::Draining(Cause::Drained))
    }

    /// The phase without its cause.
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

/// A phase's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhaseKind {
    /// In the listener's queue: the kernel has it, `accept` has not returned it yet.
    Queued,
    /// A child has it (`--exec`): it is a process in our table, and no connection of ours.
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
    /// The phases a connection can be counted in while it lives, in the order of the status: the
    /// one that most daemons do without is the last.
    pub const ALIVE: [Self; 5] =
        [Self::Open, Self::Flushing, Self::Draining, Self::Lingering, Self::ProxyHeader];

    /// Its name in documents, the log and the status.
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

    /// What it means, in a sentence for `docs/states.md`.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Queued => "in the listener's queue; `accept` has not returned it yet",
            Self::Child => "a child has it for its standard input and output (`--exec`)",
            Self::ProxyHeader => "the PROXY header is awaited (`--proxy-protocol`)",
            Self::Open => "requests are read, replies are written",
            Self::Flushing => "the peer has sent FIN; replies are still owed to it",
            Self::Draining => "we are ending it: what is owed is finished, then FIN is sent",
            Self::Lingering => {
                "our FIN is sent, but for a cut; input is thrown away until FIN or a deadline"
            }
            Self::Closed => "it has ended, with exactly one cause",
        }
    }

    /// The kernel's state of the socket, as netstat shows it.
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
