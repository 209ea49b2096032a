//! How a run ends: second by second, when its time is over, or when somebody stops it.

use std::time::Duration;

use crate::client::Word;
use crate::connection::Ready;
use crate::reactor::Dial;

use super::super::config::Close;
use super::super::exchange::Exchange;
use super::super::pace::Pace;
use super::super::progress::{Doing, Standing};
use super::super::report::Second;
use super::super::trouble::{Trouble, Where};
use super::{Generator, Slot, mark};

/// The shortest time there is: what ends after it includes this very moment.
const NANOSECOND: Duration = Duration::from_nanos(1);

impl<D: Dial> Generator<D> {
    /// Sends nothing that was not begun or due before; connections end once that is back.
    pub(super) fn end(&mut self) {
        if self.stage.is_ending() {
            return;
        }
        self.end_part();
        self.stage.end(self.now);
        self.begin_ending();
    }

    /// Ctrl-C: the time is over, and what was found so far is reported. A second one does not wait
    /// for anything.
    pub(super) fn interrupt(&mut self) {
        let first = !std::mem::replace(&mut self.lent.results.interrupted, true);
        if first && self.to_ask > 0 {
            return self.ask_again();
        }
        if !first {
            self.give_up_the_rest();
        }
        self.end();
    }

    /// The time is over: a share of those who are held, spread evenly over all, begin one more
    /// line. The run ends when these are back, as one does that was to send so many lines.
    pub(super) fn ask_again(&mut self) {
        let to_ask = std::mem::take(&mut self.to_ask);
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
            let exchange = self.slots.get_mut(key).and_then(|slot| slot.exchange.as_mut());
            if exchange.is_some_and(|exchange| exchange.ask_again(self.now)) {
                mark(&mut self.slots, &mut self.run_queue, key, Ready::NONE);
                asked += 1;
            }
        }
        if asked < wanted {
            self.notes.push(format!(
                "--again {wanted}: only {asked} connections have had their first echo, and could \
                 be asked for another"
            ));
        }
        self.lent.results.asked_again = asked;
        self.lines.end_with(asked);
        self.stage.go_on();
    }

    /// If a second has ended: what was in it.
    pub(super) fn end_second(&mut self) -> Option<Second> {
        let was_ending = self.stage.is_ending();
        let part = self.stage.next_second(self.now)?;
        let at = self.now.since(self.start);
        let second = self.lent.results.end_second(at, self.open, part);
        if self.stage.is_ending() && !was_ending {
            self.begin_ending();
        }
        Some(second)
    }

    /// What has happened since the last second ended belongs to the part that ends now.
    fn end_part(&mut self) {
        let at = self.now.since(self.start);
        self.lent.results.end_second(at, self.open, self.stage.part());
    }

    fn begin_ending(&mut self) {
        // What is due by now is still handed out, late as it is.
        if let Some(pace) = &mut self.pace {
            pace.end_at(self.now.after(NANOSECOND));
        }
        self.wake_everybody();
    }

    /// Lines that are due and were not begun will never be.
    pub(super) fn give_up_unsent(&mut self) {
        let not_handed_out = self.pace.as_mut().map_or(0, Pace::give_up);
        let owed = self.slots.iter_mut().map(|slot| std::mem::take(&mut slot.owed).lines());
        let lines = owed.sum::<u64>().saturating_add(not_handed_out);
        self.lent.results.never_sent(lines);
    }

    /// How many lines have not come back that are due or on their way.
    fn missing(&self) -> u64 {
        let in_flight =
            |slot: &Slot<D::Stream>| slot.exchange.as_ref().map_or(0, Exchange::in_flight);
        let of_slots = self.slots.iter().map(|slot| slot.owed.lines() + in_flight(slot));
        of_slots.sum::<u64>().saturating_add(self.pace.as_ref().map_or(0, Pace::rest))
    }

    /// How far the run is, for people.
    pub(in super::super) fn standing(&self) -> Standing {
        let doing = match () {
            () if self.gathering.lasts() => {
                let (missing, of) = (self.dialling.missing(), self.slots.len());
                Doing::Gathering { answered: of - missing, of }
            }
            () if self.stage.is_over_time(self.now) => Doing::Waiting {
                lines: self.missing(),
                connections: self.open,
                left: self.stage.left(self.now),
            },
            () => Doing::Running,
        };
        let done = self.stage.done(self.now).max(self.lines.done(self.lent.results.lines_over()));
        Standing { elapsed: self.stage.elapsed(self.now), done, doing }
    }

    /// Connections that have not ended by now are cut off, and lines that they still owe are lost.
    /// Only those that had as long as was said are an error; others began to wait too late for it.
    pub(super) fn give_up_the_rest(&mut self) {
        self.give_up_unsent();
        for slot in &mut self.slots {
            let Some(exchange) = slot.exchange.take() else { continue };
            self.open -= 1;
            let results = &mut self.lent.results;
            if exchange.is_overdue(self.timeout, self.now) && !results.interrupted {
                let trouble = Trouble::new(Where::Timeout, Word::TimedOut);
                results.trouble(trouble, exchange.in_flight());
            } else {
                results.given_up(exchange.in_flight());
            }
            exchange.close(Close::Rst);
        }
    }
}
