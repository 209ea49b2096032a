//! The connections: a slab, the queues of those with work to do, and the list of those that are
//! identified or closed.

use std::collections::VecDeque;

use slab::Slab;

use crate::cause::Cause;
use crate::connection::{Connection, NextStep, Phase, Ready, Stream};

use super::bulk_queue::BulkQueue;

/// The reads of all bulk senders in one turn: 64 KiB, some 20 microseconds, by which the next
/// events of the other connections may be late.
const BULK_READS_PER_TURN: usize = 1;

/// A connection that the reactor has to admit, answer or reap.
#[derive(Debug)]
pub(super) enum Completion<S> {
    /// The PROXY header of the one with that key has named the client.
    Identified(usize),
    /// The one with that key asks about another connection.
    Asks(usize),
    /// It is closed, and removed.
    Ended(usize, Connection<S>),
}

/// All connections, by key. A key is reused once its connection has been removed.
#[derive(Debug)]
pub(super) struct Slots<S> {
    slab: Slab<Connection<S>>,
    run_queue: Vec<usize>,
    /// Connections that want another turn and are no bulk senders; first in the next run queue.
    requeued: Vec<usize>,
    bulk: BulkQueue,
    /// Connections that are identified, ask or are closed, in order.
    completions: VecDeque<usize>,
    /// A removed connection's key is still in one of the queues.
    queued_removed: bool,
    /// True if any of those lists may hold work that no event will announce: one test per turn.
    has_work: bool,
}

impl<S: Stream> Slots<S> {
    /// Reserves memory for that many connections, which is used once touched, and never moves.
    pub(super) fn with_capacity(connections: usize) -> Self {
        Self {
            slab: Slab::with_capacity(connections),
            run_queue: Vec::new(),
            requeued: Vec::new(),
            bulk: BulkQueue::default(),
            completions: VecDeque::new(),
            queued_removed: false,
            has_work: false,
        }
    }

    /// The number of connections, with those that are closed and not reaped yet.
    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// True if there is work that no event will announce. Valid after [`Self::end_turn`].
    pub(super) const fn has_work(&self) -> bool {
        self.has_work
    }

    /// Moves the connections that want another turn to the front of the next run queue.
    #[cold]
    pub(super) fn end_turn(&mut self) {
        self.run_queue.append(&mut self.requeued);
        self.has_work =
            !self.run_queue.is_empty() || !self.bulk.is_empty() || !self.completions.is_empty();
    }

    /// The key the next connection will have.
    pub(super) fn next_key(&self) -> usize {
        self.slab.vacant_key()
    }

    /// Adds a connection.
    pub(super) fn insert(&mut self, connection: Connection<S>) -> usize {
        self.slab.insert(connection)
    }

    /// Stores an event's hints and queues the connection. Returns false if there is none.
    #[inline]
    pub(super) fn mark(&mut self, key: usize, ready: Ready) -> bool {
        let Some(connection) = self.slab.get_mut(key) else { return false };
        if connection.mark(ready) {
            self.run_queue.push(key);
        }
        true
    }

    /// Serves each queued connection once, then bulk senders, and returns how many were served.
    pub(super) fn serve(
        &mut self,
        mut serve: impl FnMut(usize, &mut Connection<S>) -> NextStep,
    ) -> usize {
        let mut served = 0;
        // One call of `serve` for both, so that it is compiled into this loop: a second one takes
        // 34 instructions a line.
        while let Some(key) = self.next_to_serve(served) {
            let connection = self.slab.get_mut(key);
            let step = connection.map_or(NextStep::Idle, |connection| serve(key, connection));
            if step != NextStep::Idle {
                self.requeue(served, key, step);
            }
            served += 1;
        }
        self.run_queue.clear();
        served
    }

    /// The connection to serve after `served` others in this turn.
    #[inline]
    fn next_to_serve(&mut self, served: usize) -> Option<usize> {
        match self.run_queue.get(served) {
            Some(key) => Some(*key),
            None if self.has_work => self.next_bulk(served - self.run_queue.len()),
            None => None,
        }
    }

    /// The bulk sender to read from, after that many bulk reads in this turn.
    #[cold]
    fn next_bulk(&mut self, reads: usize) -> Option<usize> {
        if reads > 0 {
            self.rotate_bulk();
        }
        self.bulk.first().filter(|_| reads < BULK_READS_PER_TURN)
    }

    #[cold]
    fn rotate_bulk(&mut self) {
        let first = self.bulk.first().and_then(|key| self.slab.get(key));
        if first.is_some_and(Connection::is_queued) {
            self.bulk.rotate();
        } else {
            self.bulk.pop();
        }
    }

    #[cold]
    fn requeue(&mut self, served: usize, key: usize, step: NextStep) {
        self.complete(key, step);
        // A bulk sender keeps its place in its queue.
        if step == NextStep::Yield && served < self.run_queue.len() {
            let is_bulk = self.slab.get(key).is_some_and(Connection::is_bulk);
            if is_bulk { self.bulk.push(key) } else { self.requeued.push(key) }
        }
    }

