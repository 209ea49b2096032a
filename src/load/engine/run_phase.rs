//! The clock of a run: warm-up, measuring, cooldown; and the interval within them.

use std::time::Duration;

use crate::clock::MonotonicNs;

use crate::load::config::{LoadConfig, StopAfter};

/// Length of an interval, for progress and plot.
const SECOND: Duration = Duration::from_secs(1);

/// The phase of a run, which decides the sums that an interval counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunPhase {
    /// Ramp and warm-up: counts only for the whole run. Ends at `until`; `NEVER` before the load
    /// begins.
    Warmup { until: MonotonicNs },
    /// Counts for all sums. Ends at `until`; `NEVER` without a time limit.
    Measure { since: MonotonicNs, until: MonotonicNs },
    /// No new line is due, and lines in flight come back. Counts for the latencies, which would
    /// miss the slowest otherwise, but not for the rate. The run is cut at `deadline`.
    Cooldown { since: MonotonicNs, measured: Duration, deadline: MonotonicNs },
}

impl RunPhase {
    /// Returns when the phase ends, unless something else ends it sooner.
    const fn until(self) -> MonotonicNs {
        match self {
            Self::Warmup { until } | Self::Measure { until, .. } => until,
            Self::Cooldown { .. } => MonotonicNs::NEVER,
        }
    }
}

/// The phase of a run and its current interval.
#[derive(Debug)]
pub(super) struct RunClock {
    phase: RunPhase,
    interval: IntervalClock,
    /// When the load began, once it has.
    begun: Option<MonotonicNs>,
    /// Length of ramp and warm-up, which are not measured.
    warmup: Duration,
    /// How long to measure; none to measure until all lines are back.
    time: Option<Duration>,
    timeout: Duration,
    /// Pauses of this process so far: lines due meanwhile are late, so the cooldown is as much
    /// longer.
    paused: Duration,
}

impl RunClock {
    /// Creates the clock of a run that starts at `start`; its time limit counts from
    /// [`Self::begin`].
    pub(super) fn new(config: &LoadConfig, start: MonotonicNs) -> Self {
        let (warmup, time) = match config.stop_after {
            StopAfter::Time(time) => (config.ramp.saturating_add(config.warmup), Some(time)),
            StopAfter::Lines(_) => (Duration::ZERO, None),
        };
        let until = MonotonicNs::NEVER;
        let phase = match warmup {
            Duration::ZERO => RunPhase::Measure { since: start, until },
            _ => RunPhase::Warmup { until },
        };
        Self {
            phase,
            interval: IntervalClock { start, end: start.after(SECOND) },
            begun: None,
            warmup,
            time,
            timeout: config.timeout,
            paused: Duration::ZERO,
        }
    }

    /// Begins the load: warm-up and time limit count from now on.
    pub(super) fn begin(&mut self, now: MonotonicNs) {
        self.begun = Some(now);
        self.phase = match self.phase {
            RunPhase::Warmup { .. } => RunPhase::Warmup { until: now.after(self.warmup) },
            RunPhase::Measure { since, .. } => {
                RunPhase::Measure { since, until: self.time_limit() }
            }
            cooldown @ RunPhase::Cooldown { .. } => cooldown,
        };
        self.interval.end = now.after(SECOND).min(self.phase.until());
    }

    /// If an interval has ended, returns its phase and begins the next interval, and the next phase
    /// if due.
    pub(super) fn next_interval(&mut self, now: MonotonicNs) -> Option<RunPhase> {
        if now < self.interval.end {
            return None;
        }
        let ended = self.phase;
        // Each phase ends now, even if this turn is late: results until now count for it.
        if let RunPhase::Warmup { until } = self.phase
            && now >= until
        {
            self.phase = RunPhase::Measure { since: now, until: self.time_limit() };
        }
        if let RunPhase::Measure { until, .. } = self.phase
            && now >= until
        {
            self.phase = self.cooldown(now);
        }
        self.interval.next(now, self.phase.until());
        Some(ended)
    }

    /// Lifts the time limit: the current phase lasts until [`Self::end`], to verify held
    /// connections.
    pub(super) const fn lift_time_limit(&mut self) {
        match &mut self.phase {
            RunPhase::Warmup { until } | RunPhase::Measure { until, .. } => {
                *until = MonotonicNs::NEVER;
            }
            RunPhase::Cooldown { .. } => {}
        }
    }

