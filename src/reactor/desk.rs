//! Whoever watches over the daemon, over HTTP: let in by a listener of its own, served between the
//! peers, and no connection in any count of theirs.
//!
//! The reactor reads questions and writes answers; what the answers are, its owner knows. There are
//! few visitors at a time, each with a deadline, and the oldest goes when there are too many: so
//! that nobody who holds them all keeps a health probe out.

use std::collections::VecDeque;
use std::io;

use log::{debug, warn};
use slab::Slab;

use crate::clock::Millis;
use crate::connection::{Ready, Stream};
use crate::fault::{self, AcceptFault};
use crate::http::{Exchange, Progress, Request, Response};

use super::gate::PAUSE;
use super::{Kernel, News, Reactor};

/// How many visitors there are at a time: probes and scrapers come every few seconds and stay for
/// milliseconds. Their descriptors are of those that are reserved.
pub(super) const VISITORS_MAX: usize = 16;

/// How many are accepted in one turn.
const ACCEPTS_PER_TURN: usize = 4;

/// Visitors' keys begin here, where no connection's does: the slab of those would have to hold a
/// quarter of all memory.
pub(super) const FIRST_KEY: usize = 1 << (usize::BITS - 2);

/// How much is read at once, in bytes.
const READ_BYTES_MAX: usize = 4096;

/// Who has asked: what an answer is for.
#[derive(Debug)]
pub struct Question {
    key: usize,
    /// What was asked.
    pub request: Request,
}

/// All visitors.
#[derive(Debug)]
pub(super) struct Desk<S> {
    visitors: Slab<Exchange<S>>,
    /// Their keys, in the order in which they came.
    arrivals: VecDeque<usize>,
    /// Whom events have named, or who has more to do than a turn allows.
    run_queue: Vec<usize>,
    /// Somebody may wait in the listener's queue.
    knocked: bool,
    /// Until when nobody is accepted, because that has failed.
    paused_until: Millis,
    asked: Vec<Question>,
}

impl<S> Default for Desk<S> {
    fn default() -> Self {
        Self {
            visitors: Slab::new(),
            arrivals: VecDeque::new(),
            run_queue: Vec::new(),
            knocked: false,
            paused_until: Millis::default(),
            asked: Vec::new(),
        }
    }
}

impl<S: Stream> Desk<S> {
    /// An event: somebody waits at the listener.
    pub(super) const fn knock(&mut self) {
        self.knocked = true;
    }

    /// An event for a key that is no connection's. One that nobody has is ignored.
    #[cold]
    pub(super) fn mark(&mut self, key: usize, ready: Ready) {
        let Some(key) = key.checked_sub(FIRST_KEY) else { return };
        if let Some(visitor) = self.visitors.get_mut(key) {
            visitor.mark(ready);
            self.enqueue(key);
        }
    }

    /// True if nobody is there, or at the door.
    pub(super) fn is_quiet(&self) -> bool {
        !self.knocked && self.visitors.is_empty()
    }

    /// When something has to be done if nothing happens before.
    pub(super) fn deadline(&self, now: Millis) -> Millis {
        if !self.run_queue.is_empty() || (self.knocked && self.paused_until <= now) {
            return now;
        }
        let door = if self.knocked { self.paused_until } else { Millis::NEVER };
        let visitors = self.visitors.iter().map(|(_, visitor)| visitor.deadline());
        visitors.fold(door, Millis::min)
    }

    fn enqueue(&mut self, key: usize) {
        if !self.run_queue.contains(&key) {
            self.run_queue.push(key);
        }
    }

    /// Serves who is queued, once.
    fn serve(&mut self, room: &mut [u8], now: Millis) {
        for key in std::mem::take(&mut self.run_queue) {
            let Some(visitor) = self.visitors.get_mut(key) else { continue };
            match visitor.serve(room, now) {
                Progress::Waits => {}
                Progress::Again => self.enqueue(key),
                Progress::Asks(request) => self.asked.push(Question { key, request }),
                Progress::Over => self.remove(key),
            }
        }
    }

    fn late(&self, now: Millis) -> Vec<usize> {
        let late = self.visitors.iter().filter(|(_, visitor)| visitor.deadline() <= now);
        late.map(|(key, _)| key).collect()
    }

