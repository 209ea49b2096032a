//! The connections: a slab of them, the queue of those with work to do, and the list of those
//! that have ended.

use slab::Slab;

use crate::cause::Cause;
use crate::connection::{Connection, Phase, Ready, Served, Stream};

/// For how many connections there is room from the start, at most: 80 MB of addresses, where a
/// container's limit of a thousand million descriptors would ask for 80 GB, and not get them.
const PREALLOCATED_MAX: usize = 1 << 20;

/// All connections, by key. A key is given again once its connection has been removed.
#[derive(Debug)]
pub(super) struct Slots<S> {
    slab: Slab<Connection<S>>,
    run_queue: Vec<usize>,
    /// Who has used up a turn's budget: the next turn's queue begins with them.
    again: Vec<usize>,
    closed: Vec<usize>,
}

impl<S: Stream> Slots<S> {
    /// No connection yet, and room for `connections_max`: memory that is only used once touched,
    /// and never moved; but for limits that are as good as none.
    pub(super) fn new(connections_max: usize) -> Self {
        let slab = Slab::with_capacity(connections_max.min(PREALLOCATED_MAX));
        Self { slab, run_queue: Vec::new(), again: Vec::new(), closed: Vec::new() }
    }

    /// How many there are, those that have ended but are not reaped included.
    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// True if there is work that needs no event.
    pub(super) fn busy(&self) -> bool {
        !self.run_queue.is_empty() || !self.closed.is_empty()
    }

    /// The key the next connection will have.
    pub(super) fn next_key(&self) -> usize {
        self.slab.vacant_key()
    }

    /// Adds a connection.
    pub(super) fn insert(&mut self, connection: Connection<S>) -> usize {
        self.slab.insert(connection)
    }

    /// Remembers what an event said, and queues the connection. An event for a key that nobody
    /// has is ignored.
    pub(super) fn mark(&mut self, key: usize, ready: Ready) {
        if let Some(connection) = self.slab.get_mut(key)
            && connection.mark(ready)
        {
            self.run_queue.push(key);
        }
    }

    /// Gives each connection that is queued its turn, once.
    pub(super) fn serve(&mut self, mut turn: impl FnMut(usize, &mut Connection<S>) -> Served) {
        for &key in &self.run_queue {
            let Some(connection) = self.slab.get_mut(key) else { continue };
            match turn(key, connection) {
                Served::Again if connection.mark(Ready::NONE) => self.again.push(key),
                Served::Idle | Served::Again => {}
                Served::Closed => self.closed.push(key),
            }
        }
        self.run_queue.clear();
        if !self.again.is_empty() {
            std::mem::swap(&mut self.run_queue, &mut self.again);
        }
    }

    /// The connection with that key, if it has not ended.
    pub(super) fn alive(&mut self, key: usize) -> Option<&mut Connection<S>> {
        self.slab.get_mut(key).filter(|connection| is_alive(connection))
    }

    /// Every connection that has not ended, for the status.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection<S>> {
        self.slab.iter().map(|(_, connection)| connection).filter(|one| is_alive(one))
    }

    /// Ends the connection. Returns false if it has ended already.
    pub(super) fn close(&mut self, key: usize, cause: Cause) -> bool {
        let Some(connection) = self.alive(key) else { return false };
        connection.close(cause);
        self.closed.push(key);
        true
    }

    /// True if there is something to reap.
    pub(super) const fn any_ended(&self) -> bool {
        !self.closed.is_empty()
    }

    /// Removes one of those that have ended.
    pub(super) fn reap(&mut self) -> Option<(usize, Connection<S>)> {
        let key = self.closed.pop()?;
        let connection = self.slab.remove(key);
        debug_assert!(!is_alive(&connection), "only what has ended is removed");
        if connection.is_queued() {
            // The key's next owner has no place in the queue yet.
            self.run_queue.retain(|queued| *queued != key);
        }
        Some((key, connection))
    }

    /// Has every connection finish what is owed and end.
    pub(super) fn drain(&mut self) {
        for (key, connection) in &mut self.slab {
            if is_alive(connection) && connection.drain() {
                self.run_queue.push(key);
            }
        }
    }

    /// Has one connection finish what is owed and end.
    pub(super) fn drain_one(&mut self, key: usize) {
        if self.alive(key).is_some_and(Connection::drain) {
            self.run_queue.push(key);
        }
    }

    /// Ends every connection now.
    pub(super) fn cut(&mut self) {
        for (key, connection) in &mut self.slab {
            if is_alive(connection) {
                connection.cut();
                self.closed.push(key);
            }
        }
    }

    /// The keys of the `count` connections that have been idle the longest, the longest last.
    /// This looks at all of them; so it is asked once a turn, for as many as that may need.
    pub(super) fn longest_idle(&self, count: usize) -> Vec<usize> {
        let alive = self.slab.iter().filter(|(_, connection)| is_alive(connection));
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

const fn is_alive<S: Stream>(connection: &Connection<S>) -> bool {
    !matches!(connection.phase(), Phase::Closed(_))
}
