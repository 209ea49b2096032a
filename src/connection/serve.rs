//! Reads, replies, writes, and the ends of both directions.

use std::io;
use std::ops::ControlFlow;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::line::Framing;
use crate::num;
use crate::os::errno;
use crate::service::Reply;

use super::{Connection, NextStep, Phase, Ready, Shared, Stream};

impl<S: Stream> Connection<S> {
    /// Writes pending output, else reads once and answers. One read is the budget: it empties the
    /// socket, or fills the buffer, and then other connections come first.
    #[expect(clippy::inline_always, reason = "a call of its own takes 16 instructions a line")]
    #[inline(always)]
    pub(super) fn advance(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        match self.phase {
            Phase::Open | Phase::Flushing | Phase::Draining(_) => {}
            Phase::ProxyHeader(policy) => return self.advance_header(policy, shared),
            Phase::Lingering(cause) => return self.discard(cause, shared),
            // It waits for the reactor to reap it.
            Phase::Closed(_) => return Ok(NextStep::Idle),
        }
        if self.owes()
            && let ControlFlow::Break(step) = self.flush_first(shared)?
        {
            return Ok(step);
        }
        if self.may_read() { self.read_once(shared) } else { self.try_finish(shared) }
    }

    /// Writes pending output, and goes on with the service probe. Breaks unless the connection may
    /// read after it.
    #[cold]
    fn flush_first(&mut self, shared: &mut Shared) -> io::Result<ControlFlow<NextStep>> {
        let is_final = self.pending.as_ref().is_some_and(|pending| pending.final_reply);
        self.end_probe_waits(shared.now)?;
        if !self.flush(shared.now)? {
            return Ok(ControlFlow::Break(self.next_step()));
        }
        if let Phase::Draining(cause) = self.phase
            && is_final
        {
            return Ok(ControlFlow::Break(self.send_fin(cause, shared.now)));
        }
        if self.owes() {
            // While the service probe waits, no read would return it.
            self.take_pending_error()?;
        }
        if self.holds_input() {
            return self.answer_held(shared).map(ControlFlow::Break);
        }
        // A peer that reads slowly and keeps sending would be read for ever.
        if self.phase != Phase::Open && shared.read_over {
            return self.try_finish(shared).map(ControlFlow::Break);
        }
        Ok(ControlFlow::Continue(()))
    }

    #[expect(clippy::inline_always, reason = "a part of `advance`")]
    #[inline(always)]
    fn read_once(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        let spare = shared.read.spare();
        match self.stream.read(spare) {
            Ok(0) => return self.input_ended(shared),
            Ok(filled) => {
                if filled < spare.len() && !self.ready.contains(Ready::READ_TO_EAGAIN) {
                    self.ready.remove(Ready::READABLE);
                }
                self.traffic.bytes_in += num::to_u64(filled);
                self.active = shared.now;
                if !self.echo_at_once(filled, shared)? {
                    self.answer(filled, shared)?;
                    return self.go_on(shared);
                }
            }
            Err(error) => {
                self.read_failed(error)?;
                return self.go_on(shared);
            }
        }
        if self.phase == Phase::Open { Ok(self.next_step()) } else { self.keep_draining(shared) }
    }

