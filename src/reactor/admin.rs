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

use crate::clock::MonotonicMs;
use crate::connection::{Peer, Ready, Stream};
use crate::http::{HttpConnection, HttpStep, REQUEST_TIMEOUT, Request, Response};
use crate::net::access;
use crate::os::errno::{self, AcceptError};

use super::admission::ACCEPT_PAUSE;
use super::counters::{EVICTED, FULL, REFUSED};
use super::warnings::Warning;
use super::{Os, PeerLimit, Reactor, Wakeups};

/// How many visitors there are at a time; their descriptors are of those that are reserved.
pub(super) const ADMIN_CONNECTIONS_MAX: usize = 16;

/// How many are accepted and served in one turn: each makes the peers' events 20 microseconds late.
const ADMIN_ACCEPTS_PER_TURN: usize = 4;
const ADMIN_SERVED_PER_TURN: usize = 4;

/// Visitors' keys begin here, where no connection's does: the slab of those would have to hold a
/// quarter of all memory.
pub const ADMIN_KEY_BASE: usize = 1 << (usize::BITS - 2);

/// How much is read at once, in bytes.
const READ_BYTES_MAX: usize = 4096;

/// Who has asked: what an answer is for.
#[derive(Debug)]
pub struct AdminRequest {
    key: usize,
    /// What was asked.
    pub request: Request,
}

#[derive(Debug)]
struct AdminConnection<S> {
    http: HttpConnection<S>,
    peer: Peer,
    /// How many visitors came before it.
    number: u64,
}

/// All visitors.
#[derive(Debug)]
pub(super) struct Admin<S> {
    connections: Slab<AdminConnection<S>>,
    /// How many visitors there have been.
    accepted: u64,
    /// The keys that events have named, or that have more to do than a turn allows.
    run_queue: Vec<usize>,
    /// A visitor may be in the listener's queue.
    ready: bool,
    /// Until when none is accepted, because that has failed.
    paused_until: MonotonicMs,
    requests: Vec<AdminRequest>,
}

impl<S> Default for Admin<S> {
    fn default() -> Self {
        Self {
            connections: Slab::new(),
            accepted: 0,
            run_queue: Vec::new(),
            ready: false,
            paused_until: MonotonicMs::default(),
            requests: Vec::new(),
        }
    }
}

impl<S: Stream> Admin<S> {
    /// An event: somebody waits at the listener.
    pub(super) const fn mark_ready(&mut self) {
        self.ready = true;
    }

    /// An event for a key that is no connection's. One that nobody has is ignored.
    #[cold]
    pub(super) fn mark(&mut self, key: usize, ready: Ready) {
        let Some(key) = key.checked_sub(ADMIN_KEY_BASE) else { return };
        if let Some(connection) = self.connections.get_mut(key) {
            connection.http.mark(ready);
            self.enqueue(key);
        }
    }

    /// True if nobody is there, or at the door.
    pub(super) fn is_idle(&self) -> bool {
        !self.ready && self.connections.is_empty()
    }

    /// When something has to be done if nothing happens before.
    pub(super) fn deadline(&self, now: MonotonicMs) -> MonotonicMs {
        if !self.run_queue.is_empty() || (self.ready && self.paused_until <= now) {
            return now;
        }
        let door = if self.ready { self.paused_until } else { MonotonicMs::NEVER };
        let visitors = self.connections.iter().map(|(_, connection)| connection.http.deadline());
        visitors.fold(door, MonotonicMs::min)
    }

    fn enqueue(&mut self, key: usize) {
        if !self.run_queue.contains(&key) {
            self.run_queue.push(key);
        }
    }

    /// Serves the first of those that are queued, once.
    fn serve(&mut self, room: &mut [u8], now: MonotonicMs) {
        let batch = self.run_queue.len().min(ADMIN_SERVED_PER_TURN);
        for key in self.run_queue.drain(..batch).collect::<Vec<_>>() {
            self.serve_one(key, room, now);
        }
    }

    fn serve_one(&mut self, key: usize, room: &mut [u8], now: MonotonicMs) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        match connection.http.serve(room, now) {
            HttpStep::Pending => {}
            HttpStep::Yield => self.enqueue(key),
            HttpStep::Request(request) => self.requests.push(AdminRequest { key, request }),
            HttpStep::Done => self.remove(key),
        }
    }

    /// Ends each visitor whose time is over, or tells it so, after a last look at its socket.
    fn expire(&mut self, room: &mut [u8], now: MonotonicMs) {
        let late = self.connections.iter().filter(|(_, one)| one.http.deadline() <= now);
        for key in late.map(|(key, _)| key).collect::<Vec<_>>() {
            self.mark(ADMIN_KEY_BASE + key, Ready::READABLE.union(Ready::WRITABLE));
            self.serve_one(key, room, now);
            let connection = self.connections.get_mut(key);
            let Some(connection) = connection.filter(|one| one.http.deadline() <= now) else {
                continue;
            };
            if connection.http.expire(now) == HttpStep::Yield {
                self.enqueue(key);
            } else {
                self.remove(key);
            }
        }
    }

    /// The process was stopped for that long: no visitor's time passed meanwhile.
    pub(super) fn excuse(&mut self, stopped: Duration) {
        self.connections.iter_mut().for_each(|(_, connection)| connection.http.excuse(stopped));
    }

    /// Adds a visitor, whose key was [`Slab::vacant_key`]. Its request may be there already.
    fn insert(&mut self, http: HttpConnection<S>, peer: Peer) {
        self.accepted += 1;
        let key = self.connections.insert(AdminConnection { http, peer, number: self.accepted });
        self.mark(ADMIN_KEY_BASE + key, Ready::READABLE);
    }

    /// Removes a visitor and all that names it: the next one may have its key at once.
    fn remove(&mut self, key: usize) {
        self.connections.remove(key);
        self.run_queue.retain(|other| *other != key);
        self.requests.retain(|question| question.key != key);
    }

    /// The visitor that makes room for another: the least loss, of the address that has most, and
    /// then the oldest. None if all wait for our answer.
    fn victim(&self) -> Option<usize> {
        let network = |peer: &Peer| {
            peer.address().map(|at| access::counted_as(at.ip(), PeerLimit::V6_PREFIX))
        };
        let of_address = |peer: &Peer| {
            let own = network(peer);
            self.connections.iter().filter(|(_, one)| network(&one.peer) == own).count()
        };
        let ranked = self.connections.iter().filter_map(|(key, one)| {
            let loss = one.http.loss()?;
            Some((loss, Reverse(of_address(&one.peer)), one.number, key))
        });
        ranked.min().map(|(.., key)| key)
    }
}

