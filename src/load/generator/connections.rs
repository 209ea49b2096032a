//! Connections that are made, closed, and waited for too long.

use crate::connection::Ready;
use crate::fault;
use crate::reactor::Dial;

use super::super::config::Close;
use super::super::exchange::{Exchange, Served};
use super::super::plan::End;
use super::super::report;
use super::super::trouble::{Trouble, Where};
use super::{CONNECTS_PER_TURN, Generator, SERVED_A_CONNECT, mark};

impl<D: Dial> Generator<D> {
    /// Begins connects that are to be begun, after a turn in which so many were served.
    pub(super) fn connect(&mut self, served: usize) {
        for _ in 0..CONNECTS_PER_TURN.max(served / SERVED_A_CONNECT) {
            let Some(key) = self.dialling.next(self.now) else { break };
            if self.is_wanted(key) {
                self.connect_one(key);
            } else {
                self.dialling.grown();
            }
        }
    }

    /// True if that slot is to have a connection: after the run only for lines that were due, and
    /// where each has its own connection, only once one is due. Else it waits for one.
    fn is_wanted(&mut self, key: usize) -> bool {
        let on_demand = self.lent.plan.on_demand || self.stage.is_ending();
        let Some(slot) = self.slots.get_mut(key) else { return false };
        slot.awaits_a_line = on_demand && slot.owed.lines() == 0;
        !slot.awaits_a_line
    }

    fn connect_one(&mut self, key: usize) {
        let number = self.lent.results.attempted;
        // Not the number: an address that has no port left is not the next one again.
        let source = self.dials.checked_rem(self.sources.len());
        let source = source.and_then(|place| self.sources.get(place)).copied();
        self.dials += 1;
        let now = self.dial.now();
        match self.dial.dial(key, source) {
            Ok(stream) => {
                self.lent.results.attempted += 1;
                let exchange = Exchange::new(stream, number, &self.lent.payload, now);
                let Some(slot) = self.slots.get_mut(key) else { return };
                slot.exchange = Some(exchange);
                slot.young = true;
                self.open += 1;
                self.gather();
            }
            Err(error) => {
                self.dialling.grown();
                self.dialling.again_later(key, now);
                if fault::is_local_exhaustion(&error) {
                    let errno = fault::errno_name(&error);
                    let remedy = report::remedy(&errno).unwrap_or_default();
                    if self.lent.results.shortage(errno) {
                        self.notes.push(format!("connect: {error}: {remedy}"));
                    }
                } else {
                    self.lent.results.attempted += 1;
                    self.lent.results.trouble(Trouble::of(Where::Connect, &error), 0);
                    self.lose_exchange();
                }
            }
        }
    }

    /// Everybody is there, or has been waited for: now all send, and the run's time begins.
    #[cold]
    pub(super) fn begin(&mut self) {
        if self.stage.is_ending() {
            return;
        }
        let missing = self.dialling.missing();
        if missing > 0 {
            self.notes.push(format!(
                "the load begins with {} of {} connections: for a second nobody else was answered",
                self.slots.len() - missing,
                self.slots.len()
            ));
        }
        self.stage.begin(self.now);
        self.wake_everybody();
    }

    /// Each connection has a turn: what it may do is not what it was.
    pub(super) fn wake_everybody(&mut self) {
        for key in 0..self.slots.len() {
            mark(&mut self.slots, &mut self.run_queue, key, Ready::NONE);
        }
    }

    /// A connection is no longer young once it is connected, and has echoed if it may do so.
    #[cold]
    pub(super) fn grow_up(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key).filter(|slot| slot.young) else { return };
        let grown = slot.exchange.as_ref().is_none_or(|exchange| {
            exchange.has_answered() || (self.pace.is_some() && !exchange.is_connecting())
        });
        if grown {
            slot.young = false;
            self.dialling.grown();
        }
        self.gather();
    }

    /// The start goes on as long as there is progress.
    fn gather(&mut self) {
        let made = usize::try_from(self.lent.results.established).unwrap_or(usize::MAX);
        let (begun, answered) = (self.dialling.opened(), self.dialling.answered());
        self.gathering.goes_on(begun + made.min(self.slots.len()) + answered, self.now);
    }

    /// Takes a connection out that has ended, whatever the reason; another may follow.
    pub(super) fn close(&mut self, key: usize, served: Served) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let Some(exchange) = slot.exchange.take() else { return };
        self.open -= 1;
        let plan = self.lent.plan;
        match served {
            Served::Failed(trouble) => {
                self.lent.results.trouble(trouble, exchange.in_flight());
                if !exchange.has_begun() {
                    self.lose_exchange();
                }
                self.tell_of_greeting();
                self.dialling.again_later(key, self.now);
                exchange.close(Close::Rst);
            }
            Served::Done | Served::Idle | Served::Again => {
                if exchange.all_begun(&plan) {
                    self.lent.results.exchange();
                }
                if plan.end == End::InTheMiddle {
                    self.lent.results.given_away(exchange.in_flight());
                }
                if plan.repeats() {
                    self.dialling.again(key);
                }
                exchange.close(plan.close);
            }
        }
    }

    /// A connection has failed before it could send anything.
    fn lose_exchange(&mut self) {
        if self.lent.plan.is_one_exchange() {
            self.lent.results.never_begun();
        }
    }

    /// Says, once, that the server speaks first: every connection will fail of that.
    fn tell_of_greeting(&mut self) {
        let results = &mut self.lent.results;
        if std::mem::take(&mut results.greeting_is_untold) {
            self.notes.extend(results.greeting.as_deref().map(report::speaks_first));
        }
    }

    /// Ends a run in which everybody has tried to connect and nobody could.
    #[cold]
    pub(super) fn end_if_nobody_connects(&mut self) {
        let slots = u64::try_from(self.slots.len()).unwrap_or(u64::MAX);
        if self.lent.results.errors() >= slots && !self.stage.is_ending() {
            self.notes.push("nobody could connect: the run ends here".to_owned());
            self.end();
            self.give_up_unsent();
        }
    }
}