    /// The echo: whole lines, or for `raw` all bytes, go back from the buffer that they were read
    /// into. Nearly every read ends with a newline. Returns false if the input needs more.
    #[expect(clippy::inline_always, reason = "a part of `advance`")]
    #[inline(always)]
    fn echo_at_once(&mut self, filled: usize, shared: &mut Shared) -> io::Result<bool> {
        match shared.read.spare().get(..filled) {
            Some(whole @ [.., last]) if self.pending.is_none() && self.listener.echoes(*last) => {
                self.traffic.lines += Framing::Pieces.count(whole);
                self.send(whole, shared.now)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Returns the next step after input that was not echoed at once, or after none.
    pub(super) fn go_on(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        if self.phase != Phase::Open {
            return self.keep_draining(shared);
        }
        if let Reply::Stream(bytes) = shared.service(self.listener).reply
            && !self.has_output()
        {
            return self.stream_out(bytes, shared.now);
        }
        Ok(self.next_step())
    }

    /// Sends the bytes of an endless reply once more. One write is the budget, as one read is.
    #[cold]
    fn stream_out(&mut self, bytes: &[u8], now: MonotonicMs) -> io::Result<NextStep> {
        let before = self.traffic.bytes_out;
        self.send(bytes, now)?;
        if self.traffic.bytes_out > before {
            self.active = now;
        }
        Ok(if self.has_output() { self.next_step() } else { NextStep::Yield })
    }

    /// Returns true if there may be input that this phase reads.
    pub(super) fn may_read(&self) -> bool {
        self.ready.contains(Ready::READABLE) && self.phase.reads()
    }

    /// Returns whether work remains: a buffer was filled, or a signal interrupted a call.
    pub(super) fn next_step(&self) -> NextStep {
        if self.owes() {
            return self.next_step_owing();
        }
        if self.ready.contains(Ready::READABLE) { NextStep::Yield } else { NextStep::Idle }
    }

    #[cold]
    fn next_step_owing(&self) -> NextStep {
        if !self.has_output() {
            return self.next_probe_step();
        }
        if self.ready.contains(Ready::WRITABLE) { NextStep::Yield } else { NextStep::Idle }
    }

    /// Handles a failed read: would-block disproves the hints.
    #[cold]
    pub(super) fn read_failed(&mut self, error: io::Error) -> io::Result<()> {
        if errno::would_block(&error) {
            self.ready.read_would_block();
        } else if !errno::is_interrupted(&error) {
            return Err(error);
        }
        Ok(())
    }

    /// In a drain, answers more input, until reading ends.
    #[cold]
    pub(super) fn keep_draining(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        if self.may_read() && !self.owes() && !shared.read_over {
            return Ok(NextStep::Yield);
        }
        self.try_finish(shared)
    }

    /// Handles the peer's FIN.
    #[cold]
    fn input_ended(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        self.take_pending_error()?;
        self.answer_partial(shared)?;
        match self.phase {
            Phase::Open | Phase::Draining(Cause::Drained) if self.owes() => {
                self.enter(Phase::Flushing);
                Ok(self.next_step())
            }
            Phase::Open => Ok(self.end(Cause::Finished)),
            Phase::Draining(Cause::Drained) => Ok(self.end(Cause::Drained)),
            Phase::ProxyHeader(_)
            | Phase::Flushing
            | Phase::Draining(_)
            | Phase::Lingering(_)
            | Phase::Closed(_) => self.try_finish(shared),
        }
    }

    /// Ends the phase if it can end: there is no more input for now, or no more output.
    ///
    /// Pending output comes first: until it is written nothing is read, so more input may be there,
    /// and an unfinished request is not the last one yet.
    #[cold]
    pub(super) fn try_finish(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        if self.owes() {
            return Ok(self.next_step());
        }
        if let Phase::Draining(cause) = self.phase {
            if cause == Cause::Drained && self.ready.contains(Ready::READABLE) {
                return self.final_read(shared);
            }
            self.answer_partial(shared)?;
            if let Some(pending) = self.pending.as_mut().filter(|pending| pending.has_output()) {
                // Input that comes while the reply is written would be the rest of the request just
                // answered. An echo has no such seam, and goes on.
                pending.final_reply = !shared.service(self.listener).reply.is_echo();
                return Ok(self.next_step());
            }
        }
        match self.phase {
            Phase::Flushing => Ok(self.end(Cause::Finished)),
            Phase::Draining(cause) => Ok(self.send_fin(cause, shared.now)),
            Phase::Open => self.go_on(shared),
            Phase::ProxyHeader(_) | Phase::Lingering(_) | Phase::Closed(_) => Ok(NextStep::Idle),
        }
    }

    /// Makes a final read at the end of reading: only a read shows whether there is input. The
    /// input is not echoed, so the drain is cut, and its end is no FIN, which a half-closed peer
    /// would take for the end of all replies.
    #[cold]
    fn final_read(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        match self.stream.read(shared.read.spare()) {
            Ok(0) => self.input_ended(shared),
            Ok(thrown_away) => {
                self.traffic.bytes_in += num::to_u64(thrown_away);
                if shared.service(self.listener).reply.ignores_input() {
                    return Ok(self.send_fin(Cause::Drained, shared.now));
                }
                Ok(self.linger(Cause::Cut, shared.now))
            }
            Err(error) => {
                self.read_failed(error)?;
                // The socket is empty, unless a signal interrupted the call.
                let again = self.ready.contains(Ready::READABLE);
                if again { Ok(NextStep::Yield) } else { self.try_finish(shared) }
            }
        }
    }

    /// Sends our FIN after the last reply, and waits for the peer's.
    fn send_fin(&mut self, cause: Cause, now: MonotonicMs) -> NextStep {
        // If this fails, the peer has reset, and a read will report it.
        drop(self.stream.half_close());
        self.linger(cause, now)
    }

    /// Gives replies in flight time to arrive.
    fn linger(&mut self, cause: Cause, now: MonotonicMs) -> NextStep {
        self.enter(Phase::Lingering(cause));
        self.active = now;
        self.next_step()
    }

    /// Reads and discards input, within the budget, until the peer's FIN.
    #[cold]
    fn discard(&mut self, cause: Cause, shared: &mut Shared) -> io::Result<NextStep> {
        if !self.ready.contains(Ready::READABLE) {
            return Ok(NextStep::Idle);
        }
        match self.stream.read(shared.read.spare()) {
            Ok(0) => self.take_pending_error().map(|()| self.end(cause)),
            Ok(fresh) => {
                self.traffic.bytes_in += num::to_u64(fresh);
                Ok(NextStep::Yield)
            }
            Err(error) => self.read_failed(error).map(|()| self.next_step()),
        }
    }

    /// Takes an error that an event reported and no read has: after FIN and then RST, reads return
    /// end of input for ever.
    pub(super) fn take_pending_error(&mut self) -> io::Result<()> {
        if !self.ready.contains(Ready::ERROR) {
            return Ok(());
        }
        self.ready.remove(Ready::ERROR);
        self.stream.take_error()?.map_or(Ok(()), Err)
    }
}
