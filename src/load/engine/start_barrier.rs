//! The start barrier: every connection is made and answered once before the load begins.
//!
//! Without it, the first lines would keep the loops of both sides busy while most connections are
//! still to be made, and a measurement at "10,000 connections" would run on a few thousand. A
//! server that accepts slowly would have even fewer, and look faster for it.

use std::time::Duration;

use crate::clock::MonotonicNs;

use crate::load::config::LoadConfig;
use crate::load::engine::dial_queue::DialQueue;
use crate::load::engine::mode::Plan;

/// If no other connection is dialled, made or answered for this long, the load begins with those
/// answered so far: a server that is full, or does not answer at all, is measured too.
pub(super) const QUIET_LIMIT: Duration = Duration::from_secs(1);

/// Whether the load may begin.
#[derive(Debug)]
pub(super) struct StartBarrier {
    /// Progress so far, as counted by [`Self::extend`].
    progress: usize,
    /// When to stop waiting for the next connection; `NEVER` once the load has begun.
    until: MonotonicNs,
}

impl StartBarrier {
    /// Waits only if the load opens all of its connections at once and keeps them. A ramp does not
    /// wait for its last connection, and lines due at fixed times don't wait at all.
    pub(super) fn new(config: &LoadConfig, plan: &Plan, start: MonotonicNs) -> Self {
        let waits = plan.is_continuous() && config.ramp.is_zero();
        let until = if waits { start.after(QUIET_LIMIT) } else { MonotonicNs::NEVER };
        Self { progress: 0, until }
    }

    /// True while connections may send only their first lines.
    #[inline]
    pub(super) fn is_waiting(&self) -> bool {
        self.until != MonotonicNs::NEVER
    }

    /// Extends the wait by a pause of this process.
    pub(super) fn excuse(&mut self, pause: Duration) {
        self.until = self.until.after(pause);
    }

    /// Extends the wait if `progress`, the sum of connections dialled, made and answered, is a new
    /// maximum. A connection that fails and is redialled is no progress.
    pub(super) fn extend(&mut self, progress: usize, now: MonotonicNs) {
        if self.is_waiting() && progress > self.progress {
            self.progress = progress;
            self.until = now.after(QUIET_LIMIT);
        }
    }

    /// Returns true once: when every connection is answered, or the wait is over.
    pub(super) fn release(&mut self, dial_queue: &DialQueue, now: MonotonicNs) -> bool {
        let ends = self.is_waiting() && (dial_queue.missing() == 0 || now >= self.until);
        if ends {
            self.until = MonotonicNs::NEVER;
        }
        ends
    }

    /// Returns when to call [`Self::release`] at the latest.
    pub(super) const fn wake(&self) -> MonotonicNs {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(slots: usize) -> (StartBarrier, DialQueue) {
        let dial_queue = DialQueue::new(slots, MonotonicNs(0), Duration::ZERO);
        (StartBarrier { progress: 0, until: MonotonicNs(0).after(QUIET_LIMIT) }, dial_queue)
    }

    #[test]
    fn it_ends_once_every_connection_is_answered() {
        let (mut barrier, mut dial_queue) = of(2);
        assert!(!barrier.release(&dial_queue, MonotonicNs(1)), "no connection is dialled");
        while dial_queue.next(MonotonicNs(1)).is_some() {}
        dial_queue.answered_one();
        assert!(!barrier.release(&dial_queue, MonotonicNs(2)), "one is not answered");
        dial_queue.answered_one();
        assert!(barrier.release(&dial_queue, MonotonicNs(3)));
        assert!(
            !barrier.is_waiting() && !barrier.release(&dial_queue, MonotonicNs(4)),
            "only once"
        );
    }

    #[test]
    fn it_waits_a_second_for_one_more() {
        let (mut barrier, dial_queue) = of(2);
        let half = MonotonicNs(500_000_000);
        barrier.extend(1, half);
        barrier.extend(1, MonotonicNs(900_000_000));
        assert!(!barrier.release(&dial_queue, MonotonicNs(1_499_999_999)));
        assert_eq!(barrier.wake(), MonotonicNs(1_500_000_000));
        assert!(barrier.release(&dial_queue, MonotonicNs(1_500_000_000)));
    }
}
