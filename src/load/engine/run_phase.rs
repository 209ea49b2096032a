//! The clock of a run: warm-up, measuring and cooldown.

use std::time::Duration;

use crate::clock::MonotonicNs;

use crate::load::config::{LoadConfig, StopAfter};
use crate::load::engine::results::RunPhase;

/// Length of an interval, for progress and plot.
const SECOND: Duration = Duration::from_secs(1);

/// The phase of a run, and its next deadlines.
#[derive(Debug)]
pub(super) struct RunClock {
    phase: RunPhase,
    /// Length of ramp and warm-up, which are not measured.
    before: Duration,
    /// When measuring begins, or began.
    from: MonotonicNs,
    /// How long to measure; none to measure until all lines are back.
    time: Option<Duration>,
    /// When measuring ends, or ended.
    to: MonotonicNs,
    /// When the current interval ends.
    second: MonotonicNs,
    /// When the run's time began, and when it is over; `NEVER` without a time limit.
    begun: MonotonicNs,
    due: MonotonicNs,
    /// When the run is cut, even if lines are missing.
    deadline: MonotonicNs,
    timeout: Duration,
    /// Pauses of this process so far: lines due meanwhile are late, so the cooldown is as much
    /// longer.
    paused: Duration,
}

impl RunClock {
    /// Creates the clock of a run that starts at `start`; its time begins with [`Self::begin`].
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

    /// Begins the run's time.
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

    /// Returns the current phase, which decides the sums that an interval counts for.
    pub(super) const fn phase(&self) -> RunPhase {
        self.phase
    }

    /// True during the cooldown, in which no new line is due.
    pub(super) fn is_ending(&self) -> bool {
        self.phase == RunPhase::Cooldown
    }

    /// True once the deadline has passed.
    pub(super) fn is_out_of_time(&self, now: MonotonicNs) -> bool {
        now >= self.deadline
    }

    /// Returns when the current interval ends, or the deadline if that is sooner.
    pub(super) fn wake(&self) -> MonotonicNs {
        self.second.min(self.deadline)
    }

    /// Extends the cooldown by a pause of this process.
    pub(super) fn excuse(&mut self, pause: Duration) {
        self.deadline = self.deadline.after(pause);
        self.paused = self.paused.saturating_add(pause);
    }

    /// True once the time is over, even if lines or connections are still waiting.
    pub(super) fn is_over_time(&self, now: MonotonicNs) -> bool {
        self.is_ending() || now >= self.due
    }

    /// Returns how long the cooldown can last from now on.
    pub(super) fn left(&self, now: MonotonicNs) -> Duration {
        if self.is_ending() { self.deadline.since(now) } else { self.timeout }
    }

    /// Returns how long the load has run, at most until its end; zero before [`Self::begin`].
    pub(super) fn elapsed(&self, now: MonotonicNs) -> Duration {
        let end = if self.is_ending() { self.to } else { now };
        end.min(self.due).since(self.begun)
    }

    /// Returns when measuring ends, if known.
    pub(super) const fn to(&self) -> MonotonicNs {
        self.to
    }

    /// If an interval has ended, returns its phase and begins the next interval, and the next phase
    /// if due.
    pub(super) fn next_second(&mut self, now: MonotonicNs) -> Option<RunPhase> {
        if now < self.second {
            return None;
        }
        let ended = self.phase;
        if self.phase == RunPhase::Warmup && now >= self.from {
            self.phase = RunPhase::Measure;
            // Results until now count for the warm-up, even if this turn is late.
            self.from = now;
        }
        if self.phase == RunPhase::Measure && now >= self.to {
            self.end(now);
        } else {
            self.begin_second(now);
        }
        Some(ended)
    }

    /// Continues measuring past the time limit until [`Self::end`], to verify held connections.
    pub(super) fn go_on(&mut self) {
        if !self.is_ending() {
            self.to = MonotonicNs::NEVER;
        }
    }

    /// Begins the cooldown: lines in flight have the full timeout, like any line.
    pub(super) fn end(&mut self, now: MonotonicNs) {
        self.from = self.from.min(now);
        // As at the start of measuring: results until now count.
        self.to = now;
        self.phase = RunPhase::Cooldown;
        self.deadline = now.after(self.timeout).after(self.paused);
        self.begin_second(now);
    }

    /// Completed share of the run, from 0 to 1, if limited by time.
    pub(super) fn done(&self, now: MonotonicNs) -> f64 {
        if self.is_over_time(now) {
            return 1.0;
        }
        // Not by `to`, which is unknown while held connections are verified.
        if self.due == MonotonicNs::NEVER {
            return 0.0;
        }
        self.elapsed(now).as_secs_f64() / self.due.since(self.begun).as_secs_f64()
    }

    /// Returns how long the run was measured.
    pub(super) fn measured(&self) -> Duration {
        self.to.since(self.from)
    }

    fn begin_second(&mut self, now: MonotonicNs) {
        // Keep to whole seconds, even if this one ended late.
        let due = self.second.after(SECOND);
        self.second = if due > now { due } else { now.after(SECOND) }.min(self.boundary());
    }

    /// Returns the end of the current phase.
    const fn boundary(&self) -> MonotonicNs {
        match self.phase {
            RunPhase::Warmup => self.from,
            RunPhase::Measure => self.to,
            RunPhase::Cooldown => MonotonicNs::NEVER,
        }
    }
}
