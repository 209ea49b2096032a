//! The load generator's event loop: connects, sends, compares and times.
//!
//! [`Engine::turn`] runs these steps in order:
//!
//! 1. **poll**: wait for events; not at all while there is work, else until the next deadline.
//! 2. **mark**: an event only leaves a hint and queues its connection. No I/O.
//! 3. **pace**: assign due lines to their connections, in turn.
//! 4. **serve**: serve each queued connection once, within a budget.
//! 5. **expire**: close connections that have exceeded the timeout.
//! 6. **connect**: after the events of this turn, so that none can name a slot's former connection;
//!    and budgeted.
//! 7. **begin or end**: begin the load, or end the run, if it is time.
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
pub(super) mod schedule;
mod shutdown;
pub(super) mod slots;
pub(super) mod start_barrier;
#[cfg(test)]
mod tests;
mod waiting;

use std::io;
use std::time::Duration;

use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::net::endpoint::Endpoint;
use crate::sys::Dial;

use crate::load::config::LoadConfig;
use crate::load::engine::connection::{LoadStep, RunShared};
use crate::load::engine::dial_queue::DialQueue;
use crate::load::engine::interval::Interval;
use crate::load::engine::line_source::Permit;
use crate::load::engine::mode::Plan;
use crate::load::engine::payload::Payload;
use crate::load::engine::results::Results;
use crate::load::engine::run_phase::RunClock;
use crate::load::engine::schedule::Schedule;
use crate::load::engine::slots::Slots;

use self::connections::Net;
use self::shutdown::Cut;
use self::waiting::TimeoutCheck;

/// Lines assigned to connections per turn.
const LINES_PER_TURN: usize = 1024;

/// The event loop and its state.
#[derive(Debug)]
pub(super) struct Engine<D: Dial> {
    net: Net<D>,
    now: MonotonicNs,
    slots: Slots<D::Stream>,
    dial_queue: DialQueue,
    schedule: Schedule,
    clock: RunClock,
    timeouts: TimeoutCheck,
    cut: Cut,
    shared: RunShared,
    /// Notes for the user, which the caller prints.
    notes: Vec<String>,
}

impl<D: Dial> Engine<D> {
    pub(super) fn new(dial: D, server: Endpoint, config: &LoadConfig) -> Self {
        let slots = Slots::new(config.connections);
        let shared = RunShared::new(Plan::of(config), Payload::new(config.seed, config.size));
        // After the slow setup above, which must not count as time of the run.
        let start = dial.now();
        let mut clock = RunClock::new(config, start);
        let mut schedule = Schedule::new(config, &shared.plan, start);
        if !schedule.barrier.is_waiting() {
            clock.begin(start);
        }
        schedule.end_at(clock.time_limit());
        Self {
            net: Net::new(dial, server, config),
            now: start,
            slots,
            dial_queue: DialQueue::new(config.connections, start, config.ramp),
            schedule,
            clock,
            timeouts: TimeoutCheck::new(config.timeout, start),
            cut: Cut::No,
            shared,
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
        self.expire();
        self.connect(served);
        self.begin_or_end();
        Ok(self.end_interval())
    }

    /// True once no work is left.
    pub(super) fn is_over(&self) -> bool {
        self.cut == Cut::Done
            || self.clock.is_ending() && self.slots.open() == 0 && self.has_sent_all()
    }

    /// True if every due line has been sent.
    fn has_sent_all(&self) -> bool {
        self.schedule.is_done() && self.slots.lines_due() == 0
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

    /// Assigns due lines to connections, one to each in turn. A slot that waits for its line is
    /// dialled.
    fn pace(&mut self) {
        let opened = self.dial_queue.opened();
        let Schedule { pace, budget, .. } = &mut self.schedule;
        let Some(pace) = pace.as_mut().filter(|pace| pace.next() <= self.now) else { return };
        for _ in 0..LINES_PER_TURN {
            let Some(line) = pace.due(self.now, opened) else { break };
            budget.issued();
            if self.slots.assign(line) {
                self.dial_queue.redial(line.owner);
            }
        }
        if pace.is_done() && self.clock.is_ending() {
            // Wake the connections that only wait for the end of the schedule.
            self.slots.mark_all(Ready::NONE);
        }
    }

    /// Serves the queued connections, and returns their number.
    fn serve(&mut self) -> usize {
        let queue = self.slots.take_queue();
        for key in &queue {
            self.serve_one(*key);
        }
        let served = queue.len();
        self.slots.reuse(queue);
        served
    }

    #[inline]
    fn serve_one(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let Some(connection) = &mut slot.connection else { return };
        let permit = if self.clock.is_ending() {
            Permit::Assigned
        } else if self.schedule.barrier.is_waiting() && connection.has_begun() {
            Permit::None
        } else {
            Permit::Any
        };
        let mut source = self.schedule.source(key, &mut slot.due, permit);
        let step = connection.serve(&mut self.shared, &mut source, || self.net.dial.now());
        let unanswered = slot.unanswered;
        match step {
            LoadStep::Idle => {}
            LoadStep::Yield => self.slots.mark(key, Ready::NONE),
            LoadStep::Done | LoadStep::Failed(_) => self.close(key, step),
        }
        if unanswered {
            self.mark_answered(key);
        }
    }

    /// Begins the load, verifies held connections or ends the run, if it is time.
    fn begin_or_end(&mut self) {
        if self.schedule.barrier.release(&self.dial_queue, self.now) {
            self.begin();
        }
        if self.schedule.to_verify > 0 && self.clock.is_over_time(self.now) {
            self.verify_held();
        }
        let budget = &self.schedule.budget;
        if budget.all_issued() && self.shared.results.lines_over() >= budget.limit() {
            self.end();
        }
        if self.clock.is_past_deadline(self.now) {
            self.end_at_deadline();
        }
    }
}
