//! State that the reactor shares with a connection during its turn.

use crate::clock::MonotonicMs;
use crate::line::{Framing, READ_BYTES_MAX, ReadBuffer};
use crate::net::proxy;
use crate::service::{REPLY_BYTES_MAX, Reply, Service};

/// Bytes read at once if each request gets a reply of its own. A request may be one byte and its
/// reply [`REPLY_BYTES_MAX`] more: this keeps the output of a connection in one turn below 324 KiB.
const ANSWERED_READ_BYTES_MAX: usize = 4 << 10;
const _: () = assert!(ANSWERED_READ_BYTES_MAX * (1 + REPLY_BYTES_MAX) <= 324 << 10);

/// The buffers that all connections share, and the state that is the same for all of them.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags")]
pub struct Shared {
    /// The read buffer; one filling of it is a connection's budget in a turn.
    pub read: ReadBuffer,
    /// The buffer for replies other than the request itself.
    pub reply: Vec<u8>,
    /// The service that answers requests.
    pub service: Service,
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
    /// Creates the buffers for `service`, with lines of at most `line_bytes_max` bytes.
    pub fn new(service: Service, line_bytes_max: usize) -> Self {
        let headroom = match service.reply.framing() {
            Framing::Pieces | Framing::Lines => line_bytes_max,
            Framing::Records(size) => size.get(),
        };
        let read_bytes_max = match service.reply {
            Reply::Echo => READ_BYTES_MAX,
            Reply::Line(_) | Reply::Record(..) => ANSWERED_READ_BYTES_MAX,
        };
        const { assert!(ANSWERED_READ_BYTES_MAX > proxy::HEADER_BYTES_MAX, "a header fits") };
        Self {
            read: ReadBuffer::new(headroom, read_bytes_max),
            reply: Vec::new(),
            service,
            line_bytes_max,
            now: MonotonicMs::default(),
            draining: false,
            read_over: false,
            execs: false,
        }
    }
}