impl<K: Os> Reactor<K> {
    /// What visitors have asked since this was asked last: each wants [`Self::answer_admin`].
    pub fn admin_requests(&mut self) -> Vec<AdminRequest> {
        std::mem::take(&mut self.admin.requests)
    }

    /// Answers a question. Who has gone meanwhile is not answered.
    pub fn answer_admin(&mut self, question: &AdminRequest, response: Response) {
        let now = self.shared.now;
        if let Some(connection) = self.admin.connections.get_mut(question.key) {
            connection.http.answer(response, now);
            self.admin.enqueue(question.key);
        }
    }

    /// How many visitors there are.
    pub fn admin_connections(&self) -> usize {
        self.admin.connections.len()
    }

    /// The desk's part of a turn: after the peers', and within a budget.
    #[cold]
    pub(super) fn serve_admin(&mut self) -> Wakeups {
        let now = self.shared.now;
        let mut room = [0; READ_BYTES_MAX];
        self.admin.serve(&mut room, now);
        self.admin.expire(&mut room, now);
        if self.admin.ready && self.admin.paused_until <= now {
            self.accept_admin();
        }
        if self.admin.requests.is_empty() { Wakeups::NONE } else { Wakeups::ADMIN }
    }

    fn accept_admin(&mut self) {
        let mut failures = 0;
        for _ in 0..ADMIN_ACCEPTS_PER_TURN {
            let error = match self.os.accept_admin() {
                Ok((stream, peer)) => {
                    self.admit_admin(stream, peer);
                    continue;
                }
                Err(error) => error,
            };
            failures += 1;
            match errno::accept_error(&error) {
                AcceptError::WouldBlock => {
                    self.admin.ready = false;
                    return;
                }
                // Where nothing but errors comes of it, as where a filter forbids the call, it is
                // tried again later too.
                AcceptError::Retry if failures < ADMIN_ACCEPTS_PER_TURN => {}
                AcceptError::Retry | AcceptError::Exhausted | AcceptError::ListenerBroken => {
                    self.admin_accept_failed(&error);
                    return;
                }
            }
        }
    }

    fn admit_admin(&mut self, stream: K::Stream, peer: Peer) {
        let access = &self.options.metrics_access;
        if !peer.address().is_none_or(|address| access.permits(address.ip())) {
            return self.reject_admin(&peer, REFUSED);
        }
        if self.admin.connections.len() >= ADMIN_CONNECTIONS_MAX {
            let Some(victim) = self.admin.victim() else {
                return self.reject_admin(&peer, FULL);
            };
            if let Some(AdminConnection { http, peer, .. }) = self.admin.connections.get(victim) {
                if !http.is_answered() {
                    let peer = *peer;
                    self.reject_admin(&peer, EVICTED);
                }
                self.admin.remove(victim);
            }
        }
        let mut http = HttpConnection::new(stream, self.shared.now);
        let key = self.admin.connections.vacant_key();
        match self.os.register(http.stream_mut(), ADMIN_KEY_BASE + key) {
            Ok(()) => {
                self.admin.insert(http, peer);
                self.deadlines.check_for_stops_within(REQUEST_TIMEOUT);
                self.deadlines.schedule_stop_check(self.shared.now);
            }
            Err(error) => self.admin_accept_failed(&error),
        }
    }

    /// Counts a visitor that is closed before it was answered.
    fn reject_admin(&mut self, peer: &Peer, reason: &'static str) {
        *self.counters.admin_rejected.entry(reason).or_default() += 1;
        if let Some(at) = self.summary.note_admin(peer, self.shared.now) {
            self.deadlines.set_summary(at);
        }
        debug!(peer:%, reason; "metrics listener: connection rejected");
    }

    /// Echoes go on whatever becomes of visitors; so this is no failure of ours.
    fn admin_accept_failed(&mut self, error: &io::Error) {
        self.admin.paused_until = self.shared.now.after(ACCEPT_PAUSE);
        if let Some(left_out) = self.warnings.allow(Warning::Admin, self.shared.now) {
            warn!(
                "metrics listener: accept failed: {error} ({left_out} similar warnings suppressed)"
            );
        }
    }
}
