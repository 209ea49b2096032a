//! A hierarchical timing wheel: deadlines by key, with constant time to schedule and to cancel.
//!
//! Level 0 has a slot for each millisecond; the slots of each further level are 64 times as wide
//! (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987). A key goes into the lowest
//! level whose 64 slots cover both its time and the wheel's. A wide slot comes due when it begins,
//! so its keys come early: the caller checks each key's real deadline anyway, and schedules the key
//! again, which moves it to a lower level. No key comes late. The keys of a slot form a list, kept
//! in two arrays by key, ten bytes per key.

use crate::clock::MonotonicMs;
use crate::num;

/// Each level has 64 slots, so that one word shows the occupied ones.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const SLOT_MASK: u64 = (1 << BITS) - 1;

/// Enough levels for any number of milliseconds.
const LEVELS: usize = 11;
const _: () = assert!(u64::BITS.div_ceil(BITS) == 11, "one level for each six bits");

/// No key.
const NONE: u32 = u32::MAX;

/// No slot.
const NOWHERE: u16 = u16::MAX;

/// A key's neighbours in the list of its slot.
#[derive(Clone, Copy, Debug)]
struct Links {
    next: u32,
    previous: u32,
}

/// Keys by time.
#[derive(Debug)]
pub(super) struct TimerWheel {
    /// Every slot that begins before this time is empty.
    elapsed: u64,
    /// For each level, a bit for each slot that has keys.
    occupied: [u64; LEVELS],
    /// The first key of each slot, level by level.
    heads: Vec<u32>,
    links: Vec<Links>,
    /// The slot of each key.
    slots: Vec<u16>,
}

#[expect(
    clippy::indexing_slicing,
    reason = "slots come from `slot_of`, keys from the lists, and both arrays grow together"
)]
impl TimerWheel {
    /// Creates an empty wheel with room for `keys` keys. Memory is touched only when keys are
    /// scheduled.
    pub(super) fn with_capacity(keys: usize) -> Self {
        Self {
            elapsed: 0,
            occupied: [0; LEVELS],
            heads: vec![NONE; LEVELS * SLOTS],
            links: Vec::with_capacity(keys),
            slots: Vec::with_capacity(keys),
        }
    }

    /// Makes [`Self::due`] return `key` at `at` or earlier. For a key that is already scheduled,
    /// the earlier time applies.
    pub(super) fn schedule(&mut self, key: usize, at: MonotonicMs, now: MonotonicMs) {
        self.advance(now);
        if self.slots.len() <= key {
            self.links.resize(key + 1, Links { next: NONE, previous: NONE });
            self.slots.resize(key + 1, NOWHERE);
        }
        let slot = self.slot_of(at.0);
        let before = self.slots[key];
        if before != NOWHERE {
            if self.start_of(usize::from(before)) <= self.start_of(slot) {
                return;
            }
            self.cancel(key);
        }
        self.insert(key, slot);
    }

    /// Removes and returns a key of a slot that has begun, if there is one.
    pub(super) fn due(&mut self, now: MonotonicMs) -> Option<usize> {
        let slot = self.first_slot()?;
        let start = self.start_of(slot);
        if start > now.0 {
            return None;
        }
        self.elapsed = self.elapsed.max(start);
        let key = usize::try_from(self.heads[slot]).ok()?;
        self.cancel(key);
        Some(key)
    }

    /// Removes `key`, if it is scheduled.
    pub(super) fn cancel(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let slot = usize::from(std::mem::replace(slot, NOWHERE));
        if slot == usize::from(NOWHERE) {
            return;
        }
        let Links { next, previous } = self.links[key];
        if next != NONE {
            self.links[index(next)].previous = previous;
        }
        if previous == NONE {
            self.heads[slot] = next;
        } else {
            self.links[index(previous)].next = next;
        }
        if self.heads[slot] == NONE {
            self.occupied[slot / SLOTS] &= !(1 << (slot % SLOTS));
        }
    }

    /// Returns the start of the first slot that has keys.
    pub(super) fn next(&self) -> MonotonicMs {
        self.first_slot().map_or(MonotonicMs::NEVER, |slot| MonotonicMs(self.start_of(slot)))
    }

    /// Advances the wheel's time, unless an occupied slot has begun.
    fn advance(&mut self, now: MonotonicMs) {
        if now.0 > self.elapsed && self.next() > now {
            self.elapsed = now.0;
        }
    }

    #[expect(clippy::expect_used, reason = "a slab of 4,294,967,295 connections takes 340 GB")]
    fn insert(&mut self, key: usize, slot: usize) {
        let link = u32::try_from(key).ok().filter(|key| *key != NONE).expect("keys are in memory");
        let next = std::mem::replace(&mut self.heads[slot], link);
        self.links[key] = Links { next, previous: NONE };
        if next != NONE {
            self.links[index(next)].previous = link;
        }
        self.slots[key] = u16::try_from(slot).unwrap_or(NOWHERE);
        self.occupied[slot / SLOTS] |= 1 << (slot % SLOTS);
    }

    /// Returns the slot for a time, in the lowest level that covers both that time and the wheel's.
    fn slot_of(&self, at: u64) -> usize {
        let at = at.max(self.elapsed);
        let level = ((at ^ self.elapsed) | 1).ilog2() / BITS;
        let number = at.unbounded_shr(level * BITS) & SLOT_MASK;
        index(level) * SLOTS + usize::try_from(number).unwrap_or_default()
    }

    /// Returns the start of a slot. All occupied slots of a level lie in one slot of the next
    /// level, the one that contains the wheel's time, so the higher bits are those of that time.
    fn start_of(&self, slot: usize) -> u64 {
        let (level, number) = (slot / SLOTS, slot % SLOTS);
        let width = u32::try_from(level).unwrap_or_default() * BITS;
        let higher = self.elapsed & u64::MAX.unbounded_shl(width + BITS);
        higher | u64::try_from(number).unwrap_or_default().unbounded_shl(width)
    }

