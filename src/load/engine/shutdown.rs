//! How a run ends: second by second, when its time is over, or when somebody stops it.

use std::time::Duration;

use crate::client::FailureKind;
use crate::connection::Ready;
use crate::sys::Dial;

use super::{Engine, Slot, mark};
use crate::load::config::Close;
use crate::load::engine::connection::LoadConnection;
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::pace::Pace;
use crate::load::progress::{Activity, RunState};
use crate::load::report::Interval;

/// The shortest time there is: what ends after it includes this very moment.
const NANOSECOND: Duration = Duration::from_nanos(1);

impl<D: Dial> Engine<D> {
    /// Sends nothing that was not begun or due before; connections end once that is back.
    pub(super) fn end(&mut self) {
        if self.clock.is_ending() {
            return;
        }
        self.end_phase();
        self.clock.end(self.now);
        self.begin_cooldown();
    }

    /// Ctrl-C: the time is over, and what was found so far is reported. A second one does not wait
    /// for anything.
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

    /// The time is over: a share of those who are held, spread evenly over all, begin one more
    /// line. The run ends when these are back, as one does that was to send so many lines.
    pub(super) fn verify_held(&mut self) {
        let to_ask = std::mem::take(&mut self.to_verify);
        let wanted = u64::try_from(to_ask).unwrap_or(u64::MAX);
        let all = self.slots.len().max(1);
        let due = |key: usize| key.saturating_mul(to_ask) / all;
        // Evenly spread; and for those of them that can't be asked, whoever can.
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
                "--verify-held {wanted}: only {asked} connections have had their first echo, and can \
                 be verified"
            ));
        }
        self.shared.results.held_verified = asked;
        self.budget.end_with(asked);
        self.clock.go_on();
    }

    /// If a second has ended: what was in it.
    pub(super) fn end_interval(&mut self) -> Option<Interval> {
        let was_ending = self.clock.is_ending();
        let part = self.clock.next_second(self.now)?;
        let at = self.now.since(self.start);
        let second = self.shared.results.end_second(at, self.open, part);
        if self.clock.is_ending() && !was_ending {
            self.begin_cooldown();
        }
        Some(second)
    }

    /// What has happened since the last second ended belongs to the part that ends now.
    fn end_phase(&mut self) {
        let at = self.now.since(self.start);
        self.shared.results.end_second(at, self.open, self.clock.phase());
    }

    fn begin_cooldown(&mut self) {
        // What is due by now is still handed out, late as it is.
        if let Some(pace) = &mut self.pace {
            pace.end_at(self.now.after(NANOSECOND));
        }
        self.wake_all();
    }

    /// Lines that are due and were not begun will never be.
    pub(super) fn abandon_unsent(&mut self) {
        let not_handed_out = self.pace.as_mut().map_or(0, Pace::abandon_rest);
        let owed = self.slots.iter_mut().map(|slot| std::mem::take(&mut slot.due).lines());
        let lines = owed.sum::<u64>().saturating_add(not_handed_out);
        self.shared.results.never_sent(lines);
    }

    /// How many lines have not come back that are due or on their way.
    fn missing(&self) -> u64 {
        let in_flight =
            |slot: &Slot<D::Stream>| slot.connection.as_ref().map_or(0, LoadConnection::in_flight);
        let of_slots = self.slots.iter().map(|slot| slot.due.lines() + in_flight(slot));
        of_slots.sum::<u64>().saturating_add(self.pace.as_ref().map_or(0, Pace::rest))
    }

    /// How far the run is, for people.
    pub(in super::super) fn state(&self) -> RunState {
        let doing = match () {
            () if self.barrier.is_waiting() => {
                let (missing, of) = (self.dial_queue.missing(), self.slots.len());
                Activity::Gathering { answered: of - missing, of }
            }
            () if self.clock.is_over_time(self.now) => Activity::Waiting {
                lines: self.missing(),
                connections: self.open,
                left: self.clock.left(self.now),
            },
            () => Activity::Running,
        };
        let done =
            self.clock.done(self.now).max(self.budget.done(self.shared.results.lines_over()));
        RunState { elapsed: self.clock.elapsed(self.now), done, activity: doing }
    }

    /// Connections that have not ended by now are cut off, and lines that they still owe are lost.
    /// Only those that had as long as was said are an error; others began to wait too late for it.
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
