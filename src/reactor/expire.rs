//! What the deadlines say: each connection whose time has come has a last look at its socket.

use log::warn;

use crate::connection::NextStep;

use super::{Kernel, News, Reactor};

/// How many deadlines are looked at in one turn, so that it stays short: each may be a last look,
/// which is a read and a write at least.
pub(super) const EXPIRIES_PER_TURN: usize = 128;

impl<K: Kernel> Reactor<K> {
    #[cold]
    pub(super) fn expire(&mut self) -> News {
        let now = self.lent.now;
        self.look_for_stop();
        // A connection whose header has named its client is admitted before it is looked at again.
        self.reap();
        for _ in 0..EXPIRIES_PER_TURN {
            let Some(key) = self.deadlines.due(now) else { break };
            let Some(connection) = self.slots.alive(key) else { continue };
            let served = connection.expire(&self.rules.timeouts, &mut self.lent);
            self.looked(key, served);
        }
        self.expire_drain();
        if self.deadlines.is_summary_due(now) {
            warn!("{}", self.summary.take(now));
        }
        if self.deadlines.beats(now) { News::BEAT } else { News::NONE }
    }

    /// What a last look has come to. A connection that it has identified gets its next deadline
    /// when it is admitted.
    pub(super) fn looked(&mut self, key: usize, served: NextStep) {
        self.slots.follow(key, served);
        if served != NextStep::Identified {
            self.watch(key);
        }
    }

    /// Has the connection looked at when its deadline comes.
    pub(super) fn watch(&mut self, key: usize) {
        self.deadlines.keep_ticking(self.lent.now);
        let connection = self.slots.alive(key);
        if let Some((at, _)) = connection.and_then(|one| one.deadline(&self.rules.timeouts)) {
            self.deadlines.schedule(key, at, self.lent.now);
        }
    }
}
