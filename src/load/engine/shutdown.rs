//! Ends intervals and runs: when their time is over, or on a signal.

use std::time::Duration;

use crate::client::FailureKind;
use crate::connection::Ready;
use crate::num;
use crate::sys::Dial;

use super::{Engine, Slot, mark};
use crate::load::config::Close;
use crate::load::engine::connection::LoadConnection;
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::interval::Interval;
use crate::load::engine::pace::Pace;
use crate::load::progress::{Activity, RunState};

/// The shortest duration: a schedule that ends this long after now includes lines due now.
const NANOSECOND: Duration = Duration::from_nanos(1);

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
        if first && self.to_verify > 0 {
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
        let to_ask = std::mem::take(&mut self.to_verify);
        let wanted = num::to_u64(to_ask);
        let all = self.slots.len().max(1);
        let due = |key: usize| key.saturating_mul(to_ask) / all;
        // Choose evenly spread connections; fall back to any that can still send.
        let (first, others): (Vec<_>, Vec<_>) =
            (0..self.slots.len()).partition(|key| due(*key) < due(key + 1));
        let mut asked = 0;
        for key in first.into_iter().chain(others) {
            if asked == wanted {
                break;
            }
            let exchange = self.slots.get_mut(key).and_then(|slot| slot.connection.as_mut());
            if exchange.is_some_and(|exchange| exchange.verify_held(self.now)) {
                mark(&mut self.slots, &mut self.run_queue, key, Ready::NONE);
                asked += 1;
            }
        }
        if asked < wanted {
            self.notes.push(format!(
                "--verify-held {wanted}: only {asked} connections have had their first echo, and \
                 can be verified"
            ));
        }
        self.shared.results.held_verified = asked;
        self.budget.end_with(asked);
        self.clock.lift_time_limit();
    }

    /// Returns the interval that has ended, if one has.
    pub(super) fn end_interval(&mut self) -> Option<Interval> {
        let was_ending = self.clock.is_ending();
        let phase = self.clock.next_interval(self.now)?;
        let at = self.clock.since_start(self.now);
        let interval = self.shared.results.end_interval(at, self.open, phase);
        if self.clock.is_ending() && !was_ending {
            self.begin_cooldown();
        }
        Some(interval)
    }

    /// Closes the current interval, so that its results count for the phase that ends now.
    pub(super) fn end_phase(&mut self) {
        let at = self.clock.since_start(self.now);
        self.shared.results.end_interval(at, self.open, self.clock.phase());
    }

    fn begin_cooldown(&mut self) {
        // Lines due by now are still assigned, however late.
        if let Some(pace) = &mut self.pace {
            pace.end_at(self.now.after(NANOSECOND));
        }
        self.wake_all();
    }

    /// Counts due lines that were not begun as never sent.
    pub(super) fn abandon_unsent(&mut self) {
        let not_handed_out = self.pace.as_mut().map_or(0, Pace::abandon_rest);
        let owed = self.slots.iter_mut().map(|slot| std::mem::take(&mut slot.due).lines());
        let lines = owed.sum::<u64>().saturating_add(not_handed_out);
        self.shared.results.never_sent(lines);
    }

    /// Number of lines due or in flight that have not come back.
    fn missing(&self) -> u64 {
        let in_flight =
            |slot: &Slot<D::Stream>| slot.connection.as_ref().map_or(0, LoadConnection::in_flight);
        let of_slots = self.slots.iter().map(|slot| slot.due.lines() + in_flight(slot));
        of_slots.sum::<u64>().saturating_add(self.pace.as_ref().map_or(0, Pace::rest))
    }

    /// Returns the progress of the run, for display.
    pub(in super::super) fn state(&self) -> RunState {
        let activity = if self.clock.is_over_time(self.now) {
            let left = self.clock.left(self.now);
            Activity::Waiting { lines: self.missing(), connections: self.open, left }
        } else if self.barrier.is_waiting() {
            let of = self.slots.len();
            Activity::Gathering { answered: of - self.dial_queue.missing(), of }
        } else {
            Activity::Running
        };
        let done =
            self.clock.done(self.now).max(self.budget.done(self.shared.results.lines_over()));
        RunState { elapsed: self.clock.elapsed(self.now), done, activity }
    }

    /// Resets the connections that are still open, and counts their lines in flight as lost. Only a
    /// connection that has waited for the full timeout is an error; the others began to wait too
    /// late in the run.
    pub(super) fn abort_remaining(&mut self) {
        self.abandon_unsent();
        for slot in &mut self.slots {
            let Some(exchange) = slot.connection.take() else { continue };
            self.open -= 1;
            let results = &mut self.shared.results;
            if exchange.is_overdue(self.timeout, self.now) && !results.interrupted {
                let trouble = RunError::new(ErrorPhase::Timeout, FailureKind::TimedOut);
                results.record_error(trouble, exchange.in_flight());
            } else {
                results.add_lost(exchange.in_flight());
            }
            exchange.close(Close::Rst);
        }
    }
}
