//! Connections that are made, closed, and waited for too long.

use crate::connection::Ready;
use crate::os::errno;
use crate::sys::Dial;

use super::{CONNECTS_PER_TURN, Engine, SERVED_A_CONNECT, mark};
use crate::load::config::Close;
use crate::load::engine::connection::{LoadConnection, LoadStep};
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::mode::CloseWhen;
use crate::load::report;

impl<D: Dial> Engine<D> {
    /// Begins connects that are to be begun, after a turn in which so many were served.
    pub(super) fn connect(&mut self, served: usize) {
        for _ in 0..CONNECTS_PER_TURN.max(served / SERVED_A_CONNECT) {
            let Some(key) = self.dial_queue.next(self.now) else { break };
            if self.is_wanted(key) {
                self.connect_one(key);
            } else {
                self.dial_queue.answered_one();
            }
        }
    }

    /// True if that slot is to have a connection: after the run only for lines that were due, and
    /// where each has its own connection, only once one is due. Else it waits for one.
    fn is_wanted(&mut self, key: usize) -> bool {
        let on_demand = self.shared.plan.on_demand || self.clock.is_ending();
        let Some(slot) = self.slots.get_mut(key) else { return false };
        slot.awaits_a_line = on_demand && slot.due.lines() == 0;
        !slot.awaits_a_line
    }

    fn connect_one(&mut self, key: usize) {
        let number = self.shared.results.attempted;
        // Not the number: an address that has no port left is not the next one again.
        let source = self.dials.checked_rem(self.sources.len());
        let source = source.and_then(|place| self.sources.get(place)).copied();
        self.dials += 1;
        let now = self.dial.now();
        match self.dial.dial(key, source) {
            Ok(stream) => {
                self.shared.results.attempted += 1;
                let exchange = LoadConnection::new(stream, number, &self.shared.payload, now);
                let Some(slot) = self.slots.get_mut(key) else { return };
                slot.connection = Some(exchange);
                slot.unanswered = true;
                self.open += 1;
                self.check_barrier();
            }
            Err(error) => {
                self.dial_queue.answered_one();
                self.dial_queue.redial_later(key, now);
                if errno::is_local_exhaustion(&error) {
                    let errno = errno::errno_name(&error);
                    let remedy = report::hint(&errno).unwrap_or_default();
                    if self.shared.results.add_local_error(errno) {
                        self.notes.push(format!("connect: {error}: {remedy}"));
                    }
                } else {
                    self.shared.results.attempted += 1;
                    self.shared.results.record_error(RunError::of(ErrorPhase::Connect, &error), 0);
                    self.lose_transaction();
                }
            }
        }
    }

    /// Everybody is there, or has been waited for: now all send, and the run's time begins.
    #[cold]
    pub(super) fn begin(&mut self) {
        if self.clock.is_ending() {
            return;
        }
        let missing = self.dial_queue.missing();
        if missing > 0 {
            self.notes.push(format!(
                "the load begins with {} of {} connections: for a second nobody else was answered",
                self.slots.len() - missing,
                self.slots.len()
            ));
        }
        self.clock.begin(self.now);
        self.wake_all();
    }

    /// Each connection has a turn: what it may do is not what it was.
    pub(super) fn wake_all(&mut self) {
        for key in 0..self.slots.len() {
            mark(&mut self.slots, &mut self.run_queue, key, Ready::NONE);
        }
    }

    /// A connection is no longer young once it is connected, and has echoed if it may do so.
    #[cold]
    pub(super) fn mark_answered(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key).filter(|slot| slot.unanswered) else { return };
        let grown = slot.connection.as_ref().is_none_or(|exchange| {
            exchange.has_answered() || (self.pace.is_some() && !exchange.is_connecting())
        });
        if grown {
            slot.unanswered = false;
            self.dial_queue.answered_one();
        }
        self.check_barrier();
    }

    /// The start goes on as long as there is progress.
    fn check_barrier(&mut self) {
        let made = usize::try_from(self.shared.results.established).unwrap_or(usize::MAX);
        let (begun, answered) = (self.dial_queue.opened(), self.dial_queue.answered());
        self.barrier.extend(begun + made.min(self.slots.len()) + answered, self.now);
    }

    /// Takes a connection out that has ended, whatever the reason; another may follow.
    pub(super) fn close(&mut self, key: usize, served: LoadStep) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let Some(exchange) = slot.connection.take() else { return };
        self.open -= 1;
        let plan = self.shared.plan;
        match served {
            LoadStep::Failed(trouble) => {
                self.shared.results.record_error(trouble, exchange.in_flight());
                if !exchange.has_begun() {
                    self.lose_transaction();
                }
                self.note_greeting();
                self.dial_queue.redial_later(key, self.now);
                exchange.close(Close::Rst);
            }
            LoadStep::Done | LoadStep::Idle | LoadStep::Yield => {
                if exchange.all_begun(&plan) {
                    self.shared.results.add_transaction();
                }
                if plan.close_when == CloseWhen::Midway {
                    self.shared.results.add_aborted(exchange.in_flight());
                }
                if plan.repeats() {
                    self.dial_queue.redial(key);
                }
                exchange.close(plan.close);
            }
        }
    }

    /// A connection has failed before it could send anything.
    fn lose_transaction(&mut self) {
        if self.shared.plan.is_one_transaction() {
            self.shared.results.never_begun();
        }
    }

    /// Says, once, that the server speaks first: every connection will fail of that.
    fn note_greeting(&mut self) {
        let results = &mut self.shared.results;
        if std::mem::take(&mut results.greeting_is_untold) {
            self.notes.extend(results.greeting.as_deref().map(report::speaks_first));
        }
    }

    /// Ends a run in which everybody has tried to connect and nobody could.
    #[cold]
    pub(super) fn end_if_none_connects(&mut self) {
        let slots = u64::try_from(self.slots.len()).unwrap_or(u64::MAX);
        if self.shared.results.errors() >= slots && !self.clock.is_ending() {
            self.notes.push("nobody could connect: the run ends here".to_owned());
            self.end();
            self.abandon_unsent();
        }
    }
}
