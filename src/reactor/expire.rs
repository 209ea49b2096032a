//! Deadlines that have passed: each connection has a final read of its socket before it ends.

use log::warn;

use crate::connection::NextStep;

use super::{Os, Reactor, Wakeups};

/// Deadlines handled in one turn, so that it stays short: each may need a final read, which is a
/// read and a write at least.
pub(super) const EXPIRIES_PER_TURN: usize = 128;

impl<O: Os> Reactor<O> {
    #[cold]
    pub(super) fn expire(&mut self) -> Wakeups {
        let now = self.shared.now;
        self.detect_stop();
        // Admit identified connections before their next check.
        self.reap();
        for _ in 0..EXPIRIES_PER_TURN {
            let Some(key) = self.deadlines.due(now) else { break };
            let Some(connection) = self.slots.open(key) else { continue };
            let step = connection.expire(&self.options.timeouts, &mut self.shared);
            self.after_catch_up(key, step);
        }
        self.expire_drain();
        if self.deadlines.summary_due(now) {
            warn!("{}", self.summary.take(now));
        }
        if self.deadlines.watchdog_due(now) { Wakeups::WATCHDOG } else { Wakeups::NONE }
    }

    /// Applies the result of a final read. A connection that it has identified gets its next
    /// deadline when it is admitted.
    pub(super) fn after_catch_up(&mut self, key: usize, step: NextStep) {
        self.slots.apply(key, step);
        if step != NextStep::Identified {
            self.arm_deadline(key);
        }
    }

    /// Schedules the deadline of the connection.
    pub(super) fn arm_deadline(&mut self, key: usize) {
        self.deadlines.schedule_stop_check(self.shared.now);
        let connection = self.slots.open(key);
        if let Some((at, _)) = connection.and_then(|one| one.deadline(&self.options.timeouts)) {
            self.deadlines.schedule(key, at, self.shared.now);
        }
    }
}
