//! Ends intervals and runs: when their time is over, or on a signal.

use std::time::Duration;

use crate::client::FailureKind;
use crate::connection::Ready;
use crate::num;
use crate::sys::Dial;

use super::Engine;
use crate::load::config::Close;
use crate::load::engine::connection::LoadConnection;
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::interval::Interval;
use crate::load::progress::{Activity, RunState};

/// The shortest duration: a schedule that ends this long after now includes lines due now.
const NANOSECOND: Duration = Duration::from_nanos(1);

/// Whether the connections that are open at the deadline have been cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    No,
    /// The deadline has passed: this turn reads every connection once more.
    FinalRead,
    Done,
}

impl<D: Dial> Engine<D> {
    /// Begins the cooldown: connections finish the lines already begun or due, then close.
    pub(super) fn end(&mut self) {
        if self.clock.is_ending() {
            return;
        }
        self.end_phase();
        self.clock.end(self.now);
        self.begin_cooldown();
    }

    /// Handles Ctrl-C: ends the run early, so that the results so far are reported. A second Ctrl-C
    /// aborts without waiting.
    pub(super) fn interrupt(&mut self) {
        let first = !std::mem::replace(&mut self.shared.results.interrupted, true);
        if first && self.schedule.to_verify > 0 {
            return self.verify_held();
        }
        if !first {
            self.abort_remaining();
        }
        self.end();
    }

    /// Begins a second line on `to_verify` held connections, spread evenly over all slots, once the
    /// time is over. The run ends when these lines are back, like a run limited by lines.
    pub(super) fn verify_held(&mut self) {
        let wanted = std::mem::take(&mut self.schedule.to_verify);
        let slots = self.slots.len();
        let spread = |key: usize| key.saturating_mul(wanted) / slots.max(1);
        // Choose evenly spread connections; fall back to any that can still send.
        let (chosen, others): (Vec<_>, Vec<_>) =
            (0..slots).partition(|key| spread(*key) < spread(key + 1));
        let mut verified = 0;
        for key in chosen.into_iter().chain(others) {
            if verified == wanted {
                break;
            }
            let connection = self.slots.connection_mut(key);
            if connection.is_some_and(|connection| connection.verify_held(self.now)) {
                self.slots.mark(key, Ready::NONE);
                verified += 1;
            }
        }
        if verified < wanted {
            self.notes.push(format!(
                "--verify-held {wanted}: only {verified} connections have had their first echo, \
                 and can be verified"
            ));
        }
        let lines = num::to_u64(verified);
        self.shared.results.held_verified = lines;
        self.schedule.budget.end_with(lines);
        self.clock.lift_time_limit();
    }

    /// Returns the interval that has ended, if one has.
    pub(super) fn end_interval(&mut self) -> Option<Interval> {
        let was_ending = self.clock.is_ending();
        let phase = self.clock.next_interval(self.now)?;
        let at = self.clock.since_start(self.now);
        let interval = self.shared.results.end_interval(at, self.slots.open(), phase);
        if self.clock.is_ending() && !was_ending {
            self.begin_cooldown();
        }
        Some(interval)
    }

    /// Closes the current interval, so that its results count for the phase that ends now.
    pub(super) fn end_phase(&mut self) {
        let at = self.clock.since_start(self.now);
        self.shared.results.end_interval(at, self.slots.open(), self.clock.phase());
    }

    fn begin_cooldown(&mut self) {
        // Lines due by now are still assigned, however late.
        self.schedule.end_at(self.now.after(NANOSECOND));
        self.slots.mark_all(Ready::NONE);
    }

    /// Counts due lines that were not begun as never sent.
    pub(super) fn abandon_unsent(&mut self) {
        let unassigned = self.schedule.abandon_rest();
        let lines = self.slots.abandon_due().saturating_add(unassigned);
        self.shared.results.never_sent(lines);
    }

    /// Number of lines due or in flight that have not come back.
    fn missing(&self) -> u64 {
        let in_flight = self.slots.connections().map(LoadConnection::in_flight).sum::<u64>();
        let assigned = in_flight.saturating_add(self.slots.lines_due());
        assigned.saturating_add(self.schedule.rest())
    }

    /// Returns the progress of the run, for display.
    pub(in super::super) fn state(&self) -> RunState {
        let activity = if self.clock.is_over_time(self.now) {
            let left = self.clock.left(self.now);
            Activity::Waiting { lines: self.missing(), connections: self.slots.open(), left }
        } else if self.schedule.barrier.is_waiting() {
            let of = self.slots.len();
            Activity::Connecting { answered: of - self.dial_queue.missing(), of }
        } else {
            Activity::Running
        };
        let by_lines = self.schedule.budget.done(self.shared.results.lines_over());
        let done = self.clock.done(self.now).max(by_lines);
        RunState { elapsed: self.clock.elapsed(self.now), done, activity }
    }

    /// Resets the connections that are still open, and counts their lines in flight as lost. Only a
    /// connection that has waited for the full timeout is an error; the others began to wait too
    /// late in the run.
    pub(super) fn abort_remaining(&mut self) {
        self.abandon_unsent();
        for key in 0..self.slots.len() {
            let Some(connection) = self.slots.take(key) else { continue };
            let results = &mut self.shared.results;
            let overdue = connection.is_overdue(self.timeouts.timeout, self.now);
            if overdue && !results.interrupted {
                let timed_out = RunError::new(ErrorPhase::Timeout, FailureKind::TimedOut);
                results.record_error(timed_out, connection.in_flight());
            } else {
                results.add_lost(connection.in_flight());
            }
            connection.close(Close::Rst);
        }
    }
}
