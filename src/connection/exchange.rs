//! The exchange with the peer: reading, answering, writing, and the ends of both directions.

use std::io;

use crate::cause::Cause;
use crate::clock::Millis;
use crate::fault;
use crate::line::Framing;

use super::{Connection, Lent, Phase, Ready, Served, Stream, length};

impl<S: Stream> Connection<S> {
    /// Writes what is owed, else reads once and answers. One read is the budget: it empties the
    /// socket or fills the buffer, and in the second case the others come first.
    #[expect(clippy::inline_always, reason = "a call of its own takes 16 instructions a line")]
    #[inline(always)]
    pub(super) fn advance(&mut self, lent: &mut Lent) -> io::Result<Served> {
        match self.phase {
            Phase::Open | Phase::Flushing | Phase::Draining(_) => {}
            Phase::Introducing(demand) => return self.introduce(demand, lent),
            Phase::Lingering(cause) => return self.discard(cause, lent),
            // It waits to be reaped.
            Phase::Closed(_) => return Ok(Served::Idle),
        }
        if self.owes() {
            let last = self.held.as_ref().is_some_and(|held| held.last);
            if !self.flush(lent.now)? {
                return Ok(self.rest());
            }
            if let Phase::Draining(cause) = self.phase
                && last
            {
                return Ok(self.send_fin(cause, lent.now));
            }
            // Who takes slowly and goes on sending would else be read for ever.
            if self.phase != Phase::Open && lent.input_over {
                return self.settle(lent);
            }
        }
        if !self.may_read() {
            return self.settle(lent);
        }
        let room = lent.read.room();
        match self.stream.read(room) {
            Ok(0) => return self.input_ended(lent),
            Ok(fresh) => {
                if fresh < room.len() && !self.ready.contains(Ready::TO_END) {
                    self.ready.remove(Ready::READABLE);
                }
                self.tally.bytes_in += length(fresh);
                self.active = lent.now;
                match room.get(..fresh) {
                    // Nearly every read ends where a line does, and all of it goes back.
                    Some(lines @ [.., b'\n'])
                        if self.held.is_none() && lent.service.answer.is_same() =>
                    {
                        self.tally.lines += Framing::Pieces.count(lines);
                        self.send(lines, lent.now)?;
                    }
                    _ => self.answer(fresh, lent)?,
                }
            }
            Err(error) => self.nothing_read(error)?,
        }
        if self.phase == Phase::Open { Ok(self.rest()) } else { self.go_on(lent) }
    }

    /// True if there may be input that this phase reads.
    fn may_read(&self) -> bool {
        self.ready.contains(Ready::READABLE) && self.phase.reads()
    }

    /// Whether there is more to do than one turn allows: a buffer was filled, or a signal came
    /// between the socket and what it would take.
    pub(super) fn rest(&self) -> Served {
        let more = if self.owes() { Ready::WRITABLE } else { Ready::READABLE };
        if self.ready.contains(more) { Served::Again } else { Served::Idle }
    }

    /// What a read that gave nothing has proved.
    #[cold]
    pub(super) fn nothing_read(&mut self, error: io::Error) -> io::Result<()> {
        if fault::would_block(&error) {
            self.ready.remove(Ready::READABLE.union(Ready::TO_END));
            if self.ready.contains(Ready::SHORT_READS) {
                self.ready.insert(Ready::TO_END);
            }
        } else if !fault::interrupted(&error) {
            return Err(error);
        }
        Ok(())
    }

    /// While draining: more input is answered, but not for ever.
    #[cold]
    pub(super) fn go_on(&mut self, lent: &mut Lent) -> io::Result<Served> {
        if self.may_read() && !self.owes() && !lent.input_over {
            return Ok(Served::Again);
        }
        self.settle(lent)
    }

