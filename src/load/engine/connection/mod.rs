//! One connection of the load: connects, sends lines, compares the echoes, and closes as planned.
//! Generic over its stream; the caller passes the time in.
//!
//! - Neither the bytes to send nor the bytes to expect are stored: both are positions in the
//!   payload.
//! - Readiness is a remembered hint, as in [`crate::connection`].
//! - Any error ends the connection, and is recorded once, by phase and word.

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
use crate::load::engine::line_source::LineSource;
use crate::load::engine::mode::Plan;
use crate::load::engine::payload::{Payload, PayloadStream as Bytes, Position};
use crate::load::engine::results::Results;

use self::receive::Received;

pub(super) use self::wait::Wait;

/// Largest read or write, in bytes: a connection's budget per turn.
const TURN_BYTES_MAX: usize = 64 << 10;

/// The state of a connection after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadStep {
    /// Waits for an event or a due line.
    Idle,
    /// Needs another turn: there is more work than one turn's budget.
    Yield,
    /// Close it: the plan is complete.
    Done,
    /// Close it: an error occurred.
    Failed(RunError),
}

/// State shared by all connections, passed to each in its turn.
#[derive(Debug)]
pub(super) struct RunShared {
    pub plan: Plan,
    pub payload: Payload,
    pub results: Results,
    read_buffer: Box<[u8]>,
    write_buffer: Vec<u8>,
}

impl RunShared {
    pub(super) fn new(plan: Plan, payload: Payload) -> Self {
        let read_buffer = vec![0; TURN_BYTES_MAX].into_boxed_slice();
        Self { plan, payload, results: Results::new(), read_buffer, write_buffer: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoadPhase {
    /// The connect is still pending.
    Connecting,
    /// Our PROXY header is being sent; this many bytes are sent.
    ProxyHeader(u8),
    /// Waiting for the server's greeting, and sending nothing before; true once a part has come.
    Greeting(bool),
    /// Sending lines and comparing echoes.
    Open,
    /// Our FIN is sent; waiting for the missing echoes, then the server's FIN.
    Ending,
}

/// One connection.
#[derive(Debug)]
pub(super) struct LoadConnection<S> {
    stream: S,
    /// Number in the order of connects, from 0.
    number: u64,
    bytes: Bytes,
    phase: LoadPhase,
    ready: Ready,
    queued: bool,
    /// The timeout has passed, and a final read was scheduled.
    final_read: bool,
    /// Position of the next byte to send.
    sent: Position,
    /// Position of the next byte to expect.
    expected: Position,
    /// Number of lines begun: sent, or permitted to be sent.
    begun: u64,
    /// Numbers and start times of the timed lines in flight.
    times: VecDeque<(u64, MonotonicNs)>,
    /// Offset of `expected` in the stream, in bytes.
    received: u64,
    dialled: MonotonicNs,
    /// Since when another line could be sent; `NEVER` while it can't.
    free: MonotonicNs,
    /// When bytes last came, or when waiting for them began.
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
            expected: start,
            begun: 0,
            times: VecDeque::new(),
            received: 0,
            dialled: now,
            free: now,
            active: now,
        }
    }

    /// Remembers the hints of an event. Returns true if the connection has to be queued for a turn,
    /// false if it is queued already.
    #[inline]
    pub(super) fn mark(&mut self, ready: Ready) -> bool {
        self.ready.insert(ready);
        !std::mem::replace(&mut self.queued, true)
    }

    /// Runs one turn: compares the bytes that have come, and sends the lines that may be sent.
    pub(super) fn serve(
        &mut self,
        shared: &mut RunShared,
        source: &mut LineSource<'_>,
        clock: impl Fn() -> MonotonicNs,
    ) -> LoadStep {
        self.queued = false;
        self.advance(shared, source, clock).unwrap_or_else(LoadStep::Failed)
    }

    /// True while the connect is pending.
    pub(super) fn is_connecting(&self) -> bool {
        self.phase == LoadPhase::Connecting
    }

    /// True once a line has been begun.
    #[inline]
    pub(super) const fn has_begun(&self) -> bool {
        self.begun > 0
    }

    /// True once a line has come back.
    pub(super) const fn has_answered(&self) -> bool {
        self.expected.line > 0
    }

    /// True if all lines of its plan are begun; the end of a run may prevent that.
    pub(super) const fn all_begun(&self, plan: &Plan) -> bool {
        self.begun >= plan.lines
    }

    /// Number of lines in flight.
    #[inline]
    pub(super) const fn in_flight(&self) -> u64 {
        self.begun - self.expected.line
    }

    /// Closes the connection, with a reset if `close` asks for it.
    pub(super) fn close(self, close: Close) {
        if close == Close::Rst {
            // An error means that the connection is gone already.
            drop(self.stream.close_with_reset());
        }
    }

    fn advance(
        &mut self,
        shared: &mut RunShared,
        source: &mut LineSource<'_>,
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
        let received = self.read(shared)?;
        let now = clock();
        match received {
            Received::Fin => return self.server_fin(),
            Received::Bytes(count) => self.compare(count, shared, now)?,
            Received::Nothing => {}
        }
        let full = self.send(shared, source, now)?;
        if self.is_to_be_reset(shared) {
            return Ok(LoadStep::Done);
        }
        let more_to_send = self.has_output() && self.ready.contains(Ready::WRITABLE);
        if self.is_done(shared, source) {
            return self.finish(shared, now);
        }
        let again = full || more_to_send || self.ready.contains(Ready::READABLE);
        Ok(if again { LoadStep::Yield } else { LoadStep::Idle })
    }

    /// Runs the steps before the first line: connect, PROXY header, greeting. Returns true once
    /// lines may be sent.
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

    /// Begins to send lines.
    fn open(&mut self, now: MonotonicNs) {
        self.phase = LoadPhase::Open;
        self.free = now;
        self.active = now;
    }

    /// Completes the connect once an event has reported the socket writable.
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
            // Only a final read, not an event, set the hint: the connect is still pending. A Unix
            // socket has neither address.
            self.ready.remove(Ready::WRITABLE);
            return Ok(false);
        }
        if local.is_some() && local == remote {
            // A connect to a local port without a listener may be given the same port as its
            // source, and so reach itself (RFC 9293, section 3.5: simultaneous open).
            return Err(RunError::new(ErrorPhase::Connect, FailureKind::Refused));
        }
        self.phase = LoadPhase::ProxyHeader(0);
        self.active = now;
        shared.results.connected(now.ns_since(self.dialled));
        Ok(true)
    }

    /// Returns the phase to report for an error now.
    fn error_phase(&self) -> ErrorPhase {
        match self.phase {
            LoadPhase::Connecting => ErrorPhase::Connect,
            LoadPhase::Ending if self.in_flight() == 0 => ErrorPhase::Close,
            LoadPhase::ProxyHeader(_) => ErrorPhase::Write,
            LoadPhase::Greeting(_) | LoadPhase::Open | LoadPhase::Ending => ErrorPhase::Read,
        }
    }
}
