//! Who has which mischief: drawn for each connection, by a seed.

use std::time::Duration;

use fastrand::Rng;

use super::spec::{FaultKind, FaultSpec};

use super::stream::Terminal;

/// What is drawn for a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub delay: Option<Duration>,
    pub sliced: bool,
    pub terminal: Option<Terminal>,
}

/// Draws, and counts.
#[derive(Debug)]
pub struct FaultSampler {
    specs: Vec<FaultSpec>,
    rng: Rng,
    counts: [u64; FaultKind::ALL.len()],
}

impl FaultSampler {
    /// The same seed has the same connections misbehave, by the order in which they are accepted.
    pub fn new(mischief: Vec<FaultSpec>, seed: u64) -> Self {
        Self { specs: mischief, rng: Rng::with_seed(seed), counts: [0; FaultKind::ALL.len()] }
    }

    /// Draws for one connection. It can be delayed and sliced and still come to one bad end: the
    /// first of those that are drawn, in the order in which they were asked for.
    pub(super) fn sample(&mut self) -> Faults {
        let mut mood = Faults::default();
        for FaultSpec { kind, probability: share } in &self.specs {
            // Drawn for all, so that what one connection has does not change the next one's.
            let hit = self.rng.f64() < *share;
            let ends = mood.terminal.is_some();
            let taken = match kind {
                _ if !hit => false,
                FaultKind::Delay(delay) => mood.delay.replace(*delay).is_none(),
                FaultKind::Slice => !std::mem::replace(&mut mood.sliced, true),
                FaultKind::Reset | FaultKind::Close | FaultKind::Stall | FaultKind::Refuse
                    if ends =>
                {
                    false
                }
                FaultKind::Reset => mood.terminal.replace(Terminal::Reset).is_none(),
                FaultKind::Close => mood.terminal.replace(Terminal::Close).is_none(),
                FaultKind::Stall => mood.terminal.replace(Terminal::Stall).is_none(),
                FaultKind::Refuse => mood.terminal.replace(Terminal::Refuse).is_none(),
            };
            if let Some(count) = self.counts.get_mut(kind.index()).filter(|_| taken) {
                *count += 1;
            }
        }
        mood
    }

    /// How many connections have had each kind that was asked for.
    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let asked =
            |kind: &FaultKind| self.specs.iter().any(|one| one.kind.index() == kind.index());
        let counted = FaultKind::ALL.iter().zip(self.counts);
        counted.filter(|(kind, _)| asked(kind)).map(|(kind, count)| (kind.name(), count)).collect()
    }
}
