//! Before the load: everybody connects and has one answer, and only then do all send at once.
//!
//! Lines would else keep the loops on both sides busy while most connections are still to be made,
//! and what is measured at "10,000 connections" would be a few thousand; fewer of a server that
//! accepts slowly, which would look the faster for it.

use std::time::Duration;

use crate::clock::MonotonicNs;

use crate::load::config::LoadConfig;
use crate::load::engine::dial_queue::DialQueue;
use crate::load::engine::mode::Plan;

/// How long no other connection need have been dialled, made or answered for the load to begin with
/// those that were: a server that is full, or does not answer at all, is measured too.
pub(super) const QUIET_LIMIT: Duration = Duration::from_secs(1);

/// Whether everybody is there.
#[derive(Debug)]
pub(super) struct StartBarrier {
    /// How far it came, as [`Self::extend`] counts.
    progress: usize,
    /// Until when to wait for one more; never once the load has begun.
    until: MonotonicNs,
}

impl StartBarrier {
    /// Of a load that has all of its connections at once and keeps them. One that is to grow does
    /// not wait for the last of them, and lines that are due at fixed times wait for nobody.
    pub(super) fn new(config: &LoadConfig, plan: &Plan, start: MonotonicNs) -> Self {
        let gathers = plan.is_continuous() && config.ramp.is_zero();
        let until = if gathers { start.after(QUIET_LIMIT) } else { MonotonicNs::NEVER };
        Self { progress: 0, until }
    }

    /// True while nobody sends more than its first lines.
    #[inline]
    pub(super) fn is_waiting(&self) -> bool {
        self.until != MonotonicNs::NEVER
    }

    /// We stood still for that long.
    pub(super) fn excuse(&mut self, pause: Duration) {
        self.until = self.until.after(pause);
    }

    /// So many connections were begun, made and answered by now, all added up. More than ever
    /// before is progress: those that fail and are tried again are none.
    pub(super) fn extend(&mut self, progress: usize, now: MonotonicNs) {
        if self.is_waiting() && progress > self.progress {
            self.progress = progress;
            self.until = now.after(QUIET_LIMIT);
        }
    }

    /// True, once, when everybody is there or has been waited for.
    pub(super) fn release(&mut self, dialling: &DialQueue, now: MonotonicNs) -> bool {
        let ends = self.is_waiting() && (dialling.missing() == 0 || now >= self.until);
        if ends {
            self.until = MonotonicNs::NEVER;
        }
        ends
    }

    /// When [`Self::release`] has to be asked, if nothing happens before.
    pub(super) const fn wake(&self) -> MonotonicNs {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(slots: usize) -> (StartBarrier, DialQueue) {
        let dialling = DialQueue::new(slots, MonotonicNs(0), Duration::ZERO);
        (StartBarrier { progress: 0, until: MonotonicNs(0).after(QUIET_LIMIT) }, dialling)
    }

    #[test]
    fn it_ends_once_everybody_has_been_answered() {
        let (mut gathering, mut dialling) = of(2);
        assert!(!gathering.release(&dialling, MonotonicNs(1)), "nobody has been dialled");
        while dialling.next(MonotonicNs(1)).is_some() {}
        dialling.answered_one();
        assert!(!gathering.release(&dialling, MonotonicNs(2)), "one is missing");
        dialling.answered_one();
        assert!(gathering.release(&dialling, MonotonicNs(3)));
        assert!(
            !gathering.is_waiting() && !gathering.release(&dialling, MonotonicNs(4)),
            "only once"
        );
    }

    #[test]
    fn it_waits_a_second_for_one_more() {
        let (mut gathering, dialling) = of(2);
        let half = MonotonicNs(500_000_000);
        gathering.extend(1, half);
        gathering.extend(1, MonotonicNs(900_000_000));
        assert!(!gathering.release(&dialling, MonotonicNs(1_499_999_999)));
        assert_eq!(gathering.wake(), MonotonicNs(1_500_000_000));
        assert!(gathering.release(&dialling, MonotonicNs(1_500_000_000)));
    }
}