    /// Begins the cooldown.
    pub(super) fn end(&mut self, now: MonotonicNs) {
        self.phase = self.cooldown(now);
        self.interval.next(now, self.phase.until());
    }

    /// Extends the cooldown, or one that begins later, by a pause of this process.
    pub(super) fn excuse(&mut self, pause: Duration) {
        self.paused = self.paused.saturating_add(pause);
        if let RunPhase::Cooldown { deadline, .. } = &mut self.phase {
            *deadline = deadline.after(pause);
        }
    }

    /// Returns the current phase.
    pub(super) const fn phase(&self) -> RunPhase {
        self.phase
    }

    /// True during the cooldown.
    #[inline]
    pub(super) const fn is_ending(&self) -> bool {
        matches!(self.phase, RunPhase::Cooldown { .. })
    }

    /// True once the time limit has passed or the run is ending.
    pub(super) fn is_over_time(&self, now: MonotonicNs) -> bool {
        self.is_ending() || now >= self.time_limit()
    }

    /// True once the deadline of the cooldown has passed.
    pub(super) fn is_past_deadline(&self, now: MonotonicNs) -> bool {
        now >= self.deadline()
    }

    /// Returns when the current interval ends, or the deadline if that is sooner.
    pub(super) fn wake(&self) -> MonotonicNs {
        self.interval.end.min(self.deadline())
    }

    /// Returns when the load's time is over; `NEVER` before the load begins, or without a limit.
    pub(super) fn time_limit(&self) -> MonotonicNs {
        match (self.begun, self.time) {
            (Some(begun), Some(time)) => begun.after(self.warmup).after(time),
            _ => MonotonicNs::NEVER,
        }
    }

    /// Returns the time since the start of the run.
    pub(super) const fn since_start(&self, now: MonotonicNs) -> Duration {
        now.since(self.interval.start)
    }

    /// Returns how long the load has run, at most until its end.
    pub(super) fn elapsed(&self, now: MonotonicNs) -> Duration {
        let Some(begun) = self.begun else { return Duration::ZERO };
        let end = match self.phase {
            RunPhase::Cooldown { since, .. } => since,
            RunPhase::Warmup { .. } | RunPhase::Measure { .. } => now,
        };
        end.min(self.time_limit()).since(begun)
    }

    /// Completed share of the run, from 0 to 1, if limited by time.
    pub(super) fn done(&self, now: MonotonicNs) -> f64 {
        match self.time {
            _ if self.is_over_time(now) => 1.0,
            Some(time) => self.elapsed(now).div_duration_f64(self.warmup.saturating_add(time)),
            None => 0.0,
        }
    }

    /// Returns how long the cooldown can last from now on.
    pub(super) fn left(&self, now: MonotonicNs) -> Duration {
        if self.is_ending() { self.deadline().since(now) } else { self.timeout }
    }

    /// Returns how long the run has been measured.
    pub(super) const fn measured(&self, now: MonotonicNs) -> Duration {
        match self.phase {
            RunPhase::Warmup { .. } => Duration::ZERO,
            RunPhase::Measure { since, .. } => now.since(since),
            RunPhase::Cooldown { measured, .. } => measured,
        }
    }

    /// Returns a cooldown that begins now: lines in flight have the full timeout, like any line.
    fn cooldown(&self, now: MonotonicNs) -> RunPhase {
        let deadline = now.after(self.timeout).after(self.paused);
        RunPhase::Cooldown { since: now, measured: self.measured(now), deadline }
    }

    /// Returns when the run is cut; `NEVER` before the cooldown.
    const fn deadline(&self) -> MonotonicNs {
        match self.phase {
            RunPhase::Warmup { .. } | RunPhase::Measure { .. } => MonotonicNs::NEVER,
            RunPhase::Cooldown { deadline, .. } => deadline,
        }
    }
}

/// The current interval: it ends at a whole second, or with the phase if that is sooner.
#[derive(Debug)]
struct IntervalClock {
    /// The start of the run.
    start: MonotonicNs,
    end: MonotonicNs,
}

impl IntervalClock {
    /// Begins the next interval, in a phase that ends at `phase_end`.
    fn next(&mut self, now: MonotonicNs, phase_end: MonotonicNs) {
        // Keep to whole seconds, even if this one ended late.
        let whole = self.end.after(SECOND);
        self.end = if whole > now { whole } else { now.after(SECOND) }.min(phase_end);
    }
}

#[cfg(test)]
mod tests;
