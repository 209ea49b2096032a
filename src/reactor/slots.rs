//! The connections: a slab of them, the queue of those with work to do, and the list of those
//! that have ended.

use std::collections::VecDeque;

use slab::Slab;

use crate::cause::Cause;
use crate::connection::{Connection, NextStep, Phase, Ready, Stream};

/// How many budgets a stream has in a row, 1 to 4 MiB, before the next stream has its own.
const BULK_READS_IN_A_ROW_MIN: usize = 16;
const BULK_READS_IN_A_ROW_MAX: usize = 64;

/// How many budgets all streams together have, some 20 milliseconds, until it is the first one's
/// turn again; more only where there are so many that each has the fewest in a row.
const BULK_READS_PER_ROUND: usize = 1024;

/// How many budgets streams have in a turn, all together: 64 KiB, in some 20 microseconds, by which
/// the others' next events may be late.
const BULK_READS_PER_TURN: usize = 1;

/// What a connection has to tell the reactor.
#[derive(Debug)]
pub(super) enum Completion<S> {
    /// The one with that key has said who its peer is.
    Identified(usize),
    /// It has ended, and is removed.
    Ended(usize, Connection<S>),
}

/// All connections, by key. A key is given again once its connection has been removed.
#[derive(Debug)]
pub(super) struct Slots<S> {
    slab: Slab<Connection<S>>,
    run_queue: Vec<usize>,
    /// Who wants another turn, but does not stream: the next turn's queue begins with them.
    requeued: Vec<usize>,
    /// Those who stream: they have used up a turn's budget, and come after all others.
    bulk: VecDeque<usize>,
    /// How many budgets the first of them has had in a row.
    consecutive_reads: usize,
    /// Who has something to report, in order: who came first is admitted first.
    completions: VecDeque<usize>,
    /// A connection was removed whose key is still in one of the queues.
    queued_removed: bool,
    /// Something in those lists may need no event: one look a turn, not one at each of them.
    has_work: bool,
}

impl<S: Stream> Slots<S> {
    /// No connection, and room for that many: memory that is used once touched, and never moved.
    pub(super) fn with_capacity(connections: usize) -> Self {
        Self {
            slab: Slab::with_capacity(connections),
            run_queue: Vec::new(),
            requeued: Vec::new(),
            bulk: VecDeque::new(),
            consecutive_reads: 0,
            completions: VecDeque::new(),
            queued_removed: false,
            has_work: false,
        }
    }

    /// How many there are, those that have ended but are not reaped included.
    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// True if there is work that needs no event; after [`Self::end_turn`], and not before.
    pub(super) const fn has_work(&self) -> bool {
        self.has_work
    }

    /// At the end of a turn: who wants another goes to the front of the next one's queue.
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

    /// Remembers what an event said, and queues the connection. False if there is none.
    #[inline]
    pub(super) fn mark(&mut self, key: usize, ready: Ready) -> bool {
        let Some(connection) = self.slab.get_mut(key) else { return false };
        if connection.mark(ready) {
            self.run_queue.push(key);
        }
        true
    }

    /// Gives each connection that is queued its turn, once; then those who stream
    /// [`BULK_READS_PER_TURN`]. Returns how many turns were given.
    pub(super) fn serve(
        &mut self,
        mut turn: impl FnMut(usize, &mut Connection<S>) -> NextStep,
    ) -> usize {
        let mut place = 0;
        // One call of `turn` for both, so that it is compiled into this loop.
        while let Some(key) = self.next_to_serve(place) {
            let connection = self.slab.get_mut(key);
            let step = connection.map_or(NextStep::Idle, |connection| turn(key, connection));
            if step != NextStep::Idle {
                self.reschedule(place, key, step);
            }
            place += 1;
        }
        self.run_queue.clear();
        place
    }

    /// Whose turn it is.
    #[inline]
    fn next_to_serve(&mut self, place: usize) -> Option<usize> {
        match self.run_queue.get(place) {
            Some(key) => Some(*key),
            None if !self.has_work => None,
            None => self.next_bulk(place - self.run_queue.len()),
        }
    }

    /// Which stream's turn it is, after so many of their budgets in this turn. The first stays the
    /// first until it has had its turns or has no more to do: a stream that is served
    /// for a while keeps its peer busy, which need not be woken for each reply then, and to wake it
    /// costs more than to copy.
    #[cold]
    fn next_bulk(&mut self, budgets: usize) -> Option<usize> {
        if budgets > 0 {
            self.consecutive_reads += 1;
            let first = *self.bulk.front()?;
            let more = self.slab.get(first).is_some_and(Connection::is_queued);
            let turns = BULK_READS_PER_ROUND / self.bulk.len();
            let turns = turns.clamp(BULK_READS_IN_A_ROW_MIN, BULK_READS_IN_A_ROW_MAX);
            if !more || self.consecutive_reads >= turns {
                self.consecutive_reads = 0;
                self.bulk.pop_front();
            }
            if more && self.consecutive_reads == 0 {
                self.bulk.push_back(first);
            }
        }
        self.bulk.front().filter(|_| budgets < BULK_READS_PER_TURN).copied()
    }

