//! Which connection to dial next, and when.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::MonotonicNs;

/// Limit of connections dialled and not yet answered. More of them would fill the server's backlog
/// (4096 for `tcpechod`, 128 for many), and the run would measure the second that the kernel waits
/// before it sends the SYN again.
const UNANSWERED_MAX: usize = 512;

/// Delay before a failed connection is redialled, so that a server that refuses is not flooded.
pub(super) const RETRY_DELAY: Duration = Duration::from_millis(100);

/// The connections to dial.
#[derive(Debug)]
pub(super) struct DialQueue {
    start: MonotonicNs,
    ramp: Duration,
    slots: usize,
    /// Number of slots dialled at least once.
    opened: usize,
    /// Slots to redial: their connection has done its work.
    redial: VecDeque<usize>,
    /// Slots to redial later, in order of time: their connection has failed.
    redial_later: VecDeque<(MonotonicNs, usize)>,
    /// Number of connections not yet answered.
    unanswered: usize,
}

impl DialQueue {
    /// Creates a queue that dials all `slots`, spread evenly over `ramp`.
    pub(super) fn new(slots: usize, start: MonotonicNs, ramp: Duration) -> Self {
        Self {
            start,
            ramp,
            slots,
            opened: 0,
            redial: VecDeque::new(),
            redial_later: VecDeque::new(),
            unanswered: 0,
        }
    }

    /// Takes the slot to dial now, if any.
    pub(super) fn next(&mut self, now: MonotonicNs) -> Option<usize> {
        if self.unanswered >= UNANSWERED_MAX {
            return None;
        }
        let slot = if self.opened < self.slots && self.opening() <= now {
            self.opened += 1;
            self.opened - 1
        } else if let Some(slot) = self.redial.pop_front() {
            slot
        } else if self.redial_later.front().is_some_and(|(at, _)| *at <= now) {
            self.redial_later.pop_front().map(|(_, slot)| slot)?
        } else {
            return None;
        };
        self.unanswered += 1;
        Some(slot)
    }

    /// Returns when [`Self::next`] will have a slot, if nothing happens before.
    pub(super) fn wake(&self) -> MonotonicNs {
        if self.unanswered >= UNANSWERED_MAX {
            return MonotonicNs::NEVER;
        }
        if !self.redial.is_empty() {
            return MonotonicNs(0);
        }
        let opening = if self.opened < self.slots { self.opening() } else { MonotonicNs::NEVER };
        self.redial_later.front().map_or(opening, |(at, _)| opening.min(*at))
    }

    /// Queues a slot to be redialled.
    pub(super) fn redial(&mut self, slot: usize) {
        self.redial.push_back(slot);
    }

    /// Queues a slot to be redialled after [`RETRY_DELAY`].
    pub(super) fn redial_later(&mut self, slot: usize, now: MonotonicNs) {
        self.redial_later.push_back((now.after(RETRY_DELAY), slot));
    }

    /// Counts a connection from [`Self::next`] as answered or ended.
    pub(super) fn answered_one(&mut self) {
        debug_assert!(self.unanswered > 0, "answered twice");
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// Number of connections not yet dialled or not yet answered.
    pub(super) const fn missing(&self) -> usize {
        self.slots - self.opened + self.unanswered
    }

    /// Number of slots whose connection has been answered or has ended.
    pub(super) const fn answered(&self) -> usize {
        self.opened.saturating_sub(self.unanswered)
    }

    /// Number of slots dialled at least once: only these get lines.
    pub(super) const fn opened(&self) -> usize {
        self.opened
    }

    /// Returns when the next slot is dialled for the first time.
    fn opening(&self) -> MonotonicNs {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        // Multiply first: dividing the ramp first would lose the remainder at each slot.
        let wait = self.ramp.saturating_mul(number(self.opened)) / number(self.slots.max(1));
        self.start.after(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(queue: &mut DialQueue, now: u64) -> Vec<usize> {
        std::iter::from_fn(|| queue.next(MonotonicNs(now))).collect()
    }

    #[test]
    fn without_a_ramp_all_are_connected_at_once() {
        let mut queue = DialQueue::new(3, MonotonicNs(5), Duration::ZERO);
        assert_eq!(queue.wake(), MonotonicNs(5));
        assert_eq!(all(&mut queue, 5), [0, 1, 2]);
        assert_eq!(queue.wake(), MonotonicNs::NEVER);
    }

    #[test]
    fn a_ramp_spreads_them_evenly() {
        let mut queue = DialQueue::new(4, MonotonicNs(0), Duration::from_nanos(100));
        assert_eq!(all(&mut queue, 24), [0]);
        assert_eq!(queue.wake(), MonotonicNs(25));
        assert_eq!(all(&mut queue, 60), [1, 2]);
        assert_eq!((all(&mut queue, 75), queue.opened()), (vec![3], 4));
    }

    #[test]
    fn a_failed_connection_waits_and_a_finished_one_does_not() {
        let mut queue = DialQueue::new(2, MonotonicNs(0), Duration::ZERO);
        assert_eq!(all(&mut queue, 0), [0, 1]);
        queue.redial_later(0, MonotonicNs(0));
        queue.redial(1);
        assert_eq!(queue.wake(), MonotonicNs(0));
        assert_eq!(all(&mut queue, 0), [1]);
        assert_eq!(queue.wake(), MonotonicNs(100_000_000));
        assert_eq!(all(&mut queue, 100_000_000), [0]);
    }

    #[test]
    fn there_are_never_too_many_that_have_not_been_answered() {
        let mut queue = DialQueue::new(10_000, MonotonicNs(0), Duration::ZERO);
        assert_eq!(all(&mut queue, 0).len(), UNANSWERED_MAX);
        assert_eq!(queue.wake(), MonotonicNs::NEVER);
        queue.answered_one();
        assert_eq!(all(&mut queue, 0), [UNANSWERED_MAX]);
    }
}
