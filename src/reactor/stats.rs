//! The reactor's counters. At any time, accepted = open + the sum of all causes.

use std::collections::BTreeMap;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::connection::{PhaseKind, Traffic};

use super::{ListenerOptions, Os, Reactor};

/// The reasons to close an admin connection before a response, as the metric has them.
pub const REJECTIONS: [&str; 2] = [EVICTED, REFUSED];
/// Another admin connection took its place.
pub(super) const EVICTED: &str = "evicted";
/// Its address is not allowed.
pub(super) const REFUSED: &str = "refused";

/// Sums over all connections that have ended, and over events of admission.
#[derive(Clone, Debug, Default)]
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
    /// Admin connections closed before a response, by a word of [`super::REJECTIONS`].
    pub admin_rejected: BTreeMap<&'static str, u64>,
    closed: [u64; Cause::ALL.len()],
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

    /// Counts a connection's end.
    pub fn closed(&mut self, cause: Cause, traffic: Traffic) {
        #[expect(clippy::indexing_slicing, reason = "there is a place for each cause")]
        let count = &mut self.closed[cause.index()];
        *count += 1;
        self.traffic.add(traffic);
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
            let kind = connection.phase().kind();
            let counts = PhaseKind::ALIVE.iter().zip(&mut phases);
            counts.filter(|(alive, _)| **alive == kind).for_each(|(_, count)| *count += 1);
            traffic.add(connection.traffic());
        }
        (phases, traffic)
    }

    /// Returns the options of each listener, and the number of connections taken from its queue.
    pub fn listeners(&self) -> impl Iterator<Item = (&ListenerOptions, u64)> {
        let counts = self.counters.accepted_by_listener.iter().copied();
        self.options.listeners.iter().zip(counts.chain(std::iter::repeat(0)))
    }

    /// Returns the listener state in one word.
    pub fn listener_state(&self) -> &'static str {
        self.admission.state_name(self.open_count(), self.shared.now)
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
    pub(super) fn open_count(&self) -> usize {
        self.slots.len() + self.children.len()
    }
}
