//! The load generator's reactor: one loop that connects, sends, compares and times.
//!
//! What [`Generator::turn`] does, in this order:
//!
//! 1. **poll**: wait for events; not at all while there is work, else until the next thing is due.
//! 2. **mark**: an event only leaves a hint and queues its connection. No I/O.
//! 3. **pace**: lines that are due go to their connections, in turn.
//! 4. **serve**: each connection that is queued, once, within a budget.
//! 5. **expire**: connections that have been waited for too long.
//! 6. **connect**: last, and budgeted, so that no event of this turn can name a slot's former
//!    connection.
//!
//! It is the daemon's turn with another end; they share the stream, the hints and the judgement
//! of errors.

mod connections;
mod ending;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use crate::clock::Nanos;
use crate::connection::Ready;
use crate::fault;
use crate::reactor::{Dial, Dialled, Told};

use super::config::{Config, Until};
use super::dialling::Dialling;
use super::exchange::{Exchange, Lent, Served};
use super::gathering::Gathering;
use super::pace::Pace;
use super::payload::Payload;
use super::plan::Plan;
use super::report::Second;
use super::results::Results;
use super::stage::Stage;
use super::supply::{Leave, Lines};

/// How many connects are begun in one turn: on this machine's own addresses each does the whole
/// handshake, in some 20 microseconds, in which nobody else is served.
const CONNECTS_PER_TURN: usize = 16;

/// In a long turn there are more: one for so many that were served, for which they give up about a
/// fifth of their time.
const SERVED_A_CONNECT: usize = 16;

/// How many lines are handed to connections in one turn.
const LINES_PER_TURN: usize = 1024;

/// How often everybody is looked at who may have been waited for too long, in parts of the
/// timeout: it is exceeded by no more than one of them.
const CHECKS_A_TIMEOUT: u32 = 8;

/// A place for one connection at a time.
#[derive(Debug)]
struct Slot<S> {
    exchange: Option<Exchange<S>>,
    /// When the lines were due that it has not begun to send: the open loop's.
    owed: VecDeque<Nanos>,
    /// It counts for the connections that have not been answered yet.
    young: bool,
    /// It is to be connected once a line is due on it.
    awaits_a_line: bool,
}

/// The event loop and all that it holds.
#[derive(Debug)]
pub(super) struct Generator<D: Dial> {
    dial: D,
    now: Nanos,
    start: Nanos,
    slots: Vec<Slot<D::Stream>>,
    run_queue: Vec<usize>,
    again: Vec<usize>,
    dialling: Dialling,
    gathering: Gathering,
    pace: Option<Pace>,
    /// Whose turn it is to get the line that is due next.
    next_owner: usize,
    lines: Lines,
    lent: Lent,
    stage: Stage,
    sources: Vec<IpAddr>,
    /// How many slots have a connection.
    open: usize,
    /// How many connections are still to be asked for a second line when the time is over.
    to_ask: usize,
    timeout: Duration,
    next_check: Nanos,
    /// Lines over and connections established at the last check, and when they last changed.
    progress: (u64, u64),
    progressed: Nanos,
    /// How many connects were tried.
    dials: usize,
    /// What the user should know, for the owner to tell.
    notes: Vec<String>,
}

impl<D: Dial> Generator<D> {
    pub(super) fn new(dial: D, config: &Config) -> Self {
        let limit = match config.until {
            Until::Time(_) => u64::MAX,
            Until::Lines(lines) => lines,
        };
        let slot =
            || Slot { exchange: None, owed: VecDeque::new(), young: false, awaits_a_line: false };
        let slots = std::iter::repeat_with(slot).take(config.connections).collect();
        let lent = Lent::new(Plan::of(config), Payload::new(config.seed, config.size));
        // All that takes its time is done before the time begins.
        let start = dial.now();
        let gathering = Gathering::new(config, &lent.plan, start);
        let mut stage = Stage::new(config, start);
        if !gathering.lasts() {
            stage.begin(start);
        }
        let mut pace = config.rate.map(|rate| Pace::new(start, rate, config.ramp, limit));
        if let Some(pace) = &mut pace {
            pace.end_at(stage.to());
        }
        Self {
            dial,
            now: start,
            start,
            slots,
            run_queue: Vec::new(),
            again: Vec::new(),
            dialling: Dialling::new(config.connections, start, config.ramp),
            gathering,
            lines: if pace.is_some() { Lines::open(limit) } else { Lines::closed(limit) },
            pace,
            next_owner: 0,
            lent,
            stage,
            sources: config.sources.clone(),
            open: 0,
            to_ask: config.again,
            timeout: config.timeout,
            next_check: start,
            progress: (0, 0),
            progressed: start,
            dials: 0,
            notes: Vec::new(),
        }
    }

