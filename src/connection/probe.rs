//! The service probe: carries out the requests that some lines are, one in a turn.
//!
//! The lines behind a request wait for the next turn, which bounds the answers in one turn; for the
//! reactor, if the request concerns other connections; or for the end of a pause. While input
//! waits, nothing is read. All waits end when the daemon begins to drain: the late line is then
//! sent at once, like all pending output.

use std::io;
use std::time::Duration;

use crate::clock::MonotonicMs;
use crate::line::Framing;
use crate::os::errno;
use crate::service::{ProbeQuestion, ProbeRequest};

use super::{Cause, Connection, NextStep, Peer, Pending, Phase, Shared, Stream};

/// The unfinished work of the service probe.
#[derive(Debug, Default)]
pub(super) struct ProbeState {
    /// Input behind a request, at most one read.
    held: Vec<u8>,
    /// A request that the reactor has to answer.
    question: Option<ProbeQuestion>,
    /// The end of a pause, before which nothing is read.
    paused_until: Option<MonotonicMs>,
    /// The line of `probe later`, and the time at which it is due.
    later: Option<(MonotonicMs, Vec<u8>)>,
}

impl ProbeState {
    /// Returns true if no work is left.
    pub(super) const fn is_over(&self) -> bool {
        self.later.is_none() && !self.holds_input()
    }

    /// Returns true if input waits, or would have to.
    const fn holds_input(&self) -> bool {
        self.must_wait() || !self.held.is_empty()
    }

    /// Returns true if the input behind a request may not be answered yet.
    const fn must_wait(&self) -> bool {
        self.question.is_some() || self.paused_until.is_some()
    }

    /// Returns when the next wait ends.
    pub(super) fn next_step_at(&self) -> Option<MonotonicMs> {
        self.waits().min()
    }

    fn waits(&self) -> impl Iterator<Item = MonotonicMs> {
        self.paused_until.into_iter().chain(self.later.as_ref().map(|(at, _)| *at))
    }
}

impl Pending {
    /// Keeps the input behind a request: other lines, and the beginning of one.
    fn hold(&mut self, input: Vec<u8>) {
        self.line_since = None;
        if !input.is_empty() {
            self.probe.get_or_insert_default().held = input;
        }
    }
}

/// The error of a request that is longer than a line may be; its rest is skipped.
const TOO_LONG: &str = "the line is too long";

impl<S: Stream> Connection<S> {
    /// Echoes lines up to the first request, and carries that out; the lines behind it wait.
    pub(super) fn answer_probe(
        &mut self,
        input: &[u8],
        line_bytes_max: usize,
        now: MonotonicMs,
    ) -> io::Result<()> {
        let in_line = self.pending.as_ref().is_some_and(|pending| pending.in_line);
        let split = if in_line { ProbeRequest::split_in_line } else { ProbeRequest::split };
        let (echo, request, rest) = split(input);
        self.traffic.lines += Framing::Pieces.count(echo);
        self.reply(echo, now)?;
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let Some(line) = request else {
            pending.in_line = echo.last().map_or(in_line, |last| *last != b'\n');
            return Ok(());
        };
        self.traffic.lines += 1;
        pending.in_line = false;
        let begun = pending.line.take();
        let request = if line.ends_with(b"\n") {
            pending.hold([rest, &begun].concat());
            if line.len() > line_bytes_max { Err(TOO_LONG) } else { ProbeRequest::parse(line) }
        } else {
            pending.skipping = true;
            Err(TOO_LONG)
        };
        match request {
            Ok(request) => self.carry_out(request, now),
            Err(wrong) => self.reply(format!("probe error: {wrong}\n").as_bytes(), now),
        }
    }

    fn carry_out(&mut self, request: ProbeRequest<'_>, now: MonotonicMs) -> io::Result<()> {
        match request {
            ProbeRequest::Hello => self.reply(self.hello().as_bytes(), now),
            ProbeRequest::Ask(question) => {
                self.probe_mut().question = Some(question);
                Ok(())
            }
            ProbeRequest::Reset => Err(errno::local_abort()),
            ProbeRequest::Close => self.close_as_asked(now),
            ProbeRequest::Later(..) if self.probe_mut().later.is_some() => {
                self.reply(b"probe error: another line is due later\n", now)
            }
            ProbeRequest::Later(wait, text) => {
                let line = [text, b"\n"].concat();
                self.probe_mut().later = Some((self.end_of(wait, now), line));
                self.end_probe_waits(now)
            }
            ProbeRequest::Pause(wait) => {
                self.reply(format!("probe pausing {}\n", wait.as_millis()).as_bytes(), now)?;
                self.probe_mut().paused_until = Some(self.end_of(wait, now));
                self.end_probe_waits(now)
            }
        }
    }

    fn probe_mut(&mut self) -> &mut ProbeState {
        self.pending.get_or_insert_default().probe.get_or_insert_default()
    }