    /// Returns the occupied slot that begins first. A wide slot that has begun and is not yet empty
    /// comes before the narrower slots into which it is split.
    fn first_slot(&self) -> Option<usize> {
        let occupied = self.occupied.iter().enumerate().filter(|(_, slots)| **slots != 0);
        occupied
            .map(|(level, slots)| level * SLOTS + index(slots.trailing_zeros()))
            .min_by_key(|slot| self.start_of(*slot))
    }
}

/// Converts a key or level to an index.
fn index(number: u32) -> usize {
    num::to_usize(number)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Removes all keys that are due, and checks the real deadline of each, as the reactor does.
    fn fired(wheel: &mut TimerWheel, real: &mut BTreeMap<usize, u64>, now: u64) -> Vec<usize> {
        let mut fired = Vec::new();
        while let Some(key) = wheel.due(MonotonicMs(now)) {
            let at = real[&key];
            if at <= now {
                real.remove(&key);
                fired.push(key);
            } else {
                wheel.schedule(key, MonotonicMs(at), MonotonicMs(now));
            }
        }
        fired
    }

    #[test]
    fn keys_come_due_in_order_of_time_and_to_the_millisecond() {
        let mut wheel = TimerWheel::with_capacity(0);
        let mut real = BTreeMap::new();
        for (key, at) in [(0, 30), (7, 10), (3, 20_000), (4, 20_001), (5, 86_400_000)] {
            real.insert(key, at);
            wheel.schedule(key, MonotonicMs(at), MonotonicMs(0));
        }
        for (now, keys) in [
            (9, vec![]),
            (10, vec![7]),
            (29, vec![]),
            (30, vec![0]),
            (19_999, vec![]),
            (20_000, vec![3]),
            (20_001, vec![4]),
            (86_399_999, vec![]),
            (86_400_000, vec![5]),
        ] {
            assert_eq!(fired(&mut wheel, &mut real, now), keys, "at {now}");
        }
        assert_eq!(wheel.next(), MonotonicMs::NEVER);
    }

    #[test]
    fn a_key_comes_due_once_however_often_it_is_scheduled() {
        let mut wheel = TimerWheel::with_capacity(4);
        for at in [10, 50, 5, 40] {
            wheel.schedule(1, MonotonicMs(at), MonotonicMs(0));
        }
        assert_eq!(wheel.due(MonotonicMs(5)), Some(1));
        assert_eq!(wheel.due(MonotonicMs(u64::MAX - 1)), None);
    }

    #[test]
    fn a_time_that_has_passed_is_due_at_once_and_one_at_the_end_of_time_is_kept() {
        let mut wheel = TimerWheel::with_capacity(4);
        wheel.schedule(1, MonotonicMs(5000), MonotonicMs(4000));
        wheel.schedule(2, MonotonicMs(100), MonotonicMs(4000));
        assert_eq!(wheel.due(MonotonicMs(4000)), Some(2));
        wheel.cancel(1);
        wheel.schedule(3, MonotonicMs(u64::MAX - 1), MonotonicMs(4000));
        assert_eq!(wheel.due(MonotonicMs(u64::MAX / 2)), None);
        let mut real = BTreeMap::from([(3, u64::MAX - 1)]);
        assert_eq!(fired(&mut wheel, &mut real, u64::MAX - 1), [3]);
    }

    #[test]
    fn after_years_of_uptime_a_key_comes_due_early_only_a_few_times() {
        let mut wheel = TimerWheel::with_capacity(1);
        let booted = 3 * 365 * 86_400_000;
        let at = MonotonicMs(booted + 60_000);
        wheel.schedule(0, at, MonotonicMs(booted));
        let mut due = 0;
        for now in booted..=at.0 {
            while wheel.due(MonotonicMs(now)).is_some() {
                due += 1;
                if now < at.0 {
                    wheel.schedule(0, at, MonotonicMs(now));
                }
            }
        }
        assert!(due <= 4, "due {due} times for one minute");
    }

    proptest! {
        /// After any sequence of scheduling, moving and cancelling, each key fires at its time,
        /// never late or early, and `next` never sleeps past one.
        #[test]
        fn every_key_fires_at_the_first_look_at_or_after_its_time(
            start in 0_u64..1 << 40,
            steps in proptest::collection::vec(
                (0_usize..8, 0_u64..200_000, 0_u64..70_000, 0_u8..4), 1..200
            ),
        ) {
            let mut wheel = TimerWheel::with_capacity(0);
            let mut real: BTreeMap<usize, u64> = BTreeMap::new();
            let mut now = start;
            for (key, wait, passes, what) in steps {
                if what == 0 {
                    wheel.cancel(key);
                    real.remove(&key);
                } else {
                    let at = now + wait / 10_u64.pow(u32::from(what));
                    let at = real.get(&key).map_or(at, |before| at.min(*before));
                    real.insert(key, at);
                    wheel.schedule(key, MonotonicMs(at), MonotonicMs(now));
                }
                if let Some(soonest) = real.values().min() {
                    prop_assert!(wheel.next() <= MonotonicMs(*soonest));
                }
                now += passes / 10_u64.pow(u32::from(what));
                let mut due: Vec<_> =
                    real.iter().filter(|(_, at)| **at <= now).map(|(key, _)| *key).collect();
                let mut fired = fired(&mut wheel, &mut real, now);
                fired.sort_unstable();
                due.sort_unstable();
                prop_assert_eq!(fired, due);
                prop_assert_eq!(wheel.next() == MonotonicMs::NEVER, real.is_empty());
            }
        }
    }
}
