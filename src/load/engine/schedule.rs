//! The schedule of a run's lines: the start barrier, the line limit, and the pace of the open loop.

use crate::clock::MonotonicNs;

use crate::load::config::{LoadConfig, StopAfter};
use crate::load::engine::line_source::{DueLines, LineBudget, LineSource, Permit};
use crate::load::engine::mode::Plan;
use crate::load::engine::pace::Pace;
use crate::load::engine::start_barrier::StartBarrier;

/// The state from which a connection's next line follows.
#[derive(Debug)]
pub(super) struct Schedule {
    pub barrier: StartBarrier,
    /// The due times of the open loop's lines; none in a closed loop.
    pub pace: Option<Pace>,
    pub budget: LineBudget,
    /// Number of held connections still to verify when the time is over.
    pub to_verify: usize,
}

impl Schedule {
    /// Creates the schedule of a run that starts at `start`.
    pub(super) fn new(config: &LoadConfig, plan: &Plan, start: MonotonicNs) -> Self {
        let limit = match config.stop_after {
            StopAfter::Time(_) => u64::MAX,
            StopAfter::Lines(lines) => lines,
        };
        Self {
            barrier: StartBarrier::new(config, plan, start),
            pace: config.rate.map(|rate| Pace::new(start, rate, config.ramp, limit)),
            budget: LineBudget::new(limit),
            to_verify: config.verify_held,
        }
    }

    /// Returns the line source of the connection in slot `key`.
    #[inline]
    pub(super) const fn source<'a>(
        &'a mut self,
        key: usize,
        due: &'a mut DueLines,
        permit: Permit,
    ) -> LineSource<'a> {
        LineSource { budget: &mut self.budget, pace: self.pace.as_ref(), owner: key, due, permit }
    }

    /// Drops the open loop's lines that are due at `end` or later.
    pub(super) fn end_at(&mut self, end: MonotonicNs) {
        if let Some(pace) = &mut self.pace {
            pace.end_at(end);
        }
    }

    /// Returns when the next line is due, or the start barrier is released, if nothing happens
    /// before.
    pub(super) fn wake(&self) -> MonotonicNs {
        let line = self.pace.as_ref().map_or(MonotonicNs::NEVER, Pace::next);
        line.min(self.barrier.wake())
    }

    /// True once no line is left to assign.
    pub(super) fn is_done(&self) -> bool {
        self.pace.as_ref().is_none_or(Pace::is_done)
    }

    /// Number of the open loop's lines that are not assigned yet.
    pub(super) fn rest(&self) -> u64 {
        self.pace.as_ref().map_or(0, Pace::rest)
    }

    /// Drops the lines that are not assigned yet, and returns their number.
    pub(super) fn abandon_rest(&mut self) -> u64 {
        self.pace.as_mut().map_or(0, Pace::abandon_rest)
    }
}