    /// Queues each visitor whose time is over for a last look: its request may have come in time.
    fn look_at_late(&mut self, now: Millis) {
        for key in self.late(now) {
            self.mark(FIRST_KEY + key, Ready::READABLE.union(Ready::WRITABLE));
        }
    }

    /// Ends, or tells, whose time is over.
    fn expire(&mut self, now: Millis) {
        for key in self.late(now) {
            let expired = self.visitors.get_mut(key).map(|visitor| visitor.expire(now));
            if expired == Some(Progress::Again) {
                self.enqueue(key);
            } else {
                self.remove(key);
            }
        }
    }

    /// Adds a visitor, whose key was [`Slab::vacant_key`].
    fn insert(&mut self, visitor: Exchange<S>) {
        let key = self.visitors.insert(visitor);
        self.arrivals.push_back(key);
    }

    /// Whatever names it goes with it: the next visitor may have its key at once.
    fn remove(&mut self, key: usize) {
        self.visitors.remove(key);
        self.arrivals.retain(|other| *other != key);
        self.run_queue.retain(|other| *other != key);
        self.asked.retain(|question| question.key != key);
    }

    /// Makes room for another, if there is none: who has been here the longest goes.
    fn make_room(&mut self) {
        if self.visitors.len() < VISITORS_MAX {
            return;
        }
        if let Some(oldest) = self.arrivals.front().copied() {
            self.remove(oldest);
            debug!("too many visitors: the oldest was closed");
        }
    }
}

impl<K: Kernel> Reactor<K> {
    /// What visitors have asked since this was asked last: each wants [`Self::answer`].
    pub fn questions(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.desk.asked)
    }

    /// Answers a question. Who has gone meanwhile is not answered.
    pub fn answer(&mut self, question: &Question, response: Response) {
        let now = self.lent.now;
        if let Some(visitor) = self.desk.visitors.get_mut(question.key) {
            visitor.answer(response, now);
            self.desk.enqueue(question.key);
        }
    }

    /// How many visitors there are.
    pub fn visitors(&self) -> usize {
        self.desk.visitors.len()
    }

    /// The desk's part of a turn: after the peers', and within a budget.
    #[cold]
    pub(super) fn attend(&mut self) -> News {
        let now = self.lent.now;
        self.desk.look_at_late(now);
        self.desk.serve(&mut [0; READ_BYTES_MAX], now);
        self.desk.expire(now);
        if self.desk.knocked && self.desk.paused_until <= now {
            self.let_visitors_in();
        }
        if self.desk.asked.is_empty() { News::NONE } else { News::QUESTIONS }
    }

    fn let_visitors_in(&mut self) {
        let mut failures = 0;
        for _ in 0..ACCEPTS_PER_TURN {
            let error = match self.kernel.accept_visitor() {
                Ok(stream) => {
                    self.let_visitor_in(stream);
                    continue;
                }
                Err(error) => error,
            };
            failures += 1;
            match fault::accept_fault(&error) {
                AcceptFault::Drained => {
                    self.desk.knocked = false;
                    return;
                }
                // Where nothing but errors comes of it, as where a filter forbids the call, it is
                // tried again later too.
                AcceptFault::Again if failures < ACCEPTS_PER_TURN => {}
                AcceptFault::Again | AcceptFault::Exhausted | AcceptFault::Broken => {
                    self.visitor_failed(&error);
                    return;
                }
            }
        }
    }

    fn let_visitor_in(&mut self, stream: K::Stream) {
        self.desk.make_room();
        let mut visitor = Exchange::new(stream, self.lent.now);
        let key = self.desk.visitors.vacant_key();
        match self.kernel.register(visitor.stream_mut(), FIRST_KEY + key) {
            Ok(()) => self.desk.insert(visitor),
            Err(error) => self.visitor_failed(&error),
        }
    }

    /// Echoes go on whatever becomes of visitors; so this is no failure of ours.
    fn visitor_failed(&mut self, error: &io::Error) {
        self.desk.paused_until = self.lent.now.after(PAUSE);
        if let Some(left_out) = self.warnings.may_warn(self.lent.now) {
            warn!("a visitor could not be let in: {error} (warnings left out: {left_out})");
        }
    }
}
