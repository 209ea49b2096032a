//! One connection's state machine, generic over its stream.
//!
//! Rules that everything here keeps:
//!
//! - Readiness is a hint that is remembered; the system call that fails is the truth. Whoever
//!   stops before would-block leaves the hint standing, because no second event will come.
//! - While output is owed, nothing is read: back-pressure is simply not asking.
//! - A read that returns less than it could has emptied the socket, unless the event said that
//!   the end (or an urgent byte) is near: then only would-block or the end itself proves it.
//! - The first cause wins. The kernel tells an error once, to whoever asks first.
//! - A peer's fault is a transition, never an error to the caller.

mod answer;
mod deadline;
mod output;
mod peek_header;
mod peer;
mod pending;
mod phase;
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

pub use peer::Peer;
pub use pending::Pending;
pub use phase::{Phase, PhaseKind};
pub use readiness::Ready;
pub use shared::Shared;
pub use stream::Stream;
pub use timeouts::{LINGER, Timeouts};
pub use transitions::{Transition, transitions};

/// What a connection asks of the reactor after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing, until an event or a deadline comes.
    Idle,
    /// Another turn: there is more to do than one turn's budget.
    Yield,
    /// To be admitted under the address that it has now, and then to begin.
    Identified,
    /// To be reaped.
    Closed,
}

/// What went through a connection, for its closing line and the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that were read from the peer.
    pub bytes_in: u64,
    /// Bytes that the kernel took for the peer.
    pub bytes_out: u64,
    /// Requests that were answered: lines, or records. Pieces of one line are one.
    pub lines: u64,
}

impl Traffic {
    /// Adds another's.
    pub const fn add(&mut self, other: Self) {
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.lines += other.lines;
    }
}

/// A connection: the stream to one peer and all that is known about it.
///
/// It is kept small, because a daemon has tens of thousands that do nothing: what only an
/// unfinished exchange needs is in a box that is gone when the exchange is finished.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is by itself, in a byte to spare")]
pub struct Connection<S> {
    stream: S,
    peer: Peer,
    phase: Phase,
    ready: Ready,
    /// The rest of a line that was refused is being thrown away.
    skipping: bool,
    /// In the reactor's run queue; kept here because there is a spare byte.
    queued: bool,
    /// It counts for its peer's address.
    counted: bool,
    pending: Option<Box<Pending>>,
    traffic: Traffic,
    opened: MonotonicMs,
    /// When bytes last moved; while lingering, when that began.
    active: MonotonicMs,
}

impl<S: Stream> Connection<S> {
    /// A connection that `accept` has just returned, from `peer`, with the demand for a PROXY
    /// header if there is one.
    pub fn new(stream: S, peer: Peer, policy: Option<HeaderPolicy>, now: MonotonicMs) -> Self {
        Self {
            stream,
            peer,
            phase: policy.map_or(Phase::Open, Phase::ProxyHeader),
            ready: S::PERMANENT_HINTS.union(peer.permanent_hints()),
            skipping: false,
            queued: false,
            counted: false,
            pending: None,
            traffic: Traffic::default(),
            opened: now,
            active: now,
        }
    }

    /// The stream of a connection that another process is going to answer.
    pub fn into_stream(self) -> S {
        self.stream
    }

    /// Remembers what an event said. Returns true if the connection is to be queued for a turn,
    /// false if it is queued already.
    pub fn mark(&mut self, ready: Ready) -> bool {
        self.ready.insert(ready);
        !std::mem::replace(&mut self.queued, true)
    }

    /// True if it is in the queue for a turn.
    pub const fn is_queued(&self) -> bool {
        self.queued
    }

    /// True if it wants another turn because its input goes on and on, and not because its end is
    /// near or a signal has come between it and what it is owed.
    pub fn is_bulk(&self) -> bool {
        self.phase == Phase::Open
            && !self.ready.contains(Ready::READ_TO_EAGAIN)
            && !self.has_output()
    }