    /// Notes what a connection asks for after its turn.
    fn complete(&mut self, key: usize, step: NextStep) {
        self.has_work |= step != NextStep::Idle;
        match step {
            NextStep::Idle => {}
            NextStep::Yield => {
                if let Some(connection) = self.slab.get_mut(key) {
                    connection.mark(Ready::NONE);
                }
            }
            NextStep::Identified | NextStep::Asks | NextStep::Closed => {
                self.completions.push_back(key);
            }
        }
    }

    /// The connection with that key, unless it is closed.
    pub(super) fn open(&mut self, key: usize) -> Option<&mut Connection<S>> {
        self.slab.get_mut(key).filter(|connection| is_open(connection))
    }

    /// All connections that are not closed, for the status.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection<S>> {
        self.slab.iter().map(|(_, connection)| connection).filter(|one| is_open(one))
    }

    /// Closes the connection. Returns false if it is closed already.
    pub(super) fn close(&mut self, key: usize, cause: Cause) -> bool {
        let Some(connection) = self.open(key) else { return false };
        connection.close(cause);
        self.apply(key, NextStep::Closed);
        true
    }

    /// Notes what a connection asks for outside of [`Self::serve`].
    pub(super) fn apply(&mut self, key: usize, step: NextStep) {
        match step {
            NextStep::Idle => {}
            NextStep::Yield => self.wake(key, Ready::NONE),
            NextStep::Identified | NextStep::Asks | NextStep::Closed => {
                self.completions.push_back(key);
                self.has_work = true;
            }
        }
    }

    /// Queues a connection for the next turn, with hints of our own.
    pub(super) fn wake(&mut self, key: usize, ready: Ready) {
        self.mark(key, ready);
        self.has_work = true;
    }

    /// Takes the next completion; a closed connection is removed with it.
    pub(super) fn next_completion(&mut self) -> Option<Completion<S>> {
        // A connection that is identified and closed in one turn is queued twice.
        let next = || self.completions.pop_front();
        let Some(key) = std::iter::from_fn(next).find(|key| self.slab.contains(*key)) else {
            self.forget_removed();
            return None;
        };
        Some(match self.open(key) {
            Some(connection) if connection.question().is_some() => Completion::Asks(key),
            Some(_) => Completion::Identified(key),
            None => Completion::Ended(key, self.remove(key)),
        })
    }

    /// Removes a connection that a completion has named.
    pub(super) fn remove(&mut self, key: usize) -> Connection<S> {
        let connection = self.slab.remove(key);
        self.queued_removed |= connection.is_queued();
        connection
    }

    /// Removes the keys of removed connections from the queues, all in one pass: the next
    /// connection with such a key is in no queue yet.
    fn forget_removed(&mut self) {
        if std::mem::take(&mut self.queued_removed) {
            let slab = &self.slab;
            self.run_queue.retain(|key| slab.contains(*key));
            self.requeued.retain(|key| slab.contains(*key));
            self.bulk.retain(|key| slab.contains(key));
        }
    }

    /// Starts the drain of every connection that is `wanted`.
    pub(super) fn drain(&mut self, wanted: impl Fn(&Connection<S>) -> bool) {
        self.has_work = true;
        for (key, connection) in &mut self.slab {
            if is_open(connection) && wanted(connection) && connection.drain() {
                self.run_queue.push(key);
            }
        }
    }

    /// Starts the drain of one connection.
    pub(super) fn drain_one(&mut self, key: usize) {
        if self.open(key).is_some_and(Connection::drain) {
            self.run_queue.push(key);
            self.has_work = true;
        }
    }

    /// The keys of all connections that are not closed.
    pub(super) fn keys(&self) -> Vec<usize> {
        self.slab.iter().filter_map(|(key, one)| is_open(one).then_some(key)).collect()
    }

    /// Closes every connection now.
    pub(super) fn cut(&mut self) {
        self.has_work = true;
        for (key, connection) in &mut self.slab {
            if is_open(connection) {
                connection.cut();
                self.completions.push_back(key);
            }
        }
    }

    /// Returns the keys of the `count` longest-idle connections of those `wanted`, the longest-idle
    /// last. It looks at all of them, so it is called once per turn.
    pub(super) fn longest_idle(
        &self,
        count: usize,
        wanted: impl Fn(&Connection<S>) -> bool,
    ) -> Vec<usize> {
        let alive = self.slab.iter().filter(|(_, one)| is_open(one) && wanted(one));
        let mut by_activity: Vec<_> =
            alive.map(|(key, connection)| (connection.active(), key)).collect();
        if by_activity.len() > count {
            by_activity.select_nth_unstable(count);
            by_activity.truncate(count);
        }
        by_activity.sort_unstable_by(|one, other| other.cmp(one));
        by_activity.into_iter().map(|(_, key)| key).collect()
    }
}

const fn is_open<S: Stream>(connection: &Connection<S>) -> bool {
    !matches!(connection.phase(), Phase::Closed(_))
}