    #[cold]
    fn reschedule(&mut self, place: usize, key: usize, step: NextStep) {
        self.has_work = true;
        if matches!(step, NextStep::Closed | NextStep::Identified) {
            self.completions.push_back(key);
        } else if let Some(connection) = self.slab.get_mut(key) {
            connection.mark(Ready::NONE);
            match () {
                () if place >= self.run_queue.len() => {}
                () if connection.is_bulk() => self.bulk.push_back(key),
                () => self.requeued.push(key),
            }
        }
    }

    /// The connection with that key, if it has not ended.
    pub(super) fn open(&mut self, key: usize) -> Option<&mut Connection<S>> {
        self.slab.get_mut(key).filter(|connection| is_open(connection))
    }

    /// Every connection that has not ended, for the status.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection<S>> {
        self.slab.iter().map(|(_, connection)| connection).filter(|one| is_open(one))
    }

    /// Ends the connection. Returns false if it has ended already.
    pub(super) fn close(&mut self, key: usize, cause: Cause) -> bool {
        let Some(connection) = self.open(key) else { return false };
        connection.close(cause);
        self.apply(key, NextStep::Closed);
        true
    }

    /// Sees to what a connection asks for outside of its turn in [`Self::serve`].
    pub(super) fn apply(&mut self, key: usize, step: NextStep) {
        match step {
            NextStep::Idle => {}
            NextStep::Yield => self.wake(key, Ready::NONE),
            NextStep::Identified | NextStep::Closed => {
                self.completions.push_back(key);
                self.has_work = true;
            }
        }
    }

    /// Queues a connection for the next turn, with a hint that no event has given.
    pub(super) fn wake(&mut self, key: usize, ready: Ready) {
        self.mark(key, ready);
        self.has_work = true;
    }

    /// The first of the reports; whoever has ended is removed with it.
    pub(super) fn next_completion(&mut self) -> Option<Completion<S>> {
        // Who is introduced and ends in one turn is in there twice.
        let next = || self.completions.pop_front();
        let Some(key) = std::iter::from_fn(next).find(|key| self.slab.contains(*key)) else {
            self.forget_removed();
            return None;
        };
        if self.open(key).is_some() {
            return Some(Completion::Identified(key));
        }
        Some(Completion::Ended(key, self.remove(key)))
    }

    /// Removes a connection that a report has named.
    pub(super) fn remove(&mut self, key: usize) -> Connection<S> {
        let connection = self.slab.remove(key);
        self.queued_removed |= connection.is_queued();
        connection
    }

    /// Takes the keys of removed connections out of the queues, all in one pass: the next owner of
    /// a key has no place there yet.
    fn forget_removed(&mut self) {
        if !std::mem::take(&mut self.queued_removed) {
            return;
        }
        let first = self.bulk.front().copied();
        let slab = &self.slab;
        self.run_queue.retain(|key| slab.contains(*key));
        self.requeued.retain(|key| slab.contains(*key));
        self.bulk.retain(|key| slab.contains(*key));
        if self.bulk.front().copied() != first {
            self.consecutive_reads = 0;
        }
    }

    /// Has every connection finish what is owed and end.
    pub(super) fn drain(&mut self) {
        self.has_work = true;
        for (key, connection) in &mut self.slab {
            if is_open(connection) && connection.drain() {
                self.run_queue.push(key);
            }
        }
    }

    /// Has one connection finish what is owed and end.
    pub(super) fn drain_one(&mut self, key: usize) {
        if self.open(key).is_some_and(Connection::drain) {
            self.run_queue.push(key);
            self.has_work = true;
        }
    }

    /// The keys of all connections that have not ended.
    pub(super) fn keys(&self) -> Vec<usize> {
        self.slab.iter().filter_map(|(key, one)| is_open(one).then_some(key)).collect()
    }

    /// Ends every connection now.
    pub(super) fn cut(&mut self) {
        self.has_work = true;
        for (key, connection) in &mut self.slab {
            if is_open(connection) {
                connection.cut();
                self.completions.push_back(key);
            }
        }
    }

    /// The keys of the `count` connections of those `wanted` that have been idle the longest, the
    /// longest last. This looks at all of them; so it is asked once a turn.
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
