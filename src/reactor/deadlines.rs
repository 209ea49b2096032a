//! The time at which to check each connection again.
//!
//! Each connection has at most one entry, at or before its real deadline. Activity only postpones a
//! deadline, so it changes nothing here: when an entry is due, the reactor asks the connection for
//! its deadline, and schedules it again if that is later. So an echoed line costs nothing here, and
//! a connection costs a few checks in each period of its timeout.

use std::time::Duration;

use crate::clock::MonotonicMs;
use crate::num;

use super::timer_wheel::TimerWheel;

/// A stop check that is later than this comes after a stop (SIGSTOP, a freezer, a machine that is
/// moved).
const STOP_MIN: Duration = Duration::from_millis(50);

/// A timer of the loop, not of a connection.
#[derive(Clone, Copy, Debug)]
enum LoopTimer {
    /// The next step of a drain.
    DrainStep,
    /// The next summary in the log.
    Summary,
    /// The next check whether the process was stopped.
    StopCheck,
    /// The next watchdog notification.
    Watchdog,
}

/// The deadlines of all connections, and the timers of the loop.
#[derive(Debug)]
pub(super) struct Deadlines {
    wheel: TimerWheel,
    /// The time of each [`LoopTimer`].
    timers: [MonotonicMs; 4],
    /// The earliest of all these; kept, because each turn reads it.
    next: MonotonicMs,
    /// The interval of stop checks, in milliseconds, and the time of the last one.
    stop_check_ms: u64,
    last_stop_check: MonotonicMs,
    /// The interval of watchdog notifications.
    watchdog_interval: Duration,
}

impl Deadlines {
    /// Creates an empty set, with room for the deadlines of that many connections.
    pub(super) fn with_capacity(connections: usize) -> Self {
        Self {
            wheel: TimerWheel::with_capacity(connections),
            timers: [MonotonicMs::NEVER; 4],
            next: MonotonicMs::NEVER,
            stop_check_ms: u64::MAX,
            last_stop_check: MonotonicMs::default(),
            watchdog_interval: Duration::ZERO,
        }
    }

    /// Makes [`Self::due`] return `key` no later than `at`.
    pub(super) fn schedule(&mut self, key: usize, at: MonotonicMs, now: MonotonicMs) {
        self.wheel.schedule(key, at, now);
        self.next = self.soonest();
    }

    /// Removes and returns a key that is due.
    pub(super) fn due(&mut self, now: MonotonicMs) -> Option<usize> {
        let key = self.wheel.due(now)?;
        self.next = self.soonest();
        Some(key)
    }

    /// Removes `key`.
    pub(super) fn cancel(&mut self, key: usize) {
        self.wheel.cancel(key);
        self.next = self.soonest();
    }

    /// Sets the time of the drain's next step.
    pub(super) fn set_drain_step(&mut self, end: MonotonicMs) {
        self.set(LoopTimer::DrainStep, end);
    }

    /// Returns true, once, when the next step of the drain is due.
    pub(super) fn drain_step_due(&mut self, now: MonotonicMs) -> bool {
        self.take_if_due(LoopTimer::DrainStep, now).is_some()
    }

    /// Starts the watchdog, with that interval from `now` on.
    pub(super) fn watchdog_every(&mut self, interval: Duration, now: MonotonicMs) {
        // An interval below a millisecond would be zero on this clock.
        self.watchdog_interval = interval.max(Duration::from_millis(1));
        self.set(LoopTimer::Watchdog, now.after(self.watchdog_interval));
    }

    /// Returns true if a watchdog notification is due. Missed ones are not made up for.
    pub(super) fn watchdog_due(&mut self, now: MonotonicMs) -> bool {
        let due = self.take_if_due(LoopTimer::Watchdog, now).is_some();
        if due {
            self.set(LoopTimer::Watchdog, now.after(self.watchdog_interval));
        }
        due
    }

