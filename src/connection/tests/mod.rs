//! Transitions on a scripted stream; `docs/states.md` names the test of each row.

mod closing;
mod ending;
mod exchanging;
mod long_headers;
mod probe;
mod proxy_header;

use std::cell::RefCell;
use std::rc::Rc;

use super::script::{In, Out, ScriptedStream, StreamScript};
use super::*;
use crate::service::{ECHO, Service};

/// A connection, its script, and the state that the reactor would share with it.
struct Bench {
    connection: Connection<ScriptedStream>,
    wire: Rc<RefCell<StreamScript>>,
    shared: Shared,
}

impl Bench {
    fn new(service: Service, line_bytes_max: usize, reads: impl IntoIterator<Item = In>) -> Self {
        let (stream, wire) = ScriptedStream::new(reads);
        let peer = Peer::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
        let shared = Shared::new(service, line_bytes_max);
        let connection = Connection::new(stream, peer, shared.listener(0), None, MonotonicMs(0));
        Self { connection, wire, shared }
    }

    fn echo(reads: impl IntoIterator<Item = In>) -> Self {
        Self::new(ECHO, 4096, reads)
    }

    /// Marks an event, and serves until there is nothing to do.
    fn event(&mut self, ready: Ready) -> NextStep {
        self.connection.mark(ready);
        for _ in 0..10_000 {
            let step = self.connection.serve(&mut self.shared);
            if step != NextStep::Yield {
                return step;
            }
        }
        panic!("the connection never comes to rest");
    }

    /// Expires deadlines at `now`; only the timeout of a header is on.
    fn expire(&mut self, now: u64) -> NextStep {
        self.shared.now = MonotonicMs(now);
        self.connection.expire(&Timeouts::default(), &mut self.shared)
    }

    fn readable(&mut self) -> NextStep {
        self.event(READABLE)
    }

    fn sent(&self) -> Vec<u8> {
        self.wire.borrow().sent.clone()
    }

    fn readable_left(&self) -> usize {
        self.wire.borrow().reads.len()
    }

    fn phase(&self) -> Phase {
        self.connection.phase()
    }
}

const READABLE: Ready = Ready::READABLE.union(Ready::WRITABLE);
const FIN: Ready = READABLE.union(Ready::READ_TO_EAGAIN);
const RST: Ready = FIN.union(Ready::ERROR);

fn bytes(text: &str) -> In {
    In::Bytes(text.as_bytes().to_vec())
}
