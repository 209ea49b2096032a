//! What the reactor's owner may see of it.

use crate::clock::MonotonicMs;
use crate::connection::{PhaseKind, Traffic};

use super::{Counters, Kernel, Reactor};

impl<K: Kernel> Reactor<K> {
    /// What has been counted so far, open connections left out.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many connections are in each phase of [`Kind::ALIVE`], and what went through them.
    pub fn census(&self) -> ([usize; PhaseKind::ALIVE.len()], Traffic) {
        let mut phases = [0; PhaseKind::ALIVE.len()];
        let mut tally = Traffic::default();
        for connection in self.slots.iter() {
            let kind = connection.phase().kind();
            let counts = PhaseKind::ALIVE.iter().zip(&mut phases);
            counts.filter(|(alive, _)| **alive == kind).for_each(|(_, count)| *count += 1);
            tally.add(connection.traffic());
        }
        (phases, tally)
    }

    /// How many connections have had each kind of mischief that was asked for.
    pub fn mischief(&self) -> Vec<(&'static str, u64)> {
        self.kernel.mischief()
    }

    /// The gate's state in one word.
    pub fn gate_word(&self) -> &'static str {
        self.gate.word(self.open(), self.lent.now)
    }

    /// The time of this turn.
    pub const fn now(&self) -> MonotonicMs {
        self.lent.now
    }

    /// How many descriptors are in use: those there were at the start, and one for each stream.
    pub fn descriptors(&self) -> usize {
        self.rules.descriptors + self.slots.len() + self.visitors()
    }

    /// How many connections there are, those that children have included.
    pub(super) fn open(&self) -> usize {
        self.slots.len() + self.children.len()
    }
}
