//! When to look at which connection again.
//!
//! A connection is in here at most once, at or before its real deadline. Activity only puts a
//! deadline off, so it changes nothing here: when the time comes, the reactor asks the connection,
//! and schedules it again if it was too early. So an echoed line costs nothing here, and a
//! connection a few looks each time its timeout passes.

use std::time::Duration;

use crate::clock::MonotonicMs;

use super::timer_wheel::TimerWheel;

/// A tick that comes so much later than it should comes after a stop (SIGSTOP, a freezer, a machine
/// that is moved).
const STOP_MIN: Duration = Duration::from_millis(50);

/// A time that belongs to no connection.
#[derive(Clone, Copy, Debug)]
enum Single {
    /// The next step of a drain, or its end.
    End,
    /// The next summary is logged.
    Summary,
    /// The loop looks whether it was stopped.
    Tick,
    /// The watchdog's next beat.
    Beat,
}

/// The deadlines of all connections, and the times that belong to none.
#[derive(Debug)]
pub(super) struct Deadlines {
    wheel: TimerWheel,
    /// For each [`Single`] when it comes.
    singles: [MonotonicMs; 4],
    /// The first of all these; kept, because each turn asks for it.
    next: MonotonicMs,
    /// How far it is from one tick to the next, in milliseconds, and when the last one was.
    tick_ms: u64,
    ticked: MonotonicMs,
    /// How far it is from one beat to the next.
    interval: Duration,
}

impl Deadlines {
    /// No deadline, and room for those of that many connections.
    pub(super) fn with_capacity(connections: usize) -> Self {
        Self {
            wheel: TimerWheel::with_capacity(connections),
            singles: [MonotonicMs::NEVER; 4],
            next: MonotonicMs::NEVER,
            tick_ms: u64::MAX,
            ticked: MonotonicMs::default(),
            interval: Duration::ZERO,
        }
    }

    /// Has [`Self::due`] return `key` no later than `at`.
    pub(super) fn schedule(&mut self, key: usize, at: MonotonicMs, now: MonotonicMs) {
        self.wheel.schedule(key, at, now);
        self.next = self.soonest();
    }

    /// Takes out a key at which to look now.
    pub(super) fn due(&mut self, now: MonotonicMs) -> Option<usize> {
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
    pub(super) fn end_at(&mut self, end: MonotonicMs) {
        self.set(Single::End, end);
    }

    /// Has the loop beat in that interval, from `now` on.
    pub(super) fn beat_every(&mut self, interval: Duration, now: MonotonicMs) {
        // An interval below a millisecond would be zero on this clock.
        self.interval = interval.max(Duration::from_millis(1));
        self.set(Single::Beat, now.after(self.interval));
    }

    /// True if it is time for a beat. Missed beats are not made up for.
    pub(super) fn beats(&mut self, now: MonotonicMs) -> bool {
        let due = self.take(Single::Beat, now).is_some();
        if due {
            self.set(Single::Beat, now.after(self.interval));
        }
        due
    }

    /// Sets the time of the next summary.
    pub(super) fn summary_at(&mut self, at: MonotonicMs) {
        self.set(Single::Summary, at);
    }

    /// True, once, when it is time for a summary.
    pub(super) fn is_summary_due(&mut self, now: MonotonicMs) -> bool {
        self.take(Single::Summary, now).is_some()
    }

    /// Has at least four ticks come in `time`, once they have been started.
    pub(super) fn tick_within(&mut self, time: Duration) {
        let quarter = u64::try_from(time.as_millis() / 4).unwrap_or(u64::MAX).max(1);
        self.tick_ms = self.tick_ms.min(quarter);
    }

    /// Starts the ticks, or sees to it that there is a next one. Without an interval there are
    /// none.
    pub(super) fn keep_ticking(&mut self, now: MonotonicMs) {
        let next = *self.of(Single::Tick);
        if next == MonotonicMs::NEVER {
            self.ticked = now;
        }
        if self.tick_ms < u64::MAX {
            self.set(Single::Tick, next.min(now.after(Duration::from_millis(self.tick_ms))));
        }
    }

    /// If a tick is due, and comes so late that the process was stopped: from when on its clock may
    /// have been old.
    pub(super) fn ticked(&mut self, now: MonotonicMs) -> Option<MonotonicMs> {
        let due = self.take(Single::Tick, now)?;
        let last = std::mem::replace(&mut self.ticked, now);
        (now.since(due) > STOP_MIN).then_some(last)
    }

    const fn of(&mut self, single: Single) -> &mut MonotonicMs {
        let [end, summary, tick, beat] = &mut self.singles;
        match single {
            Single::End => end,
            Single::Summary => summary,
            Single::Tick => tick,
            Single::Beat => beat,
        }
    }

    fn set(&mut self, single: Single, at: MonotonicMs) {
        *self.of(single) = at;
        self.next = self.soonest();
    }

    /// If it is due: when it was to come. Then it does not come again by itself.
    fn take(&mut self, single: Single, now: MonotonicMs) -> Option<MonotonicMs> {
        let due = *self.of(single);
        (due <= now).then(|| {
            self.set(single, MonotonicMs::NEVER);
            due
        })
    }

    fn soonest(&self) -> MonotonicMs {
        self.singles.into_iter().fold(self.wheel.next(), MonotonicMs::min)
    }

    /// The first of all times in there.
    pub(super) const fn next(&self) -> MonotonicMs {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_at(at: MonotonicMs) -> Deadlines {
        let mut deadlines = Deadlines::with_capacity(1);
        deadlines.schedule(0, at, MonotonicMs(0));
        deadlines
    }

    #[test]
    fn the_end_is_a_deadline_of_no_connection() {
        let mut deadlines = one_at(MonotonicMs(30));
        deadlines.end_at(MonotonicMs(20));
        assert_eq!(deadlines.next(), MonotonicMs(20));
        assert_eq!(deadlines.due(MonotonicMs(25)), None);
        assert_eq!(deadlines.due(MonotonicMs(30)), Some(0));
        assert_eq!(deadlines.next(), MonotonicMs(20));
    }

    #[test]
    fn the_loop_beats_beside_all_deadlines() {
        let mut deadlines = one_at(MonotonicMs(25));
        assert!(!deadlines.beats(MonotonicMs(u64::MAX - 1)), "there is no beat by default");
        deadlines.beat_every(Duration::from_millis(10), MonotonicMs(5));
        assert_eq!(deadlines.next(), MonotonicMs(15));
        assert!(!deadlines.beats(MonotonicMs(14)));
        assert!(deadlines.beats(MonotonicMs(18)));
        assert_eq!(deadlines.next(), MonotonicMs(25));
        assert_eq!(deadlines.due(MonotonicMs(26)), Some(0));
        assert_eq!(deadlines.next(), MonotonicMs(28), "late beats put off the next ones");
        deadlines.end_at(MonotonicMs(27));
        assert_eq!(deadlines.next(), MonotonicMs(27));
    }

    #[test]
    fn a_cancelled_key_never_comes_due() {
        let mut deadlines = one_at(MonotonicMs(10));
        deadlines.cancel(0);
        deadlines.cancel(0);
        deadlines.cancel(99);
        assert_eq!(deadlines.due(MonotonicMs(u64::MAX - 1)), None);
        assert_eq!(deadlines.next(), MonotonicMs::NEVER);
    }
}
