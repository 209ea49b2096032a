//! Connections behind a proxy: unidentified until a PROXY header has named their client, or it is
//! known that none comes.
//!
//! An unidentified connection counts for the address that it came from, and takes no place from an
//! identified one: a peer that sends no header only competes with others that send none.

use crate::cause::Cause;
use crate::connection::{Connection, NextStep};

use super::admission::EVICTS_PER_TURN;
use super::{Os, OverLimit, Reactor};

/// The most unidentified connections beyond the limit at the end of a turn, when each new one
/// evicts another: half of the number allowed for a moment, so that there is always room for the
/// next ones.
const UNIDENTIFIED_OVER_LIMIT: usize = EVICTS_PER_TURN / 2;

impl<O: Os> Reactor<O> {
    /// Reads the header of a connection that was just accepted, if it has come: then the connection
    /// counts for its client at once. Otherwise it counts for its own address, as long as that has
    /// room.
    pub(super) fn await_header(&mut self, key: usize) {
        if self.options.per_peer_max.is_none() {
            return;
        }
        let Some(connection) = self.slots.open(key) else { return };
        let step = connection.catch_up(&mut self.shared);
        let refused = connection.is_unidentified()
            && !self.per_peer.try_acquire_unidentified(key, connection.peer());
        if step == NextStep::Identified {
            self.admit_proxied(key);
        } else if refused {
            self.slots.close(key, Cause::Refused);
        } else {
            self.slots.apply(key, step);
        }
    }

    /// Admits an identified connection: it counts for its client, if that is below its limit, and
    /// may evict another connection.
    pub(super) fn admit_proxied(&mut self, key: usize) {
        self.per_peer.release_unidentified(key);
        let Some(connection) = self.slots.open(key) else { return };
        if !self.per_peer.try_acquire(connection.peer()) {
            self.slots.close(key, Cause::Refused);
            return;
        }
        connection.count();
        if self.options.exec {
            return self.spawn_for_proxied(key);
        }
        if self.evicts() && self.open_count() > self.capacity.connections_max {
            self.evict(key);
        }
        self.send_banner(key);
        self.answer_buffered(key);
        if self.shared.draining {
            self.slots.drain_one(key);
        }
    }

    /// Answers the input that was read before admission, after the banner.
    fn answer_buffered(&mut self, key: usize) {
        if let Some(connection) = self.slots.open(key) {
            let step = connection.answer_buffered(&mut self.shared);
            self.slots.apply(key, step);
            self.arm_deadline(key);
        }
    }

    /// Evicts the unidentified connections that have been idle the longest, if there are too many
    /// beyond the limit.
    pub(super) fn evict_unidentified(&mut self) {
        if !self.options.any_proxied() || !self.evicts() {
            return;
        }
        let most = self.capacity.connections_max.saturating_add(UNIDENTIFIED_OVER_LIMIT);
        let Some(excess) = self.open_count().checked_sub(most).filter(|excess| *excess > 0) else {
            return;
        };
        for key in self.slots.longest_idle(excess, Connection::is_unidentified) {
            self.slots.close(key, Cause::Evicted);
        }
    }

    fn evicts(&self) -> bool {
        self.options.over_limit == OverLimit::Evict && !self.is_draining()
    }
}
