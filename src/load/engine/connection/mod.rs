//! One connection's side of the load: it connects, sends lines, compares what comes back, and
//! ends as planned. Generic over its stream; time is passed in.
//!
//! - What is to be sent and what has to come back are never kept: both are places in the payload.
//! - Readiness is a hint that is remembered, as in [`crate::connection`].
//! - Whatever goes wrong ends the connection, and is told once, by where and in one word.

mod finish;
mod proxy_header;
mod receive;
mod send;
mod wait;

use std::collections::VecDeque;
use std::io;

use crate::client::FailureKind;
use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::sys::DialedStream;

use crate::load::config::Close;
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::mode::Plan;
use crate::load::engine::payload::{Payload, PayloadStream as Bytes, Position};
use crate::load::engine::results::Results;

use self::receive::Got;

pub(super) use self::wait::Wait;

/// How much is read or written at once, in bytes: all that a connection gets in a turn.
const TURN_BYTES_MAX: usize = 64 << 10;

/// What a connection asks of the generator after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadStep {
    /// Nothing, until an event or a line that is due comes.
    Idle,
    /// Another turn: there is more to do than one turn's budget.
    Yield,
    /// To be closed: it has done all that was planned.
    Done,
    /// To be closed: something went wrong.
    Failed(RunError),
}

/// Who says which line may be sent, and when it was due.
pub(super) trait Supply {
    /// One more line to be sent now, and the moment from which its latency counts.
    fn next(&mut self, now: MonotonicNs) -> Option<MonotonicNs>;

    /// True once no other line will come, and connections are to end.
    fn is_over(&self) -> bool;
}

/// What all connections share, lent to each in its turn.
#[derive(Debug)]
pub(super) struct RunShared {
    pub plan: Plan,
    pub payload: Payload,
    pub results: Results,
    room: Box<[u8]>,
    out: Vec<u8>,
}

