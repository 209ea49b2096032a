//! When to look at which connection again.
//!
//! A connection is in here at most once, at or before its real deadline. Activity only puts that
//! off, so it is not told here: when the time comes, the connection is asked, and entered again if
//! it was too early. An echoed line so costs nothing here, and a connection one look each time its
//! timeout passes.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::Millis;

/// The deadlines of all connections, by time.
#[derive(Debug)]
pub(super) struct Deadlines {
    by_time: BTreeSet<(Millis, usize)>,
    /// The first time in there, the beat or the end; asked each turn, so not looked up each time.
    next: Millis,
    /// When everything ends.
    end: Millis,
    /// When the loop's next beat is, and how far it is from one to the next.
    beat: Millis,
    interval: Duration,
    /// For each key, under which time it is in there; empty as long as nothing ever was.
    of_key: Vec<Option<Millis>>,
}

impl Deadlines {
    /// Has `key` looked at no later than `at`.
    pub(super) fn no_later_than(&mut self, at: Millis, key: usize) {
        if self.of_key.len() <= key {
            self.of_key.resize(key + 1, None);
        }
        let Some(entered) = self.of_key.get_mut(key) else { return };
        if let Some(before) = *entered {
            if before <= at {
                return;
            }
            self.by_time.remove(&(before, key));
        }
        *entered = Some(at);
        self.by_time.insert((at, key));
        self.next = self.next.min(at);
    }

    /// Takes out a key whose time has come.
    pub(super) fn due(&mut self, now: Millis) -> Option<usize> {
        if self.next > now {
            return None;
        }
        let (_, key) = *self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.forget(key);
        Some(key)
    }

    /// Takes `key` out.
    pub(super) fn forget(&mut self, key: usize) {
        if let Some(at) = self.of_key.get_mut(key).and_then(Option::take) {
            self.by_time.remove(&(at, key));
            self.next = self.soonest();
        }
    }

    /// Sets the time when everything ends, or the next step to that end, whatever is in here.
    pub(super) fn end_at(&mut self, end: Millis) {
        self.end = end;
        self.next = self.soonest();
    }

    /// Has the loop beat in that interval, from `now` on.
    pub(super) fn beat_every(&mut self, interval: Duration, now: Millis) {
        // What is counted in milliseconds must not take none.
        self.interval = interval.max(Duration::from_millis(1));
        self.beat = now.after(self.interval);
        self.next = self.soonest();
    }

    /// True if it is time for a beat. Those that were missed are not made up for.
    pub(super) fn beats(&mut self, now: Millis) -> bool {
        let due = self.beat <= now;
        if due {
            self.beat = now.after(self.interval);
            self.next = self.soonest();
        }
        due
    }

    fn soonest(&self) -> Millis {
        let everybodys = self.end.min(self.beat);
        self.by_time.first().map_or(everybodys, |(first, _)| everybodys.min(*first))
    }

    /// The time of the next look, of the next beat, or of the end.
    pub(super) const fn next(&self) -> Millis {
        self.next
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            by_time: BTreeSet::new(),
            next: Millis::NEVER,
            end: Millis::NEVER,
            beat: Millis::NEVER,
            interval: Duration::ZERO,
            of_key: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_due_in_order_of_time() {
        let mut deadlines = Deadlines::default();
        deadlines.no_later_than(Millis(30), 0);
        deadlines.no_later_than(Millis(10), 7);
        deadlines.no_later_than(Millis(20), 3);
        assert_eq!(deadlines.next(), Millis(10));
        assert_eq!(deadlines.due(Millis(9)), None);
        assert_eq!(deadlines.due(Millis(20)), Some(7));
        assert_eq!(deadlines.due(Millis(20)), Some(3));
        assert_eq!(deadlines.due(Millis(20)), None);
    }

    #[test]
    fn a_deadline_is_only_brought_forward() {
        let mut deadlines = Deadlines::default();
        deadlines.no_later_than(Millis(10), 1);
        deadlines.no_later_than(Millis(50), 1);
        assert_eq!(deadlines.next(), Millis(10));
        deadlines.no_later_than(Millis(5), 1);
        assert_eq!(deadlines.due(Millis(5)), Some(1));
        assert_eq!(deadlines.next(), Millis::NEVER, "it was in there once");
    }

    #[test]
    fn the_end_is_a_deadline_of_nobody() {
        let mut deadlines = Deadlines::default();
        deadlines.no_later_than(Millis(30), 0);
        deadlines.end_at(Millis(20));
        assert_eq!(deadlines.next(), Millis(20));
        assert_eq!(deadlines.due(Millis(25)), None);
        assert_eq!(deadlines.due(Millis(30)), Some(0));
        assert_eq!(deadlines.next(), Millis(20));
    }

    #[test]
    fn the_loop_beats_beside_all_deadlines() {
        let mut deadlines = Deadlines::default();
        assert!(!deadlines.beats(Millis(u64::MAX - 1)), "it never does unless it is told to");
        deadlines.no_later_than(Millis(25), 0);
        deadlines.beat_every(Duration::from_millis(10), Millis(5));
        assert_eq!(deadlines.next(), Millis(15));
        assert!(!deadlines.beats(Millis(14)));
        assert!(deadlines.beats(Millis(18)));
        assert_eq!(deadlines.next(), Millis(25));
        assert_eq!(deadlines.due(Millis(26)), Some(0));
        assert_eq!(deadlines.next(), Millis(28), "late beats put off the next ones");
        deadlines.end_at(Millis(27));
        assert_eq!(deadlines.next(), Millis(27));
    }

    #[test]
    fn a_forgotten_key_never_comes_due() {
        let mut deadlines = Deadlines::default();
        deadlines.no_later_than(Millis(10), 1);
        deadlines.forget(1);
        deadlines.forget(1);
        deadlines.forget(99);
        assert_eq!(deadlines.due(Millis(u64::MAX - 1)), None);
    }
}
