//! The services: how the server answers its input, and the one thing to change for another
//! application.
//!
//! A service is data: a name, a sentence, and a function from a request to its reply that knows
//! nothing of sockets. A new service is a file with such a constant, `SERVICE`, and its name in the
//! list below; `docs/architecture.md` shows a complete one.

use std::num::NonZeroUsize;

use crate::line::{Framing, STREAM_BYTES};

/// Declares the module of each service, and lists them in [`ALL`].
macro_rules! services {
    ($($module:ident)*) => {
        $(mod $module;)*

        /// Every service the daemon offers.
        pub const ALL: &[Service] = &[$($module::SERVICE),*];
    };
}

services! { echo raw discard chargen sum sum_xdr probe }

pub use chargen::SERVICE as CHARGEN;
pub use discard::SERVICE as DISCARD;
pub use echo::SERVICE as ECHO;
pub use probe::SERVICE as PROBE;
pub use probe::{Name as ProbeName, Question as ProbeQuestion, Request as ProbeRequest};
pub use raw::SERVICE as RAW;
pub use sum::SERVICE as SUM;
pub use sum_xdr::SERVICE as SUM_XDR;

/// A service: how the server answers its input.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// The name for `--service`.
    pub name: &'static str,
    /// The description for `--help`, in one sentence.
    pub about: &'static str,
    /// The form of its replies.
    pub reply: Reply,
}

impl PartialEq for Service {
    /// A service is known by its name.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Service {}

/// How a service answers its requests. A function appends its reply to the buffer passed in; the
/// reply is at most [`REPLY_BYTES_MAX`] longer than the request.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// Answers with the request itself, line by line.
    Echo,
    /// Answers with the input itself, as it comes; each newline counts as a line.
    Raw,
    /// Answers with the input itself, line by line, but carries out the requests to the daemon that
    /// some lines are.
    Probe,
    /// Discards the input, and answers nothing.
    Nothing,
    /// Discards the input, and sends these bytes again and again while the peer takes them.
    Stream(&'static [u8]),
    /// Answers a line, passed without its newline, with the bytes that the function appends.
    Line(fn(line: &[u8], reply: &mut Vec<u8>)),
    /// Answers a record of this many bytes with the bytes that the function appends; a protocol
    /// error ends the connection, after all earlier replies.
    Record(NonZeroUsize, fn(record: &[u8], reply: &mut Vec<u8>) -> Result<(), ProtocolError>),
}

impl Reply {
    /// True if the reply is the input itself.
    pub const fn is_echo(&self) -> bool {
        matches!(self, Self::Echo | Self::Raw | Self::Probe)
    }

    /// True if the reply does not depend on the input, so that input which is not answered is not
    /// lost.
    pub const fn ignores_input(&self) -> bool {
        matches!(self, Self::Nothing | Self::Stream(_))
    }

    /// The limit of a line, given the one that was configured. One of the service probe may have as
    /// many bytes as make a bulk stream, so that no request comes in pieces.
    pub fn line_bytes_max(&self, configured: usize) -> usize {
        if matches!(self, Self::Probe) { configured.max(STREAM_BYTES) } else { configured }
    }

    /// How the input is divided into requests; none if it is not.
    pub const fn framing(&self) -> Option<Framing> {
        match self {
            Self::Echo | Self::Probe => Some(Framing::Pieces),
            Self::Raw | Self::Nothing | Self::Stream(_) => None,
            Self::Line(_) => Some(Framing::Lines),
            Self::Record(size, _) => Some(Framing::Records(*size)),
        }
    }
}

/// How much longer than its request a reply may be, in bytes. Together with the size of a read,
/// this bounds the output that a connection can produce in one turn.
pub const REPLY_BYTES_MAX: usize = 80;

/// The error in a record. It ends the connection, because the start of the next record is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolError(pub &'static str);

/// Returns the service with this name, if there is one.
pub fn by_name(name: &str) -> Option<Service> {
    ALL.iter().find(|service| service.name == name).copied()
}
