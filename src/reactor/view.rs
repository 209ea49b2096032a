//! What the reactor's owner may see of it.

use crate::clock::MonotonicMs;
use crate::connection::{PhaseKind, Traffic};

use super::{Counters, Os, Reactor};

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
