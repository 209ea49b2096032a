//! Draws the faults of each connection at random, from a seed.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;

use super::spec::{FaultKind, FaultSpec};

/// The faults of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub delay: Option<Duration>,
    pub sliced: bool,
    pub terminal: Option<Terminal>,
}

/// A fault that ends a connection, or keeps it from ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terminal {
    Reset,
    Close,
    Stall,
    Refuse,
}

/// The number of connections with a fault of each kind; a handle that the sampler shares with the
/// metrics and the status.
#[derive(Clone, Debug, Default)]
pub struct FaultCounts(Rc<[(FaultKind, Cell<u64>)]>);

impl FaultCounts {
    /// The name and the count of each kind that was configured.
    pub fn by_name(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(kind, count)| (kind.name(), count.get()))
    }

    fn add(&self, kind: FaultKind) {
        let count = self.0.iter().find(|(one, _)| one.is_same_kind(kind));
        count.inspect(|(_, count)| count.set(count.get() + 1));
    }
}

/// Draws the faults of connections, and counts them.
#[derive(Debug)]
pub struct FaultSampler {
    specs: Vec<FaultSpec>,
    rng: Rng,
    counts: FaultCounts,
}

impl FaultSampler {
    /// The same seed draws the same faults, in the order in which connections are accepted.
    pub fn new(specs: Vec<FaultSpec>, seed: u64) -> Self {
        let configured = |kind: &FaultKind| specs.iter().find(|one| one.kind.is_same_kind(*kind));
        let kinds = FaultKind::ALL.iter().filter_map(configured);
        let counts = FaultCounts(kinds.map(|spec| (spec.kind, Cell::new(0))).collect());
        Self { specs, rng: Rng::with_seed(seed), counts }
    }

    /// A handle on the counts.
    pub fn counts(&self) -> FaultCounts {
        self.counts.clone()
    }

    /// Draws for one connection. It can be delayed and sliced and still have one terminal fault:
    /// the first that is drawn, in the order of the configuration.
    pub(super) fn sample(&mut self) -> Faults {
        // Draws every fault, so that the faults of one connection do not change those of the next.
        let drawn: Vec<_> =
            self.specs.iter().filter(|spec| self.rng.f64() < spec.probability).collect();
        let mut faults = Faults::default();
        for FaultSpec { kind, .. } in drawn {
            let applied = match *kind {
                FaultKind::Delay(delay) => faults.delay.replace(delay).is_none(),
                FaultKind::Slice => !std::mem::replace(&mut faults.sliced, true),
                FaultKind::Reset => faults.end_by(Terminal::Reset),
                FaultKind::Close => faults.end_by(Terminal::Close),
                FaultKind::Stall => faults.end_by(Terminal::Stall),
                FaultKind::Refuse => faults.end_by(Terminal::Refuse),
            };
            if applied {
                self.counts.add(*kind);
            }
        }
        faults
    }
}

impl Faults {
    /// Sets the terminal fault, unless there is one already.
    fn end_by(&mut self, terminal: Terminal) -> bool {
        let first = self.terminal.is_none();
        self.terminal = self.terminal.or(Some(terminal));
        first
    }
}
