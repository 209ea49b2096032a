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
mod waiting;

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::reactor::{Dial, DialedStream};

use super::config::{Config, Until};
use super::dialling::Dialling;
use super::exchange::{Exchange, Lent, Served};
use super::gathering::Gathering;
use super::pace::{Due, Pace};
use super::payload::Payload;
use super::plan::Plan;
use super::report::Second;
use super::results::Results;
use super::stage::Stage;
use super::supply::{Leave, Lines, Owed, Supplied};

/// How many connects are begun in one turn: on this machine's own addresses each does the whole
/// handshake, in some 20 microseconds, in which nobody else is served.
const CONNECTS_PER_TURN: usize = 16;

/// In a long turn there are more: one for so many that were served, for which they give up about a
/// fifth of their time.
const SERVED_A_CONNECT: usize = 16;

/// How many lines are handed to connections in one turn.
const LINES_PER_TURN: usize = 1024;

/// A place for one connection at a time.
#[derive(Debug)]
struct Slot<S> {
    exchange: Option<Exchange<S>>,
    /// Lines that were due and that it has not begun to send: the open loop's.
    owed: Owed,
    /// It counts for the connections that have not been answered yet.
    young: bool,
    /// It is to be connected once a line is due on it.
    awaits_a_line: bool,
}

/// The event loop and all that it holds.
#[derive(Debug)]
pub(super) struct Generator<D: Dial> {
    dial: D,
    now: MonotonicNs,
    start: MonotonicNs,
    slots: Vec<Slot<D::Stream>>,
    run_queue: Vec<usize>,
    again: Vec<usize>,
    dialling: Dialling,
    gathering: Gathering,
    pace: Option<Pace>,
    lines: Lines,
    lent: Lent,
    stage: Stage,
    sources: Vec<IpAddr>,
    /// How many slots have a connection.
    open: usize,
    /// How many connections are still to be asked for a second line when the time is over.
    to_ask: usize,
    timeout: Duration,
    next_check: MonotonicNs,
    /// Lines over and connections established at the last check, and when they last changed.
    progress: (u64, u64),
    progressed: MonotonicNs,
    /// How late a poll has to be to count as a pause of our own.
    pause_min_ns: u64,
    /// How much processor time was used until the last check.
    worked: Duration,
    /// All time is over, and everything has a last look in this turn; and then it is cut.
    last_look: bool,
    is_cut: bool,
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
            || Slot { exchange: None, owed: Owed::default(), young: false, awaits_a_line: false };
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
            lines: Lines::new(limit),
            pace,
            lent,
            stage,
            sources: config.sources.clone(),
            open: 0,
            to_ask: config.again,
            timeout: config.timeout,
            next_check: start,
            progress: (0, 0),
            progressed: start,
            pause_min_ns: Self::pause_min_ns(config.timeout),
            worked: Duration::ZERO,
            last_look: false,
            is_cut: false,
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
        if self.stage.is_out_of_time(self.now) {
            self.run_out_of_time();
        }
        Ok(self.end_second())
    }

    /// True once nothing is left to be done.
    pub(super) fn is_over(&self) -> bool {
        self.is_cut || self.stage.is_ending() && self.open == 0 && self.has_sent_all()
    }

    /// True if no line that was due is still to be sent.
    fn has_sent_all(&self) -> bool {
        self.pace.as_ref().is_none_or(Pace::is_through)
            && self.slots.iter().all(|slot| slot.owed.lines() == 0)
    }

    /// What was found, once it is over, and for how long it was measured.
    pub(super) fn finish(mut self) -> (Results, Duration) {
        self.give_up_the_rest();
        let at = self.now.since(self.start);
        self.lent.results.end_second(at, self.open, self.stage.part());
        (self.lent.results, self.stage.measured())
    }

    /// What the user should know by now.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Hands lines that are due to connections, one to each in turn.
    fn pace(&mut self) {
        let opened = self.dialling.opened();
        let Some(pace) = self.pace.as_mut().filter(|pace| pace.next() <= self.now) else { return };
        for _ in 0..LINES_PER_TURN {
            let Some(due) = pace.due(self.now, opened) else { break };
            hand_out(due, &mut self.slots, &mut self.dialling, &mut self.run_queue);
            self.lines.issued();
        }
        if pace.is_through() && self.stage.is_ending() {
            // Connections that have nothing else to do have waited for this.
            self.wake_everybody();
        }
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
        let mut supply = Supplied {
            lines: &mut self.lines,
            pace: self.pace.as_ref(),
            owner: key,
            owed: &mut slot.owed,
            leave,
        };
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

/// Hands a line to its connection, which may have to be made for it.
fn hand_out<S: DialedStream>(
    due: Due,
    slots: &mut [Slot<S>],
    dialling: &mut Dialling,
    queue: &mut Vec<usize>,
) {
    let Some(slot) = slots.get_mut(due.owner) else { return };
    slot.owed.add(due);
    if std::mem::take(&mut slot.awaits_a_line) {
        dialling.again(due.owner);
    }
    mark(slots, queue, due.owner, Ready::NONE);
}

/// Remembers what an event, or a line that is due, means for a connection, and queues it.
#[inline]
fn mark<S: DialedStream>(slots: &mut [Slot<S>], queue: &mut Vec<usize>, key: usize, ready: Ready) {
    if let Some(exchange) = slots.get_mut(key).and_then(|slot| slot.exchange.as_mut())
        && exchange.mark(ready)
    {
        queue.push(key);
    }
}
