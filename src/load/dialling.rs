//! Which connection is to be made next, and when.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::MonotonicNs;

/// How many connections that have not been answered yet there are at the most. More of them would
/// fill the server's backlog (4096 for `tcpechod`, 128 for many), and what then is measured is the
/// kernel's second of patience before it tries again.
const YOUNG_MAX: usize = 512;

/// How long a connection that failed is not tried again: a server that refuses is not flooded.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// The connections that are to be made.
#[derive(Debug)]
pub(super) struct Dialling {
    start: MonotonicNs,
    ramp: Duration,
    slots: usize,
    /// How many slots have had a connection already.
    opened: usize,
    /// Slots whose connection has done its work.
    again: VecDeque<usize>,
    /// Slots whose connection has failed, and when they are tried again: in order of time.
    later: VecDeque<(MonotonicNs, usize)>,
    /// How many connections have not been answered yet.
    young: usize,
}

impl Dialling {
    /// All `slots`, evenly within `ramp`.
    pub(super) fn new(slots: usize, start: MonotonicNs, ramp: Duration) -> Self {
        Self {
            start,
            ramp,
            slots,
            opened: 0,
            again: VecDeque::new(),
            later: VecDeque::new(),
            young: 0,
        }
    }

    /// A slot that is to be connected now.
    pub(super) fn next(&mut self, now: MonotonicNs) -> Option<usize> {
        if self.young >= YOUNG_MAX {
            return None;
        }
        let slot = if self.opened < self.slots && self.opening() <= now {
            self.opened += 1;
            self.opened - 1
        } else if let Some(slot) = self.again.pop_front() {
            slot
        } else if self.later.front().is_some_and(|(at, _)| *at <= now) {
            self.later.pop_front().map(|(_, slot)| slot)?
        } else {
            return None;
        };
        self.young += 1;
        Some(slot)
    }

    /// When [`Self::next`] has something, if nothing happens before.
    pub(super) fn wake(&self) -> MonotonicNs {
        if self.young >= YOUNG_MAX {
            return MonotonicNs::NEVER;
        }
        if !self.again.is_empty() {
            return MonotonicNs(0);
        }
        let opening = if self.opened < self.slots { self.opening() } else { MonotonicNs::NEVER };
        self.later.front().map_or(opening, |(at, _)| opening.min(*at))
    }

    /// A slot is to be connected again.
    pub(super) fn again(&mut self, slot: usize) {
        self.again.push_back(slot);
    }

    /// A slot is to be connected again, but not at once.
    pub(super) fn again_later(&mut self, slot: usize, now: MonotonicNs) {
        self.later.push_back((now.after(PAUSE), slot));
    }

    /// One of those that [`Self::next`] gave has been answered, or has ended.
    pub(super) fn grown(&mut self) {
        debug_assert!(self.young > 0, "grown up twice");
        self.young = self.young.saturating_sub(1);
    }

    /// How many connections are missing: not begun yet, or not answered.
    pub(super) const fn missing(&self) -> usize {
        self.slots - self.opened + self.young
    }

    /// How many slots have had a connection that has been answered, or has ended.
    pub(super) const fn answered(&self) -> usize {
        self.opened.saturating_sub(self.young)
    }

    /// How many slots have had a connection: lines are for them only.
    pub(super) const fn opened(&self) -> usize {
        self.opened
    }

    /// When the next slot gets its first connection.
    fn opening(&self) -> MonotonicNs {
        let part = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        // Not the ramp divided first, which would lose what is left over at each slot.
        let wait = self.ramp.saturating_mul(part(self.opened)) / part(self.slots.max(1));
        self.start.after(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(dialling: &mut Dialling, now: u64) -> Vec<usize> {
        std::iter::from_fn(|| dialling.next(MonotonicNs(now))).collect()
    }

    #[test]
    fn without_a_ramp_all_are_connected_at_once() {
        let mut dialling = Dialling::new(3, MonotonicNs(5), Duration::ZERO);
        assert_eq!(dialling.wake(), MonotonicNs(5));
        assert_eq!(all(&mut dialling, 5), [0, 1, 2]);
        assert_eq!(dialling.wake(), MonotonicNs::NEVER);
    }

    #[test]
    fn a_ramp_spreads_them_evenly() {
        let mut dialling = Dialling::new(4, MonotonicNs(0), Duration::from_nanos(100));
        assert_eq!(all(&mut dialling, 24), [0]);
        assert_eq!(dialling.wake(), MonotonicNs(25));
        assert_eq!(all(&mut dialling, 60), [1, 2]);
        assert_eq!((all(&mut dialling, 75), dialling.opened()), (vec![3], 4));
    }

    #[test]
    fn who_failed_waits_and_who_is_through_does_not() {
        let mut dialling = Dialling::new(2, MonotonicNs(0), Duration::ZERO);
        assert_eq!(all(&mut dialling, 0), [0, 1]);
        dialling.again_later(0, MonotonicNs(0));
        dialling.again(1);
        assert_eq!(dialling.wake(), MonotonicNs(0));
        assert_eq!(all(&mut dialling, 0), [1]);
        assert_eq!(dialling.wake(), MonotonicNs(100_000_000));
        assert_eq!(all(&mut dialling, 100_000_000), [0]);
    }

    #[test]
    fn there_are_never_too_many_that_have_not_been_answered() {
        let mut dialling = Dialling::new(10_000, MonotonicNs(0), Duration::ZERO);
        assert_eq!(all(&mut dialling, 0).len(), YOUNG_MAX);
        assert_eq!(dialling.wake(), MonotonicNs::NEVER);
        dialling.grown();
        assert_eq!(all(&mut dialling, 0), [YOUNG_MAX]);
    }
}