impl RunShared {
    pub(super) fn new(plan: Plan, payload: Payload) -> Self {
        let room = vec![0; TURN_BYTES_MAX].into_boxed_slice();
        Self { plan, payload, results: Results::new(), room, out: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoadPhase {
    /// It is not known yet whether there will be a connection.
    Connecting,
    /// So many bytes of our PROXY header are sent.
    ProxyHeader(u8),
    /// The server's greeting has to come, and nothing is sent before; true once some of it has.
    Greeting(bool),
    /// Lines go there and back.
    Open,
    /// Our FIN is sent; the server's has to come, after all that is still due.
    Ending,
}

/// One connection.
#[derive(Debug)]
pub(super) struct LoadConnection<S> {
    stream: S,
    /// In the order of connects, from 0.
    number: u64,
    bytes: Bytes,
    phase: LoadPhase,
    ready: Ready,
    queued: bool,
    /// What it waits for is overdue, and was to be looked for once more.
    final_read: bool,
    /// What is to be sent next.
    sent: Position,
    /// What has to come back next.
    due: Position,
    /// How many lines may be sent so far.
    begun: u64,
    /// From when the latency of lines on their way counts, those that are timed.
    times: VecDeque<(u64, MonotonicNs)>,
    /// Where in the stream `due` is, in bytes.
    received: u64,
    dialled: MonotonicNs,
    /// Since when one more line could be sent; never while that can't.
    free: MonotonicNs,
    /// When bytes last came, or began to be waited for.
    active: MonotonicNs,
}

impl<S: DialedStream> LoadConnection<S> {
    pub(super) fn new(stream: S, number: u64, payload: &Payload, now: MonotonicNs) -> Self {
        let bytes = payload.stream(number);
        let start = payload.start(bytes);
        Self {
            stream,
            number,
            bytes,
            phase: LoadPhase::Connecting,
            ready: Ready::NONE,
            queued: false,
            final_read: false,
            sent: start,
            due: start,
            begun: 0,
            times: VecDeque::new(),
            received: 0,
            dialled: now,
            free: now,
            active: now,
        }
    }

    /// Remembers what an event said. Returns true if it is to be queued for a turn, false if it
    /// is queued already.
    #[inline]
    pub(super) fn mark(&mut self, ready: Ready) -> bool {
        self.ready.insert(ready);
        !std::mem::replace(&mut self.queued, true)
    }

    /// One turn: what has come is compared, and what may be sent is sent.
    pub(super) fn serve(
        &mut self,
        shared: &mut RunShared,
        supply: &mut impl Supply,
        clock: impl Fn() -> MonotonicNs,
    ) -> LoadStep {
        self.queued = false;
        self.advance(shared, supply, clock).unwrap_or_else(LoadStep::Failed)
    }

    /// True while it is not known yet whether there will be a connection.
    pub(super) fn is_connecting(&self) -> bool {
        self.phase == LoadPhase::Connecting
    }

    /// True once a line has been sent, or tried to.
    #[inline]
    pub(super) const fn has_begun(&self) -> bool {
        self.begun > 0
    }

    /// True once a line has come back.
    pub(super) const fn has_answered(&self) -> bool {
        self.due.line > 0
    }

    /// True if it has sent all lines of its plan, or tried to: at the end of a run it may not get
    /// to that.
    pub(super) const fn all_begun(&self, plan: &Plan) -> bool {
        self.begun >= plan.lines
    }

    /// How many lines are on their way.
    #[inline]
    pub(super) const fn in_flight(&self) -> u64 {
        self.begun - self.due.line
    }

    /// Closes it: with a reset if `close` says so.
    pub(super) fn close(self, close: Close) {
        if close == Close::Rst && self.stream.close_with_reset().is_err() {
            // The connection is gone already; so there is nothing left to reset.
        }
    }

    fn advance(
        &mut self,
        shared: &mut RunShared,
        supply: &mut impl Supply,
        clock: impl Fn() -> MonotonicNs,
    ) -> Result<LoadStep, RunError> {
        if !matches!(self.phase, LoadPhase::Open | LoadPhase::Ending)
            && !self.started(shared, &clock)?
        {
            let greeting = matches!(self.phase, LoadPhase::Greeting(_));
            let more = greeting && self.ready.contains(Ready::READABLE);
            return Ok(if more { LoadStep::Yield } else { LoadStep::Idle });
        }
        if self.is_to_be_reset(shared) {
            return Ok(LoadStep::Done);
        }
        let read = self.read(shared)?;
        let now = clock();
        match read {
            Got::End => return self.ended(),
            Got::Bytes(count) => self.compare(count, shared, now)?,
            Got::Nothing => {}
        }
        let full = self.send(shared, supply, now)?;
        if self.is_to_be_reset(shared) {
            return Ok(LoadStep::Done);
        }
        let more_to_send = self.has_output() && self.ready.contains(Ready::WRITABLE);
        if self.is_done(shared, supply) {
            return self.finish(shared, now);
        }
        let again = full || more_to_send || self.ready.contains(Ready::READABLE);
        Ok(if again { LoadStep::Yield } else { LoadStep::Idle })
    }

    /// True once lines may go: it is connected, has introduced itself where that is asked for, and
    /// has been greeted, likewise.
    #[cold]
    fn started(
        &mut self,
        shared: &mut RunShared,
        clock: impl Fn() -> MonotonicNs,
    ) -> Result<bool, RunError> {
        if self.phase == LoadPhase::Connecting && !self.connected(shared, clock())? {
            return Ok(false);
        }
        if let (Some(version), LoadPhase::ProxyHeader(sent)) = (shared.plan.send_proxy, self.phase)
            && !self.send_proxy_header(version, sent)?
        {
            return Ok(false);
        }
        if shared.plan.skip_greeting && !self.greeted(shared, clock())? {
            return Ok(false);
        }
        self.open(clock());
        Ok(true)
    }

    /// From now on lines may go.
    fn open(&mut self, now: MonotonicNs) {
        self.phase = LoadPhase::Open;
        self.free = now;
        self.active = now;
    }

    /// Asks the socket whether it is connected, once an event says that it knows.
    fn connected(&mut self, shared: &mut RunShared, now: MonotonicNs) -> Result<bool, RunError> {
        if !self.ready.contains(Ready::WRITABLE) {
            return Ok(false);
        }
        let failed = |error: io::Error| RunError::of(ErrorPhase::Connect, &error);
        if let Some(error) = self.stream.take_error().map_err(failed)? {
            return Err(failed(error));
        }
        let (local, remote) = (self.stream.local(), self.stream.remote());
        if local.is_some() && remote.is_none() {
            // It was only looked at, and is on its way still. A Unix socket has neither address.
            self.ready.remove(Ready::WRITABLE);
            return Ok(false);
        }
        if local.is_some() && local == remote {
            // A connect to a port of this machine, on which nobody listens, may be given that very
            // port to connect from (RFC 9293, section 3.5: simultaneous open).
            return Err(RunError::new(ErrorPhase::Connect, FailureKind::Refused));
        }
        self.phase = LoadPhase::ProxyHeader(0);
        self.active = now;
        shared.results.connected(now.ns_since(self.dialled));
        Ok(true)
    }

    /// Where it is, should something go wrong there.
    fn place(&self) -> ErrorPhase {
        match self.phase {
            LoadPhase::Connecting => ErrorPhase::Connect,
            LoadPhase::Ending if self.in_flight() == 0 => ErrorPhase::Close,
            LoadPhase::ProxyHeader(_) => ErrorPhase::Write,
            LoadPhase::Greeting(_) | LoadPhase::Open | LoadPhase::Ending => ErrorPhase::Read,
        }
    }
}
