//! The visitors: scrapers and health probes over HTTP, accepted by a listener of their own, served
//! between the peers, and no connection in any count of theirs.
//!
//! The reactor reads requests and writes answers; the answers are the owner's. There are few
//! visitors at a time, each with a deadline. At the limit one is evicted: one that was answered,
//! else one that has not asked, of the address that has most. So neither a flood of connects nor
//! one of requests keeps a health probe out.

use std::cmp::Reverse;
use std::io;
use std::time::Duration;

use log::{debug, warn};
use slab::Slab;

use crate::access;
use crate::clock::MonotonicMs;
use crate::connection::{Peer, Ready, Stream};
use crate::fault::{self, AcceptError};
use crate::http::{HttpConnection, REQUEST_TIMEOUT, HttpStep, Request, Response};

use super::counters::{EVICTED, FULL, REFUSED};
use super::gate::PAUSE;
use super::warnings::Warning;
use super::{Kernel, News, PeerLimit, Reactor};

/// How many visitors there are at a time; their descriptors are of those that are reserved.
pub(super) const VISITORS_MAX: usize = 16;

/// How many are accepted and served in one turn: each makes the peers' events 20 microseconds late.
const ACCEPTS_PER_TURN: usize = 4;
const SERVED_PER_TURN: usize = 4;

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

#[derive(Debug)]
struct Visitor<S> {
    exchange: HttpConnection<S>,
    peer: Peer,
    /// How many visitors came before it.
    number: u64,
}

/// All visitors.
#[derive(Debug)]
pub(super) struct Desk<S> {
    visitors: Slab<Visitor<S>>,
    /// How many visitors there have been.
    arrivals: u64,
    /// The keys that events have named, or that have more to do than a turn allows.
    run_queue: Vec<usize>,
    /// A visitor may be in the listener's queue.
    knocked: bool,
    /// Until when none is accepted, because that has failed.
    paused_until: MonotonicMs,
    asked: Vec<Question>,
}

impl<S> Default for Desk<S> {
    fn default() -> Self {
        Self {
            visitors: Slab::new(),
            arrivals: 0,
            run_queue: Vec::new(),
            knocked: false,
            paused_until: MonotonicMs::default(),
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
            visitor.exchange.mark(ready);
            self.enqueue(key);
        }
    }

    /// True if nobody is there, or at the door.
    pub(super) fn is_quiet(&self) -> bool {
        !self.knocked && self.visitors.is_empty()
    }

    /// When something has to be done if nothing happens before.
    pub(super) fn deadline(&self, now: MonotonicMs) -> MonotonicMs {
        if !self.run_queue.is_empty() || (self.knocked && self.paused_until <= now) {
            return now;
        }
        let door = if self.knocked { self.paused_until } else { MonotonicMs::NEVER };
        let visitors = self.visitors.iter().map(|(_, visitor)| visitor.exchange.deadline());
        visitors.fold(door, MonotonicMs::min)
    }

    fn enqueue(&mut self, key: usize) {
        if !self.run_queue.contains(&key) {
            self.run_queue.push(key);
        }
    }

    /// Serves the first of those that are queued, once.
    fn serve(&mut self, room: &mut [u8], now: MonotonicMs) {
        let batch = self.run_queue.len().min(SERVED_PER_TURN);
        for key in self.run_queue.drain(..batch).collect::<Vec<_>>() {
            self.serve_one(key, room, now);
        }
    }

    fn serve_one(&mut self, key: usize, room: &mut [u8], now: MonotonicMs) {
        let Some(visitor) = self.visitors.get_mut(key) else { return };
        match visitor.exchange.serve(room, now) {
            HttpStep::Pending => {}
            HttpStep::Yield => self.enqueue(key),
            HttpStep::Request(request) => self.asked.push(Question { key, request }),
            HttpStep::Done => self.remove(key),
        }
    }

    /// Ends each visitor whose time is over, or tells it so, after a last look at its socket.
    fn expire(&mut self, room: &mut [u8], now: MonotonicMs) {
        let late = self.visitors.iter().filter(|(_, one)| one.exchange.deadline() <= now);
        for key in late.map(|(key, _)| key).collect::<Vec<_>>() {
            self.mark(FIRST_KEY + key, Ready::READABLE.union(Ready::WRITABLE));
            self.serve_one(key, room, now);
            let visitor = self.visitors.get_mut(key);
            let Some(visitor) = visitor.filter(|one| one.exchange.deadline() <= now) else {
                continue;
            };
            if visitor.exchange.expire(now) == HttpStep::Yield {
                self.enqueue(key);
            } else {
                self.remove(key);
            }
        }
    }