    /// Has it begin with `bytes` to its peer. It has to be served then.
    pub fn greet(&mut self, bytes: &[u8], now: MonotonicMs) {
        self.pending.get_or_insert_default().queue(bytes, now);
    }

    /// One turn: writes what is owed, reads what there is, answers it, all within the budget.
    pub fn serve(&mut self, shared: &mut Shared) -> NextStep {
        self.queued = false;
        match self.advance(shared) {
            Ok(step) => step,
            Err(error) => self.fail(&error),
        }
    }

    /// The daemon is shutting down: finish what is owed, then send FIN. Who has not been introduced
    /// may have said everything already, and is looked at first. Returns true if the connection is
    /// to be queued for a turn.
    pub fn drain(&mut self) -> bool {
        if self.phase == Phase::Open {
            self.enter(Phase::Draining(Cause::Drained));
        }
        self.mark(Ready::READABLE)
    }

    /// Ends the connection where it stands. Who is still owed something, or has begun what is not
    /// answered any more, is told by RST: after FIN, a peer that has half-closed would think that
    /// it has everything.
    pub fn close(&mut self, cause: Cause) {
        if self.pending.is_some() || self.phase == Phase::Lingering(Cause::Cut) {
            self.end_by_reset();
        }
        self.enter(Phase::Closed(cause));
    }

    #[cold]
    fn end_by_reset(&self) {
        // If an event has told of an error, the socket has ended, and nobody is there to be told.
        if self.ready.contains(Ready::ERROR) {
            return;
        }
        // Should this fail, there is no other way to tell; the cause is in the log.
        drop(self.stream.close_with_reset());
    }

    /// Closes a connection that was accepted only to get out of the queue, and never was in a
    /// phase.
    pub const fn reject(&mut self, cause: Cause) {
        self.phase = Phase::Closed(cause);
    }

    /// The drain deadline has come. A lingering connection was given everything; the others are
    /// cut, by RST: input may be on its way, and a peer that has half-closed would take FIN for the
    /// end of its echo.
    pub fn cut(&mut self) {
        match self.phase {
            Phase::Lingering(cause) | Phase::Closed(cause) => self.close(cause),
            Phase::ProxyHeader(_) | Phase::Open | Phase::Flushing | Phase::Draining(_) => {
                self.end_by_reset();
                self.enter(Phase::Closed(Cause::Cut));
            }
        }
    }

    /// Counts it for its peer's address, or says that it is counted.
    pub const fn count(&mut self) {
        self.counted = true;
    }

    /// True if it counts for its peer's address.
    pub const fn is_counted(&self) -> bool {
        self.counted
    }

    /// The address that `accept` returned, because `getpeername` would fail once the peer has
    /// reset; or the one that a PROXY header named.
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// True if it waits for a PROXY header.
    pub const fn is_unidentified(&self) -> bool {
        matches!(self.phase, Phase::ProxyHeader(_))
    }

    /// The phase it is in.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What has gone through it so far.
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// When it was accepted.
    pub const fn opened(&self) -> MonotonicMs {
        self.opened
    }

    /// When bytes last moved.
    pub const fn active(&self) -> MonotonicMs {
        self.active
    }

    /// Its stream, for registering.
    pub const fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    #[cold]
    fn fail(&mut self, error: &io::Error) -> NextStep {
        let cause = errno::stream_cause(error);
        if cause == Cause::Error {
            debug!("fault peer={} phase={} error=\"{error}\"", self.peer, self.phase.kind());
        }
        // What was read and not answered is in no buffer any more; and the socket may live on, as
        // one does for which the kernel only lacked memory.
        self.end_by_reset();
        self.pending = None;
        self.end(cause)
    }

    fn end(&mut self, cause: Cause) -> NextStep {
        self.close(cause);
        NextStep::Closed
    }

    /// The one door from phase to phase.
    fn enter(&mut self, next: Phase) {
        debug_assert!(transitions::allowed(self.phase, next), "{:?} -> {next:?}", self.phase);
        trace!("phase peer={} {:?} -> {next:?}", self.peer, self.phase);
        self.phase = next;
    }
}
