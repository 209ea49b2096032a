//! Connections behind a proxy: unidentified until a PROXY header has named their client, or it is
//! known that none comes.
//!
//! An unidentified connection counts for the address that it came from, and takes no place from a
//! connection that is identified: whoever sends no header only competes with its like.

use crate::cause::Cause;
use crate::connection::{Connection, NextStep};

use super::gate::EVICTS_PER_TURN;
use super::{Kernel, OverLimit, Reactor};

/// How many unidentified connections there may be beyond the limit from turn to turn, where one
/// more evicts another: half of what there may be for a moment, so that there is always room for
/// the next ones.
const UNIDENTIFIED_OVER_LIMIT: usize = EVICTS_PER_TURN / 2;

impl<K: Kernel> Reactor<K> {
    /// A connection was accepted whose header has not been read. If it is there, the connection
    /// counts for its client at once; else for its own address, as long as that has room.
    pub(super) fn await_header(&mut self, key: usize) {
        if self.rules.per_peer_max.is_none() {
            return;
        }
        let Some(connection) = self.slots.alive(key) else { return };
        let served = connection.catch_up(&mut self.lent);
        let refused = connection.is_unidentified()
            && !self.per_peer.enter_unidentified(key, connection.peer());
        if served == NextStep::Identified {
            self.introduced(key);
        } else if refused {
            self.slots.close(key, Cause::Refused);
        } else {
            self.slots.follow(key, served);
        }
    }

    /// A connection is identified: now it counts for its client, if that may have one more, and may
    /// take the place of another.
    pub(super) fn introduced(&mut self, key: usize) {
        self.per_peer.leave_unidentified(key);
        let Some(connection) = self.slots.alive(key) else { return };
        if !self.per_peer.enter(connection.peer()) {
            self.slots.close(key, Cause::Refused);
            return;
        }
        connection.count();
        if self.rules.exec {
            return self.hand_over_introduced(key);
        }
        if self.evicts() && self.open() > self.rules.connections_max {
            self.evict(key);
        }
        self.welcome(key);
        self.begin(key);
        if self.is_draining() {
            self.slots.drain_one(key);
        }
    }

    /// Answers what a connection has read before it was admitted, behind the greeting.
    fn begin(&mut self, key: usize) {
        if let Some(connection) = self.slots.alive(key) {
            let served = connection.answer_buffered(&mut self.lent);
            self.slots.follow(key, served);
            self.watch(key);
        }
    }

    /// Ends those unidentified connections that have been idle the longest, if there are too many
    /// beyond the limit.
    pub(super) fn evict_unidentified(&mut self) {
        if self.rules.proxied.is_none() || !self.evicts() {
            return;
        }
        let most = self.rules.connections_max.saturating_add(UNIDENTIFIED_OVER_LIMIT);
        let Some(excess) = self.open().checked_sub(most).filter(|excess| *excess > 0) else {
            return;
        };
        for key in self.slots.longest_idle(excess, Connection::is_unidentified) {
            self.slots.close(key, Cause::Evicted);
        }
    }

    fn evicts(&self) -> bool {
        self.rules.over_limit == OverLimit::Evict && !self.is_draining()
    }
}
