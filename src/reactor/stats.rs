//! The reactor's counters. At any time, accepted = open + the sum of all causes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::connection::{History, PATHS, PhaseKind, Traffic};
use crate::net::tcp_info::AcceptQueue;
use crate::num;

use super::survey::count_phase;
use super::{
    Capacity, Histogram, ListenerOptions, Options, Os, Reactor, SLOW_ITERATION, TcpSamples,
};

/// The reasons to close an admin connection before a response, as the metric has them.
pub const REJECTIONS: [&str; 2] = [EVICTED, REFUSED];
/// Another admin connection took its place.
pub(super) const EVICTED: &str = "evicted";
/// Its address is not allowed.
pub(super) const REFUSED: &str = "refused";

/// Sums over all connections that have ended, and over events of admission.
#[derive(Clone, Debug)]
pub struct Counters {
    /// Connections taken from a queue, including those that had died there.
    pub accepted: u64,
    /// The same, by listener.
    pub accepted_by_listener: Vec<u64>,
    /// The traffic of connections that have ended.
    pub traffic: Traffic,
    /// Failures of `accept`, by errno.
    pub accept_errors: BTreeMap<String, u64>,
    /// Pauses of accepting because descriptors or memory had run out.
    pub pauses: u64,
    /// Turns of the event loop.
    pub iterations: u64,
    /// Turns that took longer than [`super::SLOW_ITERATION`].
    pub slow_iterations: u64,
    /// The longest of the turns that were timed.
    pub longest_turn: Duration,
    /// The durations of the turns that were timed, in milliseconds.
    turns: Histogram,
    /// The time from `accept` to the end of connections that have ended, in milliseconds.
    pub lifetimes: Histogram,
    /// The lines of connections that have ended.
    pub lines: Histogram,
    /// Admin connections closed before a response, by a word of [`super::REJECTIONS`].
    pub admin_rejected: BTreeMap<&'static str, u64>,
    closed: [u64; Cause::ALL.len()],
    /// Connections that have ended, by the number of their path.
    pub(super) paths: [u64; PATHS],
}

/// The figures of one listener.
#[derive(Debug)]
pub struct ListenerFigures<'a> {
    /// Its address and service.
    pub options: &'a ListenerOptions,
    /// The connections taken from its queue.
    pub accepted: u64,
    /// Its accept queue; none if the system does not tell, or once it is closed.
    pub queue: Option<AcceptQueue>,
    /// The samples of its connections.
    pub samples: &'a TcpSamples,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            accepted: 0,
            accepted_by_listener: Vec::new(),
            traffic: Traffic::default(),
            accept_errors: BTreeMap::new(),
            pauses: 0,
            iterations: 0,
            slow_iterations: 0,
            longest_turn: Duration::ZERO,
            turns: Histogram::of_turns(),
            lifetimes: Histogram::of_lifetimes(),
            lines: Histogram::of_lines(),
            admin_rejected: BTreeMap::new(),
            closed: [0; Cause::ALL.len()],
            paths: [0; PATHS],
        }
    }
}

impl Counters {
    /// Counts a connection taken from the queue of a listener.
    pub fn accepted(&mut self, listener: usize) {
        self.accepted += 1;
        if self.accepted_by_listener.len() <= listener {
            self.accepted_by_listener.resize(listener + 1, 0);
        }
        if let Some(count) = self.accepted_by_listener.get_mut(listener) {
            *count += 1;
        }
    }

    /// Counts the end of a connection at that time.
    pub fn closed(&mut self, cause: Cause, traffic: Traffic, history: History, now: MonotonicMs) {
        #[expect(clippy::indexing_slicing, reason = "there is a place for each cause")]
        let count = &mut self.closed[cause.index()];
        *count += 1;
        self.traffic.add(traffic);
        self.lifetimes.record(num::millis(now.since(history.accepted())));
        self.lines.record(traffic.lines);
        if let Some(count) = self.paths.get_mut(history.path()) {
            *count += 1;
        }
    }

    /// Counts the duration of a turn.
    pub(super) fn turn_lasted(&mut self, duration: Duration) {
        self.turns.record(num::millis(duration));
        self.slow_iterations += u64::from(duration > SLOW_ITERATION);
        self.longest_turn = self.longest_turn.max(duration);
    }

    /// Returns the durations of all turns, in milliseconds. A turn that was not timed counts as
    /// shorter than the first bound, and adds nothing to the sum.
    pub fn turns(&self) -> Histogram {
        self.turns.clone().filled_up(self.iterations)
    }

    /// Returns the number of connections that ended with that cause.
    pub fn of(&self, cause: Cause) -> u64 {
        self.closed.get(cause.index()).copied().unwrap_or_default()
    }

    /// Returns the number of connections that have ended.
    pub fn closed_total(&self) -> u64 {
        self.closed.iter().sum()
    }
}

impl<O: Os> Reactor<O> {
    /// Returns the counts so far, without open connections.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns the number of connections in each phase of [`PhaseKind::ALIVE`], and their traffic.
    pub fn snapshot(&self) -> ([usize; PhaseKind::ALIVE.len()], Traffic) {
        let mut phases = [0; PhaseKind::ALIVE.len()];
        let mut traffic = Traffic::default();
        for connection in self.slots.iter() {
            count_phase(&mut phases, connection.phase().kind());
            traffic.add(connection.traffic());
        }
        (phases, traffic)
    }

    /// Returns the figures of each listener: one system call each.
    pub fn listeners(&self) -> impl Iterator<Item = ListenerFigures<'_>> {
        let counts = &self.counters.accepted_by_listener;
        let listeners = self.options.listeners.iter().zip(self.sampler.listeners());
        listeners.enumerate().map(|(number, (options, samples))| ListenerFigures {
            options,
            accepted: counts.get(number).copied().unwrap_or_default(),
            queue: self.os.accept_queue(number),
            samples,
        })
    }

    /// Returns the listener state in one word.
    pub fn listener_state(&self) -> &'static str {
        self.admission.state_name(self.open_count(), self.shared.now)
    }

    /// Returns the options, with those of each listener.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the limits of the process.
    pub const fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Returns the time of this turn.
    pub const fn now(&self) -> MonotonicMs {
        self.shared.now
    }

    /// Returns the number of descriptors in use: those open at the start, and one for each stream.
    pub fn descriptors(&self) -> usize {
        self.capacity.descriptors + self.slots.len() + self.admin_connections()
    }

    /// Returns the number of connections, including those with children.
    pub fn connections(&self) -> usize {
        self.open_count()
    }

    pub(super) fn open_count(&self) -> usize {
        self.slots.len() + self.children.len()
    }
}