    /// Sets the time of the next summary.
    pub(super) fn set_summary(&mut self, at: MonotonicMs) {
        self.set(LoopTimer::Summary, at);
    }

    /// Returns true, once, when a summary is due.
    pub(super) fn summary_due(&mut self, now: MonotonicMs) -> bool {
        self.take_if_due(LoopTimer::Summary, now).is_some()
    }

    /// Makes at least four stop checks come in `time`, once they are started.
    pub(super) fn check_for_stops_within(&mut self, time: Duration) {
        let quarter = num::millis(time / 4).max(1);
        self.stop_check_ms = self.stop_check_ms.min(quarter);
    }

    /// Starts the stop checks, or schedules the next one. Without an interval there are none.
    pub(super) fn schedule_stop_check(&mut self, now: MonotonicMs) {
        let next = *self.timer_mut(LoopTimer::StopCheck);
        if next == MonotonicMs::NEVER {
            self.last_stop_check = now;
        }
        if self.stop_check_ms < u64::MAX {
            self.set(
                LoopTimer::StopCheck,
                next.min(now.after(Duration::from_millis(self.stop_check_ms))),
            );
        }
    }

    /// Takes a stop check that is due. If it is so late that the process was stopped, returns the
    /// time from which on the loop's clock may have been old.
    pub(super) fn take_stop_check(&mut self, now: MonotonicMs) -> Option<MonotonicMs> {
        let due = self.take_if_due(LoopTimer::StopCheck, now)?;
        let last = std::mem::replace(&mut self.last_stop_check, now);
        (now.since(due) > STOP_MIN).then_some(last)
    }

    const fn timer_mut(&mut self, single: LoopTimer) -> &mut MonotonicMs {
        let [drain, summary, tick, beat] = &mut self.timers;
        match single {
            LoopTimer::DrainStep => drain,
            LoopTimer::Summary => summary,
            LoopTimer::StopCheck => tick,
            LoopTimer::Watchdog => beat,
        }
    }

    fn set(&mut self, single: LoopTimer, at: MonotonicMs) {
        *self.timer_mut(single) = at;
        self.next = self.soonest();
    }

    /// Returns the time of a timer that is due, and clears the timer.
    fn take_if_due(&mut self, single: LoopTimer, now: MonotonicMs) -> Option<MonotonicMs> {
        let due = *self.timer_mut(single);
        (due <= now).then(|| {
            self.set(single, MonotonicMs::NEVER);
            due
        })
    }

    fn soonest(&self) -> MonotonicMs {
        self.timers.into_iter().fold(self.wheel.next(), MonotonicMs::min)
    }

    /// Returns the earliest of all times.
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
        deadlines.set_drain_step(MonotonicMs(20));
        assert_eq!(deadlines.next(), MonotonicMs(20));
        assert_eq!(deadlines.due(MonotonicMs(25)), None);
        assert_eq!(deadlines.due(MonotonicMs(30)), Some(0));
        assert_eq!(deadlines.next(), MonotonicMs(20));
    }

    #[test]
    fn the_watchdog_comes_due_beside_all_deadlines() {
        let mut deadlines = one_at(MonotonicMs(25));
        assert!(!deadlines.watchdog_due(MonotonicMs(u64::MAX - 1)), "there is no beat by default");
        deadlines.watchdog_every(Duration::from_millis(10), MonotonicMs(5));
        assert_eq!(deadlines.next(), MonotonicMs(15));
        assert!(!deadlines.watchdog_due(MonotonicMs(14)));
        assert!(deadlines.watchdog_due(MonotonicMs(18)));
        assert_eq!(deadlines.next(), MonotonicMs(25));
        assert_eq!(deadlines.due(MonotonicMs(26)), Some(0));
        assert_eq!(deadlines.next(), MonotonicMs(28), "late beats put off the next ones");
        deadlines.set_drain_step(MonotonicMs(27));
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