    /// The peer has sent FIN.
    #[cold]
    fn input_ended(&mut self, lent: &mut Lent) -> io::Result<Served> {
        self.own_up()?;
        self.answer_last(lent)?;
        match self.phase {
            Phase::Open | Phase::Draining(Cause::Drained) if self.owes() => {
                self.enter(Phase::Flushing);
                Ok(self.rest())
            }
            Phase::Open => Ok(self.end(Cause::Finished)),
            Phase::Draining(Cause::Drained) => Ok(self.end(Cause::Drained)),
            Phase::Introducing(_)
            | Phase::Flushing
            | Phase::Draining(_)
            | Phase::Lingering(_)
            | Phase::Closed(_) => self.settle(lent),
        }
    }

    /// There is no more input for now: see whether that, or having paid, ends the phase.
    ///
    /// What is owed comes first: until it is paid nothing is read, so more input may be there, and
    /// what is unfinished is not the last request yet.
    #[cold]
    pub(super) fn settle(&mut self, lent: &mut Lent) -> io::Result<Served> {
        if self.owes() {
            return Ok(self.rest());
        }
        if let Phase::Draining(cause) = self.phase {
            if cause == Cause::Drained && self.ready.contains(Ready::READABLE) {
                return self.look_once_more(lent);
            }
            self.answer_last(lent)?;
            if let Some(held) = self.held.as_mut().filter(|held| held.owes()) {
                // What comes while it is paid would be the rest of what is answered now. An echo
                // has no such seam, and goes on.
                held.last = !lent.service.answer.is_same();
                return Ok(self.rest());
            }
        }
        match self.phase {
            Phase::Flushing => Ok(self.end(Cause::Finished)),
            Phase::Draining(cause) => Ok(self.send_fin(cause, lent.now)),
            Phase::Introducing(_) | Phase::Open | Phase::Lingering(_) | Phase::Closed(_) => {
                Ok(Served::Idle)
            }
        }
    }

    /// The time for input is over, and there may be some: only a read can tell. What it gives is
    /// not echoed. That is no drain, and its end no FIN, which a peer that has half-closed would
    /// take for the end of everything.
    #[cold]
    fn look_once_more(&mut self, lent: &mut Lent) -> io::Result<Served> {
        match self.stream.read(lent.read.room()) {
            Ok(0) => self.input_ended(lent),
            Ok(thrown_away) => {
                self.tally.bytes_in += length(thrown_away);
                Ok(self.linger(Cause::Cut, lent.now))
            }
            Err(error) => {
                self.nothing_read(error)?;
                // Unless a signal came first, the socket is empty.
                let again = self.ready.contains(Ready::READABLE);
                if again { Ok(Served::Again) } else { self.settle(lent) }
            }
        }
    }

    /// Everything is paid: our FIN, and the wait for the peer's.
    fn send_fin(&mut self, cause: Cause, now: Millis) -> Served {
        // Should this fail, the peer has reset: a read will say so.
        drop(self.stream.half_close());
        self.linger(cause, now)
    }

    /// Replies in flight are given time to arrive.
    fn linger(&mut self, cause: Cause, now: Millis) -> Served {
        self.enter(Phase::Lingering(cause));
        self.active = now;
        self.rest()
    }

    /// Reads and throws away, within the budget, until the peer's FIN.
    #[cold]
    fn discard(&mut self, cause: Cause, lent: &mut Lent) -> io::Result<Served> {
        if !self.ready.contains(Ready::READABLE) {
            return Ok(Served::Idle);
        }
        match self.stream.read(lent.read.room()) {
            Ok(0) => self.own_up().map(|()| self.end(cause)),
            Ok(fresh) => {
                self.tally.bytes_in += length(fresh);
                Ok(Served::Again)
            }
            Err(error) => self.nothing_read(error).map(|()| self.rest()),
        }
    }

    /// If the event spoke of an error that no read has told, the socket still knows it: after
    /// FIN and then RST, reads say "end of input" for ever.
    pub(super) fn own_up(&mut self) -> io::Result<()> {
        if !self.ready.contains(Ready::ERROR) {
            return Ok(());
        }
        self.ready.remove(Ready::ERROR);
        self.stream.take_error()?.map_or(Ok(()), Err)
    }
}