    /// One pass of the loop. Returns the second that has ended in it, if one has.
    ///
    /// An error is our own: the poll does not work any more.
    pub(super) fn turn(&mut self) -> io::Result<Option<Second>> {
        self.poll_and_mark()?;
        self.pace();
        let served = self.serve();
        if self.now >= self.next_check {
            self.expire();
        }
        if self.open == 0 && self.lent.results.established == 0 {
            self.end_if_nobody_connects();
        }
        self.connect(served);
        if self.gathering.ends(&self.dialling, self.now) {
            self.begin();
        }
        if self.to_ask > 0 && self.now >= self.stage.to() {
            self.ask_again();
        }
        if self.lines.all_issued() && self.lent.results.lines_over() >= self.lines.limit() {
            self.end();
        }
        Ok(self.end_second())
    }

    /// True once nothing is left to be done.
    pub(super) fn is_over(&self) -> bool {
        self.stage.is_ending()
            && (self.stage.is_out_of_time(self.now)
                || self.open == 0 && self.slots.iter().all(|slot| slot.owed.is_empty()))
    }

    /// What was found, once it is over, and for how long it was measured.
    pub(super) fn finish(mut self) -> (Results, Duration) {
        self.give_up_the_rest();
        let at = self.now.since(self.start);
        self.lent.results.end_second(at, self.open, self.stage.part());
        (self.lent.results, self.stage.measured())
    }

    /// How much of the run is over, from 0 to 1.
    pub(super) fn done(&self) -> f64 {
        self.stage.done(self.now).max(self.lines.done(self.lent.results.lines_over()))
    }

    /// What the user should know by now.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn poll_and_mark(&mut self) -> io::Result<()> {
        let until = self.patience();
        let (slots, run_queue) = (&mut self.slots, &mut self.run_queue);
        let mut interrupted = false;
        let polled = self.dial.poll(until, |told| match told {
            Told::Stream(key, ready) => mark(slots, run_queue, key, ready),
            Told::Interrupt => interrupted = true,
        });
        self.now = self.dial.now();
        if interrupted {
            self.interrupt();
        }
        match polled {
            Err(error) if !fault::interrupted(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Until when to wait for an event.
    fn patience(&self) -> Nanos {
        if !self.run_queue.is_empty() {
            return Nanos(0);
        }
        let line = self.pace.as_ref().map_or(Nanos::NEVER, Pace::next);
        let next = line.min(self.dialling.wake()).min(self.stage.wake()).min(self.next_check);
        next.min(self.gathering.wake())
    }

    /// Hands lines that are due to connections, one to each in turn.
    fn pace(&mut self) {
        for _ in 0..LINES_PER_TURN {
            let Some(due) = self.pace.as_mut().and_then(|pace| pace.due(self.now)) else { break };
            self.hand_out(due);
        }
    }

    fn hand_out(&mut self, due: Nanos) {
        if self.next_owner >= self.dialling.opened().max(1) {
            self.next_owner = 0;
        }
        let key = self.next_owner;
        self.next_owner += 1;
        let Some(slot) = self.slots.get_mut(key) else { return };
        slot.owed.push_back(due);
        self.lines.issued();
        if std::mem::take(&mut slot.awaits_a_line) {
            self.dialling.again(key);
        }
        mark(&mut self.slots, &mut self.run_queue, key, Ready::NONE);
    }

    /// Returns how many had their turn.
    fn serve(&mut self) -> usize {
        let served = self.run_queue.len();
        for place in 0..served {
            let Some(&key) = self.run_queue.get(place) else { break };
            self.serve_one(key);
        }
        self.run_queue.clear();
        std::mem::swap(&mut self.run_queue, &mut self.again);
        served
    }

    #[inline]
    fn serve_one(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let Some(exchange) = &mut slot.exchange else { return };
        let leave = match () {
            () if self.stage.is_ending() => Leave::Owed,
            () if self.gathering.lasts() && exchange.has_begun() => Leave::None,
            () => Leave::Any,
        };
        let mut supply = self.lines.supply(&mut slot.owed, leave);
        let served = exchange.serve(&mut self.lent, &mut supply, || self.dial.now());
        let young = slot.young;
        match served {
            Served::Idle => {}
            Served::Again => mark(&mut self.slots, &mut self.again, key, Ready::NONE),
            Served::Done | Served::Failed(_) => self.close(key, served),
        }
        if young {
            self.grow_up(key);
        }
    }
}

/// Remembers what an event, or a line that is due, means for a connection, and queues it.
#[inline]
fn mark<S: Dialled>(slots: &mut [Slot<S>], queue: &mut Vec<usize>, key: usize, ready: Ready) {
    if let Some(exchange) = slots.get_mut(key).and_then(|slot| slot.exchange.as_mut())
        && exchange.mark(ready)
    {
        queue.push(key);
    }
}
