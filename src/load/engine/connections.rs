//! Dials and closes connections.

use crate::connection::Ready;
use crate::num;
use crate::os::errno;
use crate::sys::Dial;

use super::{CONNECTS_PER_TURN, Engine, SERVED_A_CONNECT, mark};
use crate::load::config::Close;
use crate::load::engine::connection::{LoadConnection, LoadStep};
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::mode::CloseWhen;
use crate::load::report;

impl<D: Dial> Engine<D> {
    /// Dials the connections that are due, after a turn that served `served` connections.
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

    /// True if the slot is to be dialled now. During the cooldown, and where the plan dials on
    /// demand, that takes a due line; without one the slot waits for it.
    fn is_wanted(&mut self, key: usize) -> bool {
        let on_demand = self.shared.plan.on_demand || self.clock.is_ending();
        let Some(slot) = self.slots.get_mut(key) else { return false };
        slot.awaits_a_line = on_demand && slot.due.lines() == 0;
        !slot.awaits_a_line
    }

    fn connect_one(&mut self, key: usize) {
        let number = self.shared.results.attempted;
        // By dials, not by connection number: an address without a free port is not tried twice in
        // a row.
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

    /// Begins the load and the run's time, once the start barrier is released.
    #[cold]
    pub(super) fn begin(&mut self) {
        if self.clock.is_ending() {
            return;
        }
        let missing = self.dial_queue.missing();
        if missing > 0 {
            self.notes.push(format!(
                "the load begins with {} of {} connections: no other was answered for a second",
                self.slots.len() - missing,
                self.slots.len()
            ));
        }
        self.clock.begin(self.now);
        self.wake_all();
    }

    /// Re-queues every connection after its permissions changed.
    pub(super) fn wake_all(&mut self) {
        for key in 0..self.slots.len() {
            mark(&mut self.slots, &mut self.run_queue, key, Ready::NONE);
        }
    }

    /// Counts a connection as answered once it has ended, has echoed a line or, in an open loop, is
    /// connected.
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

    /// Extends the start barrier if there is progress.
    fn check_barrier(&mut self) {
        let made = num::to_usize(self.shared.results.established);
        let (begun, answered) = (self.dial_queue.opened(), self.dial_queue.answered());
        self.barrier.extend(begun + made.min(self.slots.len()) + answered, self.now);
    }

    /// Removes a connection that has ended for any reason; its slot may be redialled.
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

    /// Counts the transaction of a connection that failed before it could send.
    fn lose_transaction(&mut self) {
        if self.shared.plan.is_one_transaction() {
            self.shared.results.never_begun();
        }
    }

    /// Notes once that the server speaks first, which makes every connection fail.
    fn note_greeting(&mut self) {
        let results = &mut self.shared.results;
        if std::mem::take(&mut results.greeting_is_untold) {
            self.notes.extend(results.greeting.as_deref().map(report::speaks_first));
        }
    }

    /// Ends a run in which every slot has tried to connect and none has succeeded.
    #[cold]
    pub(super) fn end_if_none_connects(&mut self) {
        let slots = num::to_u64(self.slots.len());
        if self.shared.results.errors() >= slots && !self.clock.is_ending() {
            self.notes.push("no connection could be made: the run ends here".to_owned());
            self.end();
            self.abandon_unsent();
        }
    }
}