    /// Returns the end of a wait that begins now. There are none in a drain.
    fn end_of(&self, wait: Duration, now: MonotonicMs) -> MonotonicMs {
        if self.phase == Phase::Open { now.after(wait) } else { now }
    }

    /// Sends FIN once all output is written; further input is discarded. A drain does so anyway.
    fn close_as_asked(&mut self, now: MonotonicMs) -> io::Result<()> {
        if self.phase == Phase::Open {
            self.hurry_probe();
            self.probe_mut().held = Vec::new();
            self.enter(Phase::Draining(Cause::Finished));
        }
        self.end_probe_waits(now)
    }

    /// Returns the addresses as the daemon sees them, and the result of the handshake.
    fn hello(&self) -> String {
        let [local, remote] = self.stream.addresses().map(|one| one.map(Peer::from));
        let local = local.unwrap_or(Peer::unix(0));
        let version = env!("CARGO_PKG_VERSION");
        // Behind a proxy, its address too.
        let from = remote.filter(|remote| *remote != self.peer).map(|from| format!(" from={from}"));
        let negotiated = self.stream.negotiated().map(|negotiated| format!(" {negotiated}"));
        let multipath = if self.stream.is_multipath() { " mptcp=1" } else { "" };
        let [from, negotiated] = [from, negotiated].map(Option::unwrap_or_default);
        let peer = self.peer;
        format!("probe tcpechod {version} peer={peer} local={local}{from}{negotiated}{multipath}\n")
    }

    /// Ends the waits that are due: sends the late line, and lets reading go on.
    pub(super) fn end_probe_waits(&mut self, now: MonotonicMs) -> io::Result<()> {
        let Some(probe) = self.probe_state_mut() else { return Ok(()) };
        let pause = probe.paused_until.take_if(|at| *at <= now);
        let line = probe.later.take_if(|(at, _)| *at <= now);
        if pause.is_some() || line.is_some() {
            self.active = now;
        }
        if let Some((_, line)) = line {
            self.reply(&line, now)?;
        }
        self.release();
        Ok(())
    }

    fn probe_state_mut(&mut self) -> Option<&mut ProbeState> {
        self.pending.as_mut()?.probe.as_deref_mut()
    }

    fn probe_state(&self) -> Option<&ProbeState> {
        self.pending.as_ref()?.probe.as_deref()
    }

    /// Ends all waits at the next turn.
    pub(super) fn hurry_probe(&mut self) {
        if let Some(probe) = self.probe_state_mut() {
            probe.paused_until = None;
            probe.later.iter_mut().for_each(|(at, _)| *at = MonotonicMs::default());
        }
    }

    /// Returns true if input waits, and nothing may be read.
    pub(super) fn holds_input(&self) -> bool {
        self.probe_state().is_some_and(ProbeState::holds_input)
    }

    /// Answers the input behind a request, unless it has to wait longer.
    pub(super) fn answer_held(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        if let Some(probe) = self.probe_state_mut().filter(|probe| !probe.must_wait()) {
            let held = std::mem::take(&mut probe.held);
            shared.read.spare().split_at_mut(held.len()).0.copy_from_slice(&held);
            self.answer(held.len(), shared)?;
        }
        self.go_on(shared)
    }

    /// Returns the next step while no output is pending, but the work of a request.
    pub(super) fn next_probe_step(&self) -> NextStep {
        match self.probe_state() {
            Some(ProbeState { question: Some(_), .. }) => NextStep::Asks,
            Some(ProbeState { paused_until: Some(_), .. }) => NextStep::Idle,
            Some(ProbeState { held, .. }) if !held.is_empty() => NextStep::Yield,
            _ if self.may_read() => NextStep::Yield,
            _ => NextStep::Idle,
        }
    }

    /// Returns the end of the longest wait, from which the idle timeout counts: that silence is our
    /// own.
    pub(super) fn probe_waits_until(&self) -> MonotonicMs {
        let waits = self.probe_state().into_iter().flat_map(ProbeState::waits);
        waits.max().unwrap_or_default()
    }

    /// Returns the request that the reactor has to answer.
    pub fn question(&self) -> Option<&ProbeQuestion> {
        self.probe_state()?.question.as_ref()
    }

    /// Answers that request, and goes on.
    pub fn answer_question(&mut self, answer: &str, shared: &mut Shared) -> NextStep {
        if let Some(probe) = self.probe_state_mut() {
            probe.question = None;
        }
        let answered = self.reply(answer.as_bytes(), shared.now);
        self.release();
        answered.and_then(|()| self.go_on(shared)).unwrap_or_else(|error| self.fail(&error))
    }

    /// Returns true if the peer's FIN was read.
    pub fn input_has_ended(&self) -> bool {
        self.phase == Phase::Flushing
    }
}
