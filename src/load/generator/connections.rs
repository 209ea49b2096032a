//! Connections that are made, closed, and waited for too long.

use crate::client::Word;
use crate::fault;
use crate::reactor::Dial;

use super::super::config::Close;
use super::super::exchange::{Exchange, Served};
use super::super::plan::End;
use super::super::trouble::{Trouble, Where};
use super::{CHECKS_A_TIMEOUT, CONNECTS_PER_TURN, Generator};

impl<D: Dial> Generator<D> {
    /// Begins the connects that are to be begun.
    pub(super) fn connect(&mut self) {
        for _ in 0..CONNECTS_PER_TURN {
            let Some(key) = self.dialling.next(self.now) else { break };
            self.connect_one(key);
        }
    }

    fn connect_one(&mut self, key: usize) {
        let number = self.lent.results.attempted;
        let sources = u64::try_from(self.sources.len()).unwrap_or_default().max(1);
        let source = usize::try_from(number % sources).ok();
        let source = source.and_then(|place| self.sources.get(place)).copied();
        let now = self.dial.now();
        match self.dial.dial(key, source) {
            Ok(stream) => {
                self.lent.results.attempted += 1;
                let exchange = Exchange::new(stream, number, &self.lent.payload, now);
                let Some(slot) = self.slots.get_mut(key) else { return };
                slot.exchange = Some(exchange);
                slot.young = true;
                self.open += 1;
            }
            Err(error) => {
                self.dialling.grown();
                self.dialling.again_later(key, now);
                if let Some(remedy) = fault::shortage_remedy(&error) {
                    if self.lent.results.shortage(fault::errno_name(&error)) {
                        self.notes.push(format!("connect: {error}: {remedy}"));
                    }
                } else {
                    self.lent.results.attempted += 1;
                    self.lent.results.trouble(Trouble::of(Where::Connect, &error), 0);
                }
            }
        }
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

    /// Ends those that have been waited for too long, and everything if nothing comes of it.
    #[cold]
    pub(super) fn expire(&mut self) {
        self.next_check = self.now.after(self.timeout / CHECKS_A_TIMEOUT);
        let timed_out = Served::Failed(Trouble::new(Where::Timeout, Word::TimedOut));
        for key in 0..self.slots.len() {
            let Some(slot) = self.slots.get(key) else { continue };
            let Some(exchange) = &slot.exchange else { continue };
            if exchange.is_overdue(self.timeout, self.now) {
                exchange
                    .waiting_ns(self.now)
                    .for_each(|waited| self.lent.results.waited_in_vain(waited));
                self.close(key, timed_out);
                self.grow_up(key);
            }
        }
        if self.is_stuck() && !self.stage.is_ending() {
            self.notes.push("there is no connection any more: the run ends here".to_owned());
            self.end();
        }
    }

    /// Ends a run in which everybody has tried to connect and nobody could.
    #[cold]
    pub(super) fn end_if_nobody_connects(&mut self) {
        let slots = u64::try_from(self.slots.len()).unwrap_or(u64::MAX);
        if self.lent.results.errors() >= slots && !self.stage.is_ending() {
            self.notes.push("nobody could connect: the run ends here".to_owned());
            self.end();
        }
    }

    /// True if there was no connection and no progress for as long as a line may take.
    fn is_stuck(&mut self) -> bool {
        let results = &self.lent.results;
        let (lines, established, since) = self.progress;
        if (lines, established) != (results.lines_over(), results.established) || self.open > 0 {
            self.progress = (results.lines_over(), results.established, self.now);
            return false;
        }
        self.now.since(since) >= self.timeout
    }
}
