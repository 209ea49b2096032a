//! The exchange with the peer: reading, answering, writing, and the ends of both directions.

use std::io;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::line::Framing;
use crate::num;
use crate::os::errno;

use super::{Connection, NextStep, Phase, Ready, Shared, Stream};

impl<S: Stream> Connection<S> {
    /// Writes what is owed, else reads once and answers. One read is the budget: it empties the
    /// socket or fills the buffer, and in the second case the others come first.
    #[expect(clippy::inline_always, reason = "a call of its own takes 16 instructions a line")]
    #[inline(always)]
    pub(super) fn advance(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        match self.phase {
            Phase::Open | Phase::Flushing | Phase::Draining(_) => {}
            Phase::ProxyHeader(policy) => return self.advance_header(policy, shared),
            Phase::Lingering(cause) => return self.discard(cause, shared),
            // It waits to be reaped.
            Phase::Closed(_) => return Ok(NextStep::Idle),
        }
        if self.has_output() {
            let last = self.pending.as_ref().is_some_and(|pending| pending.final_reply);
            if !self.flush(shared.now)? {
                return Ok(self.next_step());
            }
            if let Phase::Draining(cause) = self.phase
                && last
            {
                return Ok(self.send_fin(cause, shared.now));
            }
            // Who takes slowly and goes on sending would else be read for ever.
            if self.phase != Phase::Open && shared.read_over {
                return self.try_finish(shared);
            }
        }
        if !self.may_read() {
            return self.try_finish(shared);
        }
        let room = shared.read.spare();
        match self.stream.read(room) {
            Ok(0) => return self.input_ended(shared),
            Ok(fresh) => {
                if fresh < room.len() && !self.ready.contains(Ready::READ_TO_EAGAIN) {
                    self.ready.remove(Ready::READABLE);
                }
                self.traffic.bytes_in += num::to_u64(fresh);
                self.active = shared.now;
                match room.get(..fresh) {
                    // Nearly every read ends where a line does, and all of it goes back.
                    Some(lines @ [.., b'\n'])
                        if self.pending.is_none() && shared.service.reply.is_echo() =>
                    {
                        self.traffic.lines += Framing::Pieces.count(lines);
                        self.send(lines, shared.now)?;
                    }
                    _ => self.answer(fresh, shared)?,
                }
            }
            Err(error) => self.read_failed(error)?,
        }
        if self.phase == Phase::Open { Ok(self.next_step()) } else { self.keep_draining(shared) }
    }

    /// True if there may be input that this phase reads.
    fn may_read(&self) -> bool {
        self.ready.contains(Ready::READABLE) && self.phase.reads()
    }

    /// Whether there is more to do than one turn allows: a buffer was filled, or a signal came
    /// between the socket and what it would take.
    pub(super) fn next_step(&self) -> NextStep {
        let more = if self.has_output() { Ready::WRITABLE } else { Ready::READABLE };
        if self.ready.contains(more) { NextStep::Yield } else { NextStep::Idle }
    }

    /// What a read that gave nothing has proved.
    #[cold]
    pub(super) fn read_failed(&mut self, error: io::Error) -> io::Result<()> {
        if errno::would_block(&error) {
            self.ready.remove(Ready::READABLE.union(Ready::READ_TO_EAGAIN));
            if self.ready.contains(Ready::SHORT_READ_PROVES_NOTHING) {
                self.ready.insert(Ready::READ_TO_EAGAIN);
            }
        } else if !errno::is_interrupted(&error) {
            return Err(error);
        }
        Ok(())
    }

    /// While draining: more input is answered, but not for ever.
    #[cold]
    pub(super) fn keep_draining(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        if self.may_read() && !self.has_output() && !shared.read_over {
            return Ok(NextStep::Yield);
        }
        self.try_finish(shared)
    }

    /// The peer has sent FIN.
    #[cold]
    fn input_ended(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        self.take_pending_error()?;
        self.answer_partial(shared)?;
        match self.phase {
            Phase::Open | Phase::Draining(Cause::Drained) if self.has_output() => {
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

    /// There is no more input for now: see whether that, or having paid, ends the phase.
    ///
    /// What is owed comes first: until it is paid nothing is read, so more input may be there, and
    /// what is unfinished is not the last request yet.
    #[cold]
    pub(super) fn try_finish(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        if self.has_output() {
            return Ok(self.next_step());
        }
        if let Phase::Draining(cause) = self.phase {
            if cause == Cause::Drained && self.ready.contains(Ready::READABLE) {
                return self.final_read(shared);
            }
            self.answer_partial(shared)?;
            if let Some(pending) = self.pending.as_mut().filter(|pending| pending.has_output()) {
                // What comes while it is paid would be the rest of what is answered now. An echo
                // has no such seam, and goes on.
                pending.final_reply = !shared.service.reply.is_echo();
                return Ok(self.next_step());
            }
        }
        match self.phase {
            Phase::Flushing => Ok(self.end(Cause::Finished)),
            Phase::Draining(cause) => Ok(self.send_fin(cause, shared.now)),
            Phase::ProxyHeader(_) | Phase::Open | Phase::Lingering(_) | Phase::Closed(_) => {
                Ok(NextStep::Idle)
            }
        }
    }

    /// The time for input is over, and there may be some: only a read can tell. What it gives is
    /// not echoed. That is no drain, and its end no FIN, which a peer that has half-closed would
    /// take for the end of everything.
    #[cold]
    fn final_read(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        match self.stream.read(shared.read.spare()) {
            Ok(0) => self.input_ended(shared),
            Ok(thrown_away) => {
                self.traffic.bytes_in += num::to_u64(thrown_away);
                Ok(self.linger(Cause::Cut, shared.now))
            }
            Err(error) => {
                self.read_failed(error)?;
                // Unless a signal came first, the socket is empty.
                let again = self.ready.contains(Ready::READABLE);
                if again { Ok(NextStep::Yield) } else { self.try_finish(shared) }
            }
        }
    }

    /// Everything is paid: our FIN, and the wait for the peer's.
    fn send_fin(&mut self, cause: Cause, now: MonotonicMs) -> NextStep {
        // Should this fail, the peer has reset: a read will say so.
        drop(self.stream.half_close());
        self.linger(cause, now)
    }

    /// Replies in flight are given time to arrive.
    fn linger(&mut self, cause: Cause, now: MonotonicMs) -> NextStep {
        self.enter(Phase::Lingering(cause));
        self.active = now;
        self.next_step()
    }

    /// Reads and throws away, within the budget, until the peer's FIN.
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

    /// If the event spoke of an error that no read has told, the socket still knows it: after
    /// FIN and then RST, reads say "end of input" for ever.
    pub(super) fn take_pending_error(&mut self) -> io::Result<()> {
        if !self.ready.contains(Ready::ERROR) {
            return Ok(());
        }
        self.ready.remove(Ready::ERROR);
        self.stream.take_error()?.map_or(Ok(()), Err)
    }
}
