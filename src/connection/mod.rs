//! One connection's state machine, generic over its stream.
//!
//! Rules that all code here keeps:
//!
//! - Readiness is a stored hint; only a system call that fails disproves it. Code that stops before
//!   would-block keeps the hint, because no second event will come.
//! - While output is pending, nothing is read: back-pressure is to read nothing.
//! - A short read has emptied the socket, unless the event reported that the end of the input (or
//!   an urgent byte) is near: then only would-block or the end itself proves it.
//! - The first cause wins. The kernel reports an error once.
//! - A peer's fault is a transition, never an error to the caller.

mod answer;
mod deadline;
mod history;
mod output;
mod peek_header;
mod peer;
mod pending;
mod phase;
mod probe;
mod proxy_header;
mod readiness;
mod serve;
mod shared;
mod stream;
mod timeouts;
mod transitions;

#[cfg(test)]
mod chunking;
#[cfg(test)]
pub(crate) mod script;
#[cfg(test)]
mod tests;

use std::io;

use log::{debug, trace};

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::net::proxy::HeaderPolicy;
use crate::os::errno;

pub use history::{History, PATHS, transitions_of};
pub use peer::Peer;
pub use pending::Pending;
pub use phase::{Phase, PhaseKind};
pub use readiness::Ready;
pub use shared::{LISTENERS_MAX, ListenerRef, Shared};

pub use stream::Stream;
pub use timeouts::{LINGER, PROBE_LINGER, Timeouts};
pub use transitions::{Transition, transitions};

/// The request of a connection to the reactor after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Wait for an event or a deadline.
    Idle,
    /// Give it another turn: the budget of this one is used up.
    Yield,
    /// The PROXY header named the client: admit it under that address, then serve it.
    Identified,
    /// A request of the service probe concerns other connections: answer it.
    Asks,
    /// Reap it.
    Closed,
}

/// The traffic of a connection, for its closing line and the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes read from the peer.
    pub bytes_in: u64,
    /// Bytes that the kernel accepted for the peer.
    pub bytes_out: u64,
    /// Requests answered: lines, or records. The pieces of a long line are one.
    pub lines: u64,
}

impl Traffic {
    /// Adds the traffic of another connection.
    pub const fn add(&mut self, other: Self) {
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.lines += other.lines;
    }
}

/// A connection: the stream to one peer and its state.
///
/// It is small, because a daemon has tens of thousands of idle ones: the state of an unfinished
/// exchange is in a box, which is freed when the exchange is finished.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    peer: Peer,
    phase: Phase,
    ready: Ready,
    /// The listener that accepted it.
    listener: ListenerRef,
    /// In the reactor's run queue; stored here because there is a spare byte.
    queued: bool,
    pending: Option<Box<Pending>>,
    traffic: Traffic,
    history: History,
    /// The time of the last byte moved; while lingering, the time at which that began.
    active: MonotonicMs,
}

impl<S: Stream> Connection<S> {
    /// Creates a connection that `accept` has returned, of that listener, with the policy for a
    /// PROXY header if one may come.
    pub fn new(
        stream: S,
        peer: Peer,
        listener: ListenerRef,
        policy: Option<HeaderPolicy>,
        now: MonotonicMs,
    ) -> Self {
        let phase = policy.map_or(Phase::Open, Phase::ProxyHeader);
        let short_read_empties = S::SHORT_READ_EMPTIES && peer.short_read_empties();
        Self {
            stream,
            peer,
            phase,
            ready: if short_read_empties { Ready::NONE } else { Ready::ALWAYS_READ_TO_EAGAIN },
            listener,
            queued: false,
            pending: None,
            traffic: Traffic::default(),
            history: History::new(now).then(phase.kind()),
            active: now,
        }
    }

    /// Returns the number of its listener.
    pub const fn listener(&self) -> u8 {
        self.listener.number()
    }

    /// Stores an event's hints. Returns true if the connection is to be queued for a turn, false if
    /// it is queued already.
    pub fn mark(&mut self, ready: Ready) -> bool {
        self.ready.insert(ready);
        !std::mem::replace(&mut self.queued, true)
    }

    /// Returns true if it is queued for a turn.
    pub const fn is_queued(&self) -> bool {
        self.queued
    }

    /// Returns true for a bulk sender: it wants another turn because its input filled the buffer,
    /// and not because its end is near or a signal interrupted a call.
    pub fn is_bulk(&self) -> bool {
        self.phase == Phase::Open
            && !self.ready.contains(Ready::READ_TO_EAGAIN)
            && !self.has_output()
    }

