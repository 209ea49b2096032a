//! The admin connections: a slab of them, and the queue of connections with work to do.

use std::cmp::Reverse;
use std::time::Duration;

use slab::Slab;

use crate::clock::MonotonicMs;
use crate::connection::{Peer, Ready, Stream};
use crate::http::HttpConnection;
use crate::net::access;

use super::{ADMIN_KEY_BASE, PeerLimit};

#[derive(Debug)]
pub(super) struct AdminConnection<S> {
    pub http: HttpConnection<S>,
    pub peer: Peer,
    /// Its number in order of acceptance.
    number: u64,
}

/// All admin connections.
#[derive(Debug)]
pub(in crate::reactor) struct Admin<S> {
    pub(super) connections: Slab<AdminConnection<S>>,
    /// The keys of connections with work to do, each once, in the order of service. A flag in each
    /// connection would not do: a turn serves four of them, and the lowest keys would always come
    /// first.
    pub(super) run_queue: Vec<usize>,
    accepted: u64,
    /// The listener's accept queue may hold a connection.
    pub(super) ready: bool,
    /// Until when none is accepted, after a failure of `accept`.
    pub(super) paused_until: MonotonicMs,
}

impl<S> Default for Admin<S> {
    fn default() -> Self {
        Self {
            connections: Slab::new(),
            run_queue: Vec::new(),
            accepted: 0,
            ready: false,
            paused_until: MonotonicMs::default(),
        }
    }
}

impl<S: Stream> Admin<S> {
    /// Handles an event: the listener's accept queue holds a connection.
    pub(in crate::reactor) const fn mark_ready(&mut self) {
        self.ready = true;
    }

    /// Handles an event for a key that is no peer connection's. Ignores an unknown key.
    #[cold]
    pub(in crate::reactor) fn mark(&mut self, key: usize, ready: Ready) {
        let Some(key) = key.checked_sub(ADMIN_KEY_BASE) else { return };
        if let Some(connection) = self.connections.get_mut(key) {
            connection.http.mark(ready);
            self.enqueue(key);
        }
    }

    /// Returns true if no connection is open or waits to be accepted.
    pub(in crate::reactor) fn is_idle(&self) -> bool {
        !self.ready && self.connections.is_empty()
    }

    /// Returns the time at which there is work to do even if no event comes.
    pub(in crate::reactor) fn deadline(&self, now: MonotonicMs) -> MonotonicMs {
        if !self.run_queue.is_empty() || (self.ready && self.paused_until <= now) {
            return now;
        }
        let accept = if self.ready { self.paused_until } else { MonotonicMs::NEVER };
        let deadlines = self.connections.iter().map(|(_, one)| one.http.deadline());
        deadlines.fold(accept, MonotonicMs::min)
    }

    pub(super) fn enqueue(&mut self, key: usize) {
        if !self.run_queue.contains(&key) {
            self.run_queue.push(key);
        }
    }

    /// Returns the keys of connections with a passed deadline.
    pub(super) fn expired(&self, now: MonotonicMs) -> Vec<usize> {
        let late = self.connections.iter().filter(|(_, one)| one.http.deadline() <= now);
        late.map(|(key, _)| key).collect()
    }

    /// Excuses a stop of the process of that length: no deadline came nearer meanwhile.
    pub(in crate::reactor) fn excuse(&mut self, stopped: Duration) {
        self.connections.iter_mut().for_each(|(_, connection)| connection.http.excuse(stopped));
    }

    /// Adds a connection under the key that [`Slab::vacant_key`] returned. Its request may be in
    /// the socket already.
    pub(super) fn insert(&mut self, http: HttpConnection<S>, peer: Peer) {
        self.accepted += 1;
        let number = self.accepted;
        let key = self.connections.insert(AdminConnection { http, peer, number });
        self.mark(ADMIN_KEY_BASE + key, Ready::READABLE);
    }

    /// Removes a connection, from the queue too: the next one may have its key at once.
    pub(super) fn remove(&mut self, key: usize) {
        self.connections.remove(key);
        self.run_queue.retain(|other| *other != key);
    }

    /// Returns the connection to evict for a new one: that with the least loss, from the address
    /// with the most connections, the oldest.
    pub(super) fn victim(&self) -> Option<usize> {
        let network = |peer: &Peer| {
            peer.address().map(|at| access::counted_as(at.ip(), PeerLimit::V6_PREFIX))
        };
        let of_address = |peer: &Peer| {
            let own = network(peer);
            self.connections.iter().filter(|(_, one)| network(&one.peer) == own).count()
        };
        let ranked = self
            .connections
            .iter()
            .map(|(key, one)| (one.http.loss(), Reverse(of_address(&one.peer)), one.number, key));
        ranked.min().map(|(.., key)| key)
    }
}
