//! What the server does with its input: the one thing to change for another application.
//!
//! A service is data: a name, a sentence, and a function from a request to its reply that knows
//! nothing of sockets. A new one is a file with such a constant, `SERVICE`, and its name in the
//! list below; `docs/architecture.md` shows a whole one.

use std::num::NonZeroUsize;

use crate::line::Framing;

/// Declares the module of each service, and lists them in [`ALL`].
macro_rules! services {
    ($($module:ident)*) => {
        $(mod $module;)*

        /// Every service the daemon offers.
        pub const ALL: &[Service] = &[$($module::SERVICE),*];
    };
}

services! { echo sum sum_xdr }

pub use echo::SERVICE as ECHO;
pub use sum::SERVICE as SUM;
pub use sum_xdr::SERVICE as SUM_XDR;

/// What a server does with its input.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// What `--service` calls it.
    pub name: &'static str,
    /// What it does, in a sentence for `--help`.
    pub about: &'static str,
    /// How it answers.
    pub reply: Reply,
}

/// How a service answers its requests. Replies are appended to the buffer that is passed in, and
/// are at most [`REPLY_BYTES_MAX`] longer than the request.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// With the request itself, line by line.
    Echo,
    /// A line, given without its newline, with what the function appends.
    Line(fn(line: &[u8], reply: &mut Vec<u8>)),
    /// A record of that many bytes, with what the function appends; a violation of the protocol
    /// ends the connection, after all earlier replies.
    Record(NonZeroUsize, fn(record: &[u8], reply: &mut Vec<u8>) -> Result<(), ProtocolError>),
}

impl Reply {
    /// True if the reply is the request itself.
    pub const fn is_echo(&self) -> bool {
        matches!(self, Self::Echo)
    }

    /// How the input is divided into requests.
    pub const fn framing(&self) -> Framing {
        match self {
            Self::Echo => Framing::Pieces,
            Self::Line(_) => Framing::Lines,
            Self::Record(size, _) => Framing::Records(*size),
        }
    }
}

/// How much longer than its request a reply may be, in bytes; with what is read at once, this
/// bounds what a connection can come to owe its peer in one turn.
pub const REPLY_BYTES_MAX: usize = 80;

/// What was wrong with a record: the connection can't go on, because nobody knows where the next
/// record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolError(pub &'static str);

/// The service of that name, if there is one.
pub fn by_name(name: &str) -> Option<Service> {
    ALL.iter().find(|service| service.name == name).copied()
}