    /// Queues `bytes` as the first output. The connection has to be served then.
    pub fn greet(&mut self, bytes: &[u8], now: MonotonicMs) {
        self.pending.get_or_insert_default().queue(bytes, now);
    }

    /// Makes one turn: writes pending output, reads input and answers it, all within the budget.
    pub fn serve(&mut self, shared: &mut Shared) -> NextStep {
        self.queued = false;
        match self.advance(shared) {
            Ok(step) => step,
            Err(error) => self.fail(&error),
        }
    }

    /// Starts the drain: pending output is finished, then FIN is sent. A connection that waits for
    /// a PROXY header may have sent all of its input already, and is read first. Returns true if
    /// the connection is to be queued for a turn.
    pub fn drain(&mut self) -> bool {
        if self.phase == Phase::Open {
            self.enter(Phase::Draining(Cause::Drained));
        }
        self.hurry_probe();
        self.mark(Ready::READABLE)
    }

    /// Closes immediately. With output pending or a request incomplete it sends RST, because a
    /// half-closed peer would take FIN for a complete reply.
    pub fn close(&mut self, cause: Cause) {
        if self.pending.is_some() || self.phase == Phase::Lingering(Cause::Cut) {
            self.end_by_reset();
        }
        self.enter(Phase::Closed(cause));
    }

    #[cold]
    fn end_by_reset(&self) {
        // After an error event the socket is dead, and RST reaches no peer.
        if self.ready.contains(Ready::ERROR) {
            return;
        }
        // If this fails, there is no other way to notify the peer; the cause is in the log.
        drop(self.stream.close_with_reset());
    }

    /// Closes a connection that was accepted only to leave the accept queue, and never was in a
    /// phase.
    pub fn reject(&mut self, cause: Cause) {
        self.phase = Phase::Closed(cause);
        self.history = History::new(self.history.accepted()).then(PhaseKind::Closed);
    }

    /// Handles the drain deadline. A lingering connection has all its replies; the others are cut,
    /// by RST: input may be on its way, and a half-closed peer would take FIN for the end of its
    /// echo.
    pub fn cut(&mut self) {
        match self.phase {
            Phase::Lingering(cause) => self.close(deadline::lingering(cause).1),
            Phase::Closed(_) => {}
            Phase::ProxyHeader(_) | Phase::Open | Phase::Flushing | Phase::Draining(_) => {
                self.end_by_reset();
                self.enter(Phase::Closed(Cause::Cut));
            }
        }
    }

    /// Notes that it is counted for its peer's address.
    pub const fn count(&mut self) {
        self.listener.count();
    }

    /// Returns true if it is counted for its peer's address.
    pub const fn is_counted(&self) -> bool {
        self.listener.is_counted()
    }

    /// Returns the address from `accept`, because `getpeername` fails once the peer has reset; or
    /// the one that a PROXY header named.
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Returns true if it waits for a PROXY header.
    pub const fn is_unidentified(&self) -> bool {
        matches!(self.phase, Phase::ProxyHeader(_))
    }

    /// Returns its phase.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns its traffic so far.
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Returns the moment of `accept`, and the phases since.
    pub const fn history(&self) -> History {
        self.history
    }

    /// Returns the time of the last byte moved.
    pub const fn active(&self) -> MonotonicMs {
        self.active
    }

    #[cold]
    fn fail(&mut self, error: &io::Error) -> NextStep {
        let cause = errno::stream_cause(error);
        if cause == Cause::Error {
            debug!("fault peer={} phase={} error=\"{error}\"", self.peer, self.phase.kind());
        }
        // Input that was read and not answered is lost; and the socket may live on, as one does
        // after the kernel lacked memory.
        self.end_by_reset();
        self.pending = None;
        self.end(cause)
    }

    fn end(&mut self, cause: Cause) -> NextStep {
        self.close(cause);
        NextStep::Closed
    }

    /// Changes the phase, and checks that the table of transitions has the change.
    fn enter(&mut self, next: Phase) {
        debug_assert!(transitions::allowed(self.phase, next), "{:?} -> {next:?}", self.phase);
        trace!("phase peer={} {:?} -> {next:?}", self.peer, self.phase);
        self.phase = next;
        self.history = self.history.then(next.kind());
    }
}
