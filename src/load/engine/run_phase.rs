//! How far a run is: before, while and after it is measured.

use std::time::Duration;

use crate::clock::MonotonicNs;

use crate::load::config::{LoadConfig, StopAfter};
use crate::load::engine::results::RunPhase;

/// A second of the run, as it is told and plotted.
const SECOND: Duration = Duration::from_secs(1);

/// The stage a run is in, and when the next thing happens to it.
#[derive(Debug)]
pub(super) struct RunClock {
    phase: RunPhase,
    start: MonotonicNs,
    /// For how long it is not measured at first.
    before: Duration,
    /// When it began to be measured, or will.
    from: MonotonicNs,
    /// For how long it is measured from then on; none where it is until all lines are back.
    time: Option<Duration>,
    /// When it stops being measured, or did.
    to: MonotonicNs,
    /// When the current second ends.
    second: MonotonicNs,
    /// When its time began to run, and when it is over, if it has one.
    begun: MonotonicNs,
    due: MonotonicNs,
    /// When it is over, whatever is missing.
    deadline: MonotonicNs,
    timeout: Duration,
    /// For how long this process stood still: the lines that were due meanwhile are late, and so
    /// much longer are they waited for.
    paused: Duration,
}

impl RunClock {
    /// What was asked for, from `start` on; its time does not run until [`Self::begin`].
    pub(super) fn new(config: &LoadConfig, start: MonotonicNs) -> Self {
        let (before, time) = match config.stop_after {
            StopAfter::Time(time) => (config.ramp.saturating_add(config.warmup), Some(time)),
            StopAfter::Lines(_) => (Duration::ZERO, None),
        };
        let (part, from) = match before {
            Duration::ZERO => (RunPhase::Measure, start),
            _ => (RunPhase::Warmup, MonotonicNs::NEVER),
        };
        Self {
            phase: part,
            start,
            before,
            from,
            time,
            to: MonotonicNs::NEVER,
            second: start.after(SECOND),
            begun: MonotonicNs::NEVER,
            due: MonotonicNs::NEVER,
            deadline: MonotonicNs::NEVER,
            timeout: config.timeout,
            paused: Duration::ZERO,
        }
    }

    /// Its time runs from now on.
    pub(super) fn begin(&mut self, now: MonotonicNs) {
        if self.phase == RunPhase::Warmup {
            self.from = now.after(self.before);
        }
        if let Some(time) = self.time {
            self.to = now.after(self.before).after(time);
        }
        (self.begun, self.due) = (now, self.to);
        self.second = now.after(SECOND).min(self.boundary());
    }

    /// Which sums count now.
    pub(super) const fn phase(&self) -> RunPhase {
        self.phase
    }

    /// True once no more is to be sent.
    pub(super) fn is_ending(&self) -> bool {
        self.phase == RunPhase::Cooldown
    }

    /// True if there is no more time at all.
    pub(super) fn is_out_of_time(&self, now: MonotonicNs) -> bool {
        now >= self.deadline
    }

    /// When the current second ends, or all time.
    pub(super) fn wake(&self) -> MonotonicNs {
        self.second.min(self.deadline)
    }

    /// We stood still for that long: whoever is waited for at the end has that much more time.
    pub(super) fn excuse(&mut self, pause: Duration) {
        self.deadline = self.deadline.after(pause);
        self.paused = self.paused.saturating_add(pause);
    }

    /// True once its time is over, though something may still be waited for.
    pub(super) fn is_over_time(&self, now: MonotonicNs) -> bool {
        self.is_ending() || now >= self.due
    }

    /// For how long it is still waited for that, at most.
    pub(super) fn left(&self, now: MonotonicNs) -> Duration {
        if self.is_ending() { self.deadline.since(now) } else { self.timeout }
    }

    /// How much of its time has passed; none before [`Self::begin`].
    pub(super) fn elapsed(&self, now: MonotonicNs) -> Duration {
        now.min(self.due).since(self.begun)
    }

    /// When it stops being measured, if that is known.
    pub(super) const fn to(&self) -> MonotonicNs {
        self.to
    }

    /// If a second has ended: the part it belonged to. The next one begins, and perhaps the next
    /// part.
    pub(super) fn next_second(&mut self, now: MonotonicNs) -> Option<RunPhase> {
        if now < self.second {
            return None;
        }
        let ended = self.phase;
        if self.phase == RunPhase::Warmup && now >= self.from {
            self.phase = RunPhase::Measure;
            // What was counted until now, even if that was late, is not of it.
            self.from = now;
        }
        if self.phase == RunPhase::Measure && now >= self.to {
            self.end(now);
        } else {
            self.begin_second(now);
        }
        Some(ended)
    }

    /// Its time is over, and something is still to be done: it is measured until [`Self::end`].
    pub(super) fn go_on(&mut self) {
        self.to = MonotonicNs::NEVER;
    }

    /// Sends no more: what is on its way has as long as any line has.
    pub(super) fn end(&mut self, now: MonotonicNs) {
        self.from = self.from.min(now);
        // As with the beginning: until now it was counted.
        self.to = now;
        self.phase = RunPhase::Cooldown;
        self.deadline = now.after(self.timeout).after(self.paused);
        self.begin_second(now);
    }

    /// How much of the run is over, from 0 to 1, if that is a matter of time.
    pub(super) fn done(&self, now: MonotonicNs) -> f64 {
        if self.is_ending() {
            return 1.0;
        }
        if self.to == MonotonicNs::NEVER {
            return 0.0;
        }
        let whole = self.to.since(self.start).as_secs_f64();
        (now.since(self.start).as_secs_f64() / whole).min(1.0)
    }

    /// For how long it was measured.
    pub(super) fn measured(&self) -> Duration {
        self.to.since(self.from)
    }

    fn begin_second(&mut self, now: MonotonicNs) {
        // Whole seconds, even if this one ended late.
        let due = self.second.after(SECOND);
        self.second = if due > now { due } else { now.after(SECOND) }.min(self.boundary());
    }

    /// When this part ends.
    const fn boundary(&self) -> MonotonicNs {
        match self.phase {
            RunPhase::Warmup => self.from,
            RunPhase::Measure => self.to,
            RunPhase::Cooldown => MonotonicNs::NEVER,
        }
    }
}
