//! The load generator's event loop: connects, sends, compares and times.
//!
//! [`Engine::turn`] runs these steps in order:
//!
//! 1. **poll**: wait for events; not at all while there is work, else until the next deadline.
//! 2. **mark**: an event only leaves a hint and queues its connection. No I/O.
//! 3. **pace**: assign due lines to their connections, in turn.
//! 4. **serve**: serve each queued connection once, within a budget.
//! 5. **expire**: close connections that have exceeded the timeout.
//! 6. **connect**: last, and budgeted, so that no event of this turn can name a slot's former
//!    connection.
//!
//! The daemon's reactor has the same turn with other last steps; both share the stream trait, the
//! readiness hints and the classification of errors.

pub(super) mod connection;
mod connections;
pub(super) mod dial_queue;
pub(super) mod error;
pub(super) mod interval;
pub(super) mod line_source;
pub(super) mod mode;
pub(super) mod pace;
pub(super) mod payload;
pub(super) mod results;
pub(super) mod run_phase;
mod shutdown;
pub(super) mod start_barrier;
#[cfg(test)]
mod tests;
mod waiting;

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::sys::{Dial, DialedStream};

use crate::load::config::{LoadConfig, StopAfter};
use crate::load::engine::connection::{LoadConnection, LoadStep, RunShared};
use crate::load::engine::dial_queue::DialQueue;
use crate::load::engine::interval::Interval;
use crate::load::engine::line_source::{DueLines, LineBudget, LineSource, Permit};
use crate::load::engine::mode::Plan;
use crate::load::engine::pace::{DueLine, Pace};
use crate::load::engine::payload::Payload;
use crate::load::engine::results::Results;
use crate::load::engine::run_phase::RunClock;
use crate::load::engine::start_barrier::StartBarrier;

/// Connects begun per turn. On a local address each connect performs the whole handshake, about 20
/// microseconds in which no other connection is served.
const CONNECTS_PER_TURN: usize = 16;

/// A long turn begins more: one connect per this many connections served, which costs them about a
/// fifth of their time.
const SERVED_A_CONNECT: usize = 16;

/// Lines assigned to connections per turn.
const LINES_PER_TURN: usize = 1024;

/// A slot for one connection at a time.
#[derive(Debug)]
struct Slot<S> {
    connection: Option<LoadConnection<S>>,
    /// Lines of the open loop that are due and not yet begun.
    due: DueLines,
    /// True while the connection counts as unanswered in the dial queue.
    unanswered: bool,
    /// True if the slot is dialled only once a line is due on it.
    awaits_a_line: bool,
}

/// The event loop and its state.
#[derive(Debug)]
pub(super) struct Engine<D: Dial> {
    dial: D,
    now: MonotonicNs,
    slots: Vec<Slot<D::Stream>>,
    run_queue: Vec<usize>,
    requeued: Vec<usize>,
    dial_queue: DialQueue,
    barrier: StartBarrier,
    pace: Option<Pace>,
    budget: LineBudget,
    shared: RunShared,
    clock: RunClock,
    sources: Vec<IpAddr>,
    /// Number of slots with a connection.
    open: usize,
    /// Number of held connections still to verify when the time is over.
    to_verify: usize,
    timeout: Duration,
    next_check: MonotonicNs,
    /// Lines finished and connections established at the last check, and when either last changed.
    progress: (u64, u64),
    progressed: MonotonicNs,
    /// The delay of a poll beyond which it counts as a pause of this process.
    pause_min_ns: u64,
    /// CPU time used until the last check.
    cpu_time: Duration,
    /// The deadline has passed: one more turn reads every connection, then the rest is cut.
    final_read: bool,
    is_cut: bool,
    /// Number of connects tried.
    dials: usize,
    /// Notes for the user, which the caller prints.
    notes: Vec<String>,
}

impl<D: Dial> Engine<D> {
    pub(super) fn new(dial: D, config: &LoadConfig) -> Self {
        let limit = match config.stop_after {
            StopAfter::Time(_) => u64::MAX,
            StopAfter::Lines(lines) => lines,
        };
        let slot = || Slot {
            connection: None,
            due: DueLines::default(),
            unanswered: false,
            awaits_a_line: false,
        };
        let slots = std::iter::repeat_with(slot).take(config.connections).collect();
        let shared = RunShared::new(Plan::of(config), Payload::new(config.seed, config.size));
        // After the slow setup above, which must not count as time of the run.
        let start = dial.now();
        let gathering = StartBarrier::new(config, &shared.plan, start);
        let mut stage = RunClock::new(config, start);
        if !gathering.is_waiting() {
            stage.begin(start);
        }
        let mut pace = config.rate.map(|rate| Pace::new(start, rate, config.ramp, limit));
        if let Some(pace) = &mut pace {
            pace.end_at(stage.time_limit());
        }
        Self {
            dial,
            now: start,
            slots,
            run_queue: Vec::new(),
            requeued: Vec::new(),
            dial_queue: DialQueue::new(config.connections, start, config.ramp),
            barrier: gathering,
            budget: LineBudget::new(limit),
            pace,
            shared,
            clock: stage,
            sources: config.sources.clone(),
            open: 0,
            to_verify: config.verify_held,
            timeout: config.timeout,
            next_check: start,
            progress: (0, 0),
            progressed: start,
            pause_min_ns: Self::pause_min_ns(config.timeout),
            cpu_time: Duration::ZERO,
            final_read: false,
            is_cut: false,
            dials: 0,
            notes: Vec::new(),
        }
    }

