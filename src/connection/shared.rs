//! State that the reactor shares with a connection during its turn.

use crate::clock::MonotonicMs;
use crate::line::{Framing, READ_BYTES_MAX, ReadBuffer};
use crate::net::proxy;
use crate::service::{REPLY_BYTES_MAX, Reply, Service};

/// Bytes read at once if each request gets a reply of its own. A request may be one byte and its
/// reply [`REPLY_BYTES_MAX`] more: this keeps the output of a connection in one turn below 324 KiB.
const ANSWERED_READ_BYTES_MAX: usize = 4 << 10;
const _: () = assert!(ANSWERED_READ_BYTES_MAX * (1 + REPLY_BYTES_MAX) <= 324 << 10);

/// The most listeners: their numbers have seven bits.
pub const LISTENERS_MAX: usize = 128;

/// Set in the byte of a listener's number: the connection is counted for its peer's address. A
/// connection has no byte to spare for it.
const COUNTED: u8 = 0x80;

/// A listener as a connection knows it: its number, and the part of its service that each read
/// asks for.
#[derive(Clone, Copy, Debug)]
pub struct ListenerRef {
    number: u8,
    /// The input that goes back from the read buffer as it is: nothing, whole lines, or any bytes.
    echoes: u8,
}

const NOTHING: u8 = 0;
const LINES: u8 = 1;
const BYTES: u8 = 2;

impl ListenerRef {
    /// Returns true if input that ends with this byte goes back as it is. The sum saves a branch a
    /// line: a newline raises `LINES` to `BYTES`, and lets nothing else pass.
    #[inline]
    pub(super) fn echoes(self, last: u8) -> bool {
        self.echoes + u8::from(last == b'\n') >= BYTES
    }

    pub(super) const fn number(self) -> u8 {
        self.number & !COUNTED
    }

    pub(super) const fn count(&mut self) {
        self.number |= COUNTED;
    }

    pub(super) const fn is_counted(self) -> bool {
        self.number & COUNTED != 0
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
    /// The longest line, in bytes, its newline included.
    pub line_bytes_max: usize,
    /// The time of this turn.
    pub now: MonotonicMs,
    /// The daemon is shutting down, and the grace is over.
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
            Some(Framing::Pieces | Framing::Lines) => service.reply.line_bytes_max(line_bytes_max),
            Some(Framing::Records(size)) => size.get(),
            None => 0,
        };
        let read_bytes_max = |service: &Service| match service.reply {
            // Of requests to the daemon, a connection has one answered in a turn.
            Reply::Echo | Reply::Raw | Reply::Probe | Reply::Nothing | Reply::Stream(_) => {
                READ_BYTES_MAX
            }
            Reply::Line(_) | Reply::Record(..) => ANSWERED_READ_BYTES_MAX,
        };
        const { assert!(ANSWERED_READ_BYTES_MAX > proxy::HEADER_BYTES_MAX, "a header fits") };
        let headroom = services.iter().map(headroom).max().unwrap_or_default();
        let read_bytes_max = services.iter().map(read_bytes_max).min().unwrap_or(READ_BYTES_MAX);
        Self {
            read: ReadBuffer::new(headroom, read_bytes_max),
            reply: Vec::new(),
            services,
            line_bytes_max,
            now: MonotonicMs::default(),
            draining: false,
            read_over: false,
            execs: false,
        }
    }

    /// Returns the listener of this number, for its connections.
    pub fn listener(&self, number: u8) -> ListenerRef {
        let unknown = ListenerRef { number, echoes: NOTHING };
        let echoes = match self.service(unknown).reply {
            Reply::Echo => LINES,
            Reply::Raw => BYTES,
            Reply::Probe
            | Reply::Nothing
            | Reply::Stream(_)
            | Reply::Line(_)
            | Reply::Record(..) => NOTHING,
        };
        ListenerRef { echoes, ..unknown }
    }

    /// Returns the service of that listener.
    #[expect(clippy::indexing_slicing, reason = "there is at least one service")]
    pub(super) fn service(&self, listener: ListenerRef) -> &Service {
        self.services.get(usize::from(listener.number())).unwrap_or(&self.services[0])
    }
}