    /// The process was stopped for that long: no visitor's time passed meanwhile.
    pub(super) fn excuse(&mut self, stopped: Duration) {
        self.visitors.iter_mut().for_each(|(_, visitor)| visitor.exchange.excuse(stopped));
    }

    /// Adds a visitor, whose key was [`Slab::vacant_key`]. Its request may be there already.
    fn insert(&mut self, exchange: HttpConnection<S>, peer: Peer) {
        self.arrivals += 1;
        let key = self.visitors.insert(Visitor { exchange, peer, number: self.arrivals });
        self.mark(FIRST_KEY + key, Ready::READABLE);
    }

    /// Removes a visitor and all that names it: the next one may have its key at once.
    fn remove(&mut self, key: usize) {
        self.visitors.remove(key);
        self.run_queue.retain(|other| *other != key);
        self.asked.retain(|question| question.key != key);
    }

    /// The visitor that makes room for another: the least loss, of the address that has most, and
    /// then the oldest. None if all wait for our answer.
    fn victim(&self) -> Option<usize> {
        let network = |peer: &Peer| {
            peer.address().map(|at| access::counted_as(at.ip(), PeerLimit::V6_PREFIX))
        };
        let of_address = |peer: &Peer| {
            let own = network(peer);
            self.visitors.iter().filter(|(_, one)| network(&one.peer) == own).count()
        };
        let ranked = self.visitors.iter().filter_map(|(key, one)| {
            let loss = one.exchange.loss()?;
            Some((loss, Reverse(of_address(&one.peer)), one.number, key))
        });
        ranked.min().map(|(.., key)| key)
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
            visitor.exchange.answer(response, now);
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
        let mut room = [0; READ_BYTES_MAX];
        self.desk.serve(&mut room, now);
        self.desk.expire(&mut room, now);
        if self.desk.knocked && self.desk.paused_until <= now {
            self.let_visitors_in();
        }
        if self.desk.asked.is_empty() { News::NONE } else { News::QUESTIONS }
    }

    fn let_visitors_in(&mut self) {
        let mut failures = 0;
        for _ in 0..ACCEPTS_PER_TURN {
            let error = match self.kernel.accept_visitor() {
                Ok((stream, peer)) => {
                    self.let_visitor_in(stream, peer);
                    continue;
                }
                Err(error) => error,
            };
            failures += 1;
            match fault::accept_error(&error) {
                AcceptError::WouldBlock => {
                    self.desk.knocked = false;
                    return;
                }
                // Where nothing but errors comes of it, as where a filter forbids the call, it is
                // tried again later too.
                AcceptError::Retry if failures < ACCEPTS_PER_TURN => {}
                AcceptError::Retry | AcceptError::Exhausted | AcceptError::ListenerBroken => {
                    self.visitor_failed(&error);
                    return;
                }
            }
        }
    }

    fn let_visitor_in(&mut self, stream: K::Stream, peer: Peer) {
        let access = &self.rules.metrics_access;
        if !peer.address().is_none_or(|address| access.permits(address.ip())) {
            return self.reject_visitor(&peer, REFUSED);
        }
        if self.desk.visitors.len() >= VISITORS_MAX {
            let Some(victim) = self.desk.victim() else {
                return self.reject_visitor(&peer, FULL);
            };
            if let Some(Visitor { exchange, peer, .. }) = self.desk.visitors.get(victim) {
                if !exchange.is_answered() {
                    let peer = *peer;
                    self.reject_visitor(&peer, EVICTED);
                }
                self.desk.remove(victim);
            }
        }
        let mut exchange = HttpConnection::new(stream, self.lent.now);
        let key = self.desk.visitors.vacant_key();
        match self.kernel.register(exchange.stream_mut(), FIRST_KEY + key) {
            Ok(()) => {
                self.desk.insert(exchange, peer);
                self.deadlines.tick_within(REQUEST_TIMEOUT);
                self.deadlines.keep_ticking(self.lent.now);
            }
            Err(error) => self.visitor_failed(&error),
        }
    }

    /// Counts a visitor that is closed before it was answered.
    fn reject_visitor(&mut self, peer: &Peer, reason: &'static str) {
        *self.counters.visitors_rejected.entry(reason).or_default() += 1;
        if let Some(at) = self.summary.note_visitor(peer, self.lent.now) {
            self.deadlines.summary_at(at);
        }
        debug!(peer:%, reason; "visitor rejected");
    }

    /// Echoes go on whatever becomes of visitors; so this is no failure of ours.
    fn visitor_failed(&mut self, error: &io::Error) {
        self.desk.paused_until = self.lent.now.after(PAUSE);
        if let Some(left_out) = self.warnings.may_warn(Warning::Visitor, self.lent.now) {
            warn!("a visitor could not be let in: {error} (warnings left out: {left_out})");
        }
    }
}
