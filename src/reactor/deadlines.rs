//! When to look at which connection again.
//!
//! A connection is in here at most once, at or before its real deadline. Activity only puts a
//! deadline off, so it changes nothing here: when the time comes, the reactor asks the connection,
//! and schedules it again if it was too early. So an echoed line costs nothing here, and a
//! connection a few looks each time its timeout passes.

use std::time::Duration;

use crate::clock::Millis;

use super::timer_wheel::TimerWheel;

/// A tick that comes so much later than it should comes after a stop (SIGSTOP, a freezer, a machine
/// that is moved).
const STOP_MIN: Duration = Duration::from_millis(50);

/// The deadlines of all connections, the watchdog's next beat and the end of a drain.
#[derive(Debug)]
pub(super) struct Deadlines {
    wheel: TimerWheel,
    /// The first time in there, the beat or the end; kept, because each turn asks for it.
    next: Millis,
    /// When everything ends.
    end: Millis,
    /// When the next summary is logged.
    summary: Millis,
    /// When the loop looks whether it was stopped, and how often it does.
    tick: Millis,
    tick_ms: u64,
    /// When the last tick was.
    ticked: Millis,
    /// When the loop's next beat is, and how far it is from one to the next.
    beat: Millis,
    interval: Duration,
}

impl Deadlines {
    /// No deadline, and room for those of that many connections.
    pub(super) fn with_capacity(connections: usize) -> Self {
        Self {
            wheel: TimerWheel::with_capacity(connections),
            next: Millis::NEVER,
            end: Millis::NEVER,
            summary: Millis::NEVER,
            tick: Millis::NEVER,
            tick_ms: u64::MAX,
            ticked: Millis::default(),
            beat: Millis::NEVER,
            interval: Duration::ZERO,
        }
    }

    /// Has [`Self::due`] return `key` no later than `at`.
    pub(super) fn schedule(&mut self, key: usize, at: Millis, now: Millis) {
        self.wheel.schedule(key, at, now);
        self.next = self.soonest();
    }

    /// Takes out a key at which to look now.
    pub(super) fn due(&mut self, now: Millis) -> Option<usize> {
        let key = self.wheel.due(now)?;
        self.next = self.soonest();
        Some(key)
    }

    /// Takes `key` out.
    pub(super) fn cancel(&mut self, key: usize) {
        self.wheel.cancel(key);
        self.next = self.soonest();
    }

    /// Sets the time when everything ends, or the next step to that end.
    pub(super) fn end_at(&mut self, end: Millis) {
        self.end = end;
        self.next = self.soonest();
    }

    /// Has the loop beat in that interval, from `now` on.
    pub(super) fn beat_every(&mut self, interval: Duration, now: Millis) {
        // An interval below a millisecond would be zero on this clock.
        self.interval = interval.max(Duration::from_millis(1));
        self.beat = now.after(self.interval);
        self.next = self.soonest();
    }

    /// True if it is time for a beat. Missed beats are not made up for.
    pub(super) fn beats(&mut self, now: Millis) -> bool {
        let due = self.beat <= now;
        if due {
            self.beat = now.after(self.interval);
            self.next = self.soonest();
        }
        due
    }

    /// Sets the time of the next summary.
    pub(super) fn summary_at(&mut self, at: Millis) {
        self.summary = at;
        self.next = self.soonest();
    }

    /// True, once, when it is time for a summary.
    pub(super) fn is_summary_due(&mut self, now: Millis) -> bool {
        let due = self.summary <= now;
        if due {
            self.summary_at(Millis::NEVER);
        }
        due
    }

    /// Has the loop tick at least four times in `time`, until it is not told so again.
    pub(super) fn tick_within(&mut self, time: Duration, now: Millis) {
        let quarter = u64::try_from(time.as_millis() / 4).unwrap_or(u64::MAX).max(1);
        self.tick_ms = self.tick_ms.min(quarter);
        self.keep_ticking(now);
    }

    /// The next tick, if there are any.
    pub(super) fn keep_ticking(&mut self, now: Millis) {
        if self.tick == Millis::NEVER {
            self.ticked = now;
        }
        if self.tick_ms < u64::MAX {
            self.tick = self.tick.min(now.after(Duration::from_millis(self.tick_ms)));
            self.next = self.soonest();
        }
    }

    /// If a tick is due, and comes so late that the process was stopped: from when on its clock may
    /// have been old.
    pub(super) fn ticked(&mut self, now: Millis) -> Option<Millis> {
        if now < self.tick {
            return None;
        }
        let due = std::mem::replace(&mut self.tick, Millis::NEVER);
        let last = std::mem::replace(&mut self.ticked, now);
        self.next = self.soonest();
        (now.since(due) > STOP_MIN).then_some(last)
    }

    fn soonest(&self) -> Millis {
        self.wheel.next().min(self.end).min(self.beat).min(self.summary).min(self.tick)
    }

    /// The time of the next look, of the next beat, or of the end.
    pub(super) const fn next(&self) -> Millis {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_at(at: Millis) -> Deadlines {
        let mut deadlines = Deadlines::with_capacity(1);
        deadlines.schedule(0, at, Millis(0));
        deadlines
    }

    #[test]
    fn the_end_is_a_deadline_of_no_connection() {
        let mut deadlines = one_at(Millis(30));
        deadlines.end_at(Millis(20));
        assert_eq!(deadlines.next(), Millis(20));
        assert_eq!(deadlines.due(Millis(25)), None);
        assert_eq!(deadlines.due(Millis(30)), Some(0));
        assert_eq!(deadlines.next(), Millis(20));
    }

    #[test]
    fn the_loop_beats_beside_all_deadlines() {
        let mut deadlines = one_at(Millis(25));
        assert!(!deadlines.beats(Millis(u64::MAX - 1)), "there is no beat by default");
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
    fn a_cancelled_key_never_comes_due() {
        let mut deadlines = one_at(Millis(10));
        deadlines.cancel(0);
        deadlines.cancel(0);
        deadlines.cancel(99);
        assert_eq!(deadlines.due(Millis(u64::MAX - 1)), None);
        assert_eq!(deadlines.next(), Millis::NEVER);
    }
}
