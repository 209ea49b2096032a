//! State that the reactor shares with a connection during its turn.

use crate::clock::MonotonicMs;
use crate::line::{Framing, READ_BYTES_MAX, ReadBuffer};
use crate::net::proxy;
use crate::service::{REPLY_BYTES_MAX, Reply, Service};

/// Bytes read at once if each request gets a reply of its own. A request may be one byte and its
/// reply [`REPLY_BYTES_MAX`] more: this keeps the output of a connection in one turn below 324 KiB.
const ANSWERED_READ_BYTES_MAX: usize = 4 << 10;
const _: () = assert!(ANSWERED_READ_BYTES_MAX * (1 + REPLY_BYTES_MAX) <= 324 << 10);

/// The most listeners: a connection keeps the number of its listener in a byte.
pub const LISTENERS_MAX: usize = 256;

/// Input that goes back from the read buffer as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EchoUnit {
    /// Whole lines.
    Lines,
    /// Any bytes.
    Bytes,
    /// None.
    Nothing,
}

impl From<Reply> for EchoUnit {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Echo => Self::Lines,
            Reply::Raw => Self::Bytes,
            Reply::Nothing | Reply::Stream(_) | Reply::Line(_) | Reply::Record(..) => Self::Nothing,
        }
    }
}

/// The buffers that all connections share, and the state that is the same for all of them.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags")]
pub struct Shared {
    /// The read buffer; one filling of it is a connection's budget in a turn.
    pub read: ReadBuffer,
    /// The buffer for replies other than the request itself.
    pub reply: Vec<u8>,
    /// The service of each listener; beyond the last one, that of the first.
    services: Vec<Service>,
    /// The unit of each listener's echo, for the hot path.
    echo_units: [EchoUnit; LISTENERS_MAX],
    /// The longest line, in bytes, its newline included.
    pub line_bytes_max: usize,
    /// The time of this turn.
    pub now: MonotonicMs,
    /// The daemon is shutting down.
    pub draining: bool,
    /// A draining connection reads no more requests, in case its peer never stops sending.
    pub read_over: bool,
    /// A child gets the stream: no more than a PROXY header may be read from it.
    pub execs: bool,
}

impl Shared {
    /// Creates the buffers for one service at all listeners, with lines of at most
    /// `line_bytes_max` bytes.
    pub fn new(service: Service, line_bytes_max: usize) -> Self {
        Self::with_services(vec![service], line_bytes_max)
    }

    /// Creates the buffers for the service of each listener.
    ///
    /// The smallest read that one of the services requires is that of all.
    ///
    /// # Panics
    ///
    /// If there is no service.
    pub fn with_services(services: Vec<Service>, line_bytes_max: usize) -> Self {
        assert!(!services.is_empty(), "a listener needs a service");
        let headroom = |service: &Service| match service.reply.framing() {
            Some(Framing::Pieces | Framing::Lines) => line_bytes_max,
            Some(Framing::Records(size)) => size.get(),
            None => 0,
        };
        let read_bytes_max = |service: &Service| match service.reply {
            Reply::Echo | Reply::Raw | Reply::Nothing | Reply::Stream(_) => READ_BYTES_MAX,
            Reply::Line(_) | Reply::Record(..) => ANSWERED_READ_BYTES_MAX,
        };
        const { assert!(ANSWERED_READ_BYTES_MAX > proxy::HEADER_BYTES_MAX, "a header fits") };
        let headroom = services.iter().map(headroom).max().unwrap_or_default();
        let read_bytes_max = services.iter().map(read_bytes_max).min().unwrap_or(READ_BYTES_MAX);
        let mut echo_units = [EchoUnit::from(services[0].reply); LISTENERS_MAX];
        for (unit, service) in echo_units.iter_mut().zip(&services) {
            *unit = service.reply.into();
        }
        Self {
            read: ReadBuffer::new(headroom, read_bytes_max),
            reply: Vec::new(),
            services,
            echo_units,
            line_bytes_max,
            now: MonotonicMs::default(),
            draining: false,
            read_over: false,
            execs: false,
        }
    }

    /// The service of a listener.
    pub fn service(&self, listener: u8) -> &Service {
        self.services.get(usize::from(listener)).unwrap_or(&self.services[0])
    }

    #[inline]
    pub(super) fn echo_unit(&self, listener: u8) -> EchoUnit {
        self.echo_units[usize::from(listener)]
    }
}