    /// Runs one pass of the loop. Returns the interval that ended in it, if any.
    ///
    /// Fails only if the poll itself fails.
    pub(super) fn turn(&mut self) -> io::Result<Option<Interval>> {
        self.poll_and_mark()?;
        self.pace();
        let served = self.serve();
        if self.now >= self.next_check {
            self.expire();
        }
        if self.open == 0 && self.shared.results.established == 0 {
            self.end_if_none_connects();
        }
        self.connect(served);
        if self.barrier.release(&self.dial_queue, self.now) {
            self.begin();
        }
        if self.to_verify > 0 && self.clock.is_over_time(self.now) {
            self.verify_held();
        }
        if self.budget.all_issued() && self.shared.results.lines_over() >= self.budget.limit() {
            self.end();
        }
        if self.clock.is_past_deadline(self.now) {
            self.end_at_deadline();
        }
        Ok(self.end_interval())
    }

    /// True once no work is left.
    pub(super) fn is_over(&self) -> bool {
        self.is_cut || self.clock.is_ending() && self.open == 0 && self.has_sent_all()
    }

    /// True if every due line has been sent.
    fn has_sent_all(&self) -> bool {
        self.pace.as_ref().is_none_or(Pace::is_done)
            && self.slots.iter().all(|slot| slot.due.lines() == 0)
    }

    /// Ends the run, and returns its results and how long it was measured.
    pub(super) fn finish(mut self) -> (Results, Duration) {
        self.abort_remaining();
        self.end_phase();
        (self.shared.results, self.clock.measured(self.now))
    }

    /// Takes the notes for the user so far.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// Assigns due lines to connections, one to each in turn.
    fn pace(&mut self) {
        let opened = self.dial_queue.opened();
        let Some(pace) = self.pace.as_mut().filter(|pace| pace.next() <= self.now) else { return };
        for _ in 0..LINES_PER_TURN {
            let Some(due) = pace.due(self.now, opened) else { break };
            assign(due, &mut self.slots, &mut self.dial_queue, &mut self.run_queue);
            self.budget.issued();
        }
        if pace.is_done() && self.clock.is_ending() {
            // Wake the connections that only wait for the end of the schedule.
            self.wake_all();
        }
    }

    /// Serves the queued connections, and returns their number.
    fn serve(&mut self) -> usize {
        let served = self.run_queue.len();
        for place in 0..served {
            let Some(&key) = self.run_queue.get(place) else { break };
            self.serve_one(key);
        }
        self.run_queue.clear();
        std::mem::swap(&mut self.run_queue, &mut self.requeued);
        served
    }

    #[inline]
    fn serve_one(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let Some(connection) = &mut slot.connection else { return };
        let permit = if self.clock.is_ending() {
            Permit::Owed
        } else if self.barrier.is_waiting() && connection.has_begun() {
            Permit::None
        } else {
            Permit::Any
        };
        let (lines, pace, due) = (&mut self.budget, self.pace.as_ref(), &mut slot.due);
        let mut source = LineSource { lines, pace, owner: key, due, permit };
        let step = connection.serve(&mut self.shared, &mut source, || self.dial.now());
        let unanswered = slot.unanswered;
        match step {
            LoadStep::Idle => {}
            LoadStep::Yield => mark(&mut self.slots, &mut self.requeued, key, Ready::NONE),
            LoadStep::Done | LoadStep::Failed(_) => self.close(key, step),
        }
        if unanswered {
            self.mark_answered(key);
        }
    }
}

/// Assigns a line to its connection, which is dialled first if necessary.
fn assign<S: DialedStream>(
    due: DueLine,
    slots: &mut [Slot<S>],
    dial_queue: &mut DialQueue,
    queue: &mut Vec<usize>,
) {
    let Some(slot) = slots.get_mut(due.owner) else { return };
    slot.due.add(due);
    if std::mem::take(&mut slot.awaits_a_line) {
        dial_queue.redial(due.owner);
    }
    mark(slots, queue, due.owner, Ready::NONE);
}

/// Records an event or a due line for a connection, and queues the connection.
#[inline]
fn mark<S: DialedStream>(slots: &mut [Slot<S>], queue: &mut Vec<usize>, key: usize, ready: Ready) {
    if let Some(connection) = slots.get_mut(key).and_then(|slot| slot.connection.as_mut())
        && connection.mark(ready)
    {
        queue.push(key);
    }
}
