//! What the reactor counts. At any time, accepted = open + the sum of all causes.

use std::collections::BTreeMap;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::connection::{PhaseKind, Traffic};

use super::{Os, Reactor};

/// Why a visitor was closed before it was answered, in the word of the metric.
pub const REJECTIONS: [&str; 2] = [EVICTED, REFUSED];
/// Another visitor needed its place.
pub(super) const EVICTED: &str = "evicted";
/// Its address may not ask.
pub(super) const REFUSED: &str = "refused";

/// Sums over all connections that have ended, and over what happened at the gate.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Connections that were taken from a queue, those that had died there included.
    pub accepted: u64,
    /// What went through connections that have ended.
    pub traffic: Traffic,
    /// How often `accept` failed, by errno.
    pub accept_errors: BTreeMap<String, u64>,
    /// How often the gate paused because descriptors or memory had run out.
    pub pauses: u64,
    /// How many turns the event loop has made.
    pub iterations: u64,
    /// How many of them took longer than [`super::SLOW_ITERATION`].
    pub slow_iterations: u64,
    /// Visitors that were closed before they were answered, by a word of [`super::REJECTIONS`].
    pub admin_rejected: BTreeMap<&'static str, u64>,
    closed: [u64; Cause::ALL.len()],
}

impl Counters {
    /// Counts a connection's end.
    pub fn closed(&mut self, cause: Cause, traffic: Traffic) {
        #[expect(clippy::indexing_slicing, reason = "there is a place for each cause")]
        let count = &mut self.closed[cause.index()];
        *count += 1;
        self.traffic.add(traffic);
    }

    /// How many connections ended with that cause.
    pub fn of(&self, cause: Cause) -> u64 {
        self.closed.get(cause.index()).copied().unwrap_or_default()
    }

    /// How many connections have ended.
    pub fn closed_total(&self) -> u64 {
        self.closed.iter().sum()
    }
}

impl<K: Os> Reactor<K> {
    /// What has been counted so far, open connections left out.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many connections are in each phase of [`PhaseKind::ALIVE`], and what went through them.
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

    /// How many connections have had each kind of mischief that was asked for.
    pub fn injected_faults(&self) -> Vec<(&'static str, u64)> {
        self.os.injected_faults()
    }

    /// The gate's state in one word.
    pub fn listener_state(&self) -> &'static str {
        self.admission.state_name(self.open_count(), self.shared.now)
    }

    /// The time of this turn.
    pub const fn now(&self) -> MonotonicMs {
        self.shared.now
    }

    /// How many descriptors are in use: those there were at the start, and one for each stream.
    pub fn descriptors(&self) -> usize {
        self.options.descriptors + self.slots.len() + self.admin_connections()
    }

    /// How many connections there are, those that children have included.
    pub(super) fn open_count(&self) -> usize {
        self.slots.len() + self.children.len()
    }
}
