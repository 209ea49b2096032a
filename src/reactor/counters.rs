//! What the reactor counts. At any time, accepted = open + the sum of all causes.

use std::collections::BTreeMap;

use crate::cause::Cause;
use crate::connection::Traffic;

/// Why a visitor was closed before it was answered, in the word of the metric.
pub const REJECTIONS: [&str; 3] = [EVICTED, FULL, REFUSED];
/// Another visitor needed its place.
pub(super) const EVICTED: &str = "evicted";
/// Every visitor waits for an answer of ours.
pub(super) const FULL: &str = "full";
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
