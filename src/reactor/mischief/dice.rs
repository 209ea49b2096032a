//! Who has which mischief: drawn for each connection, by a seed.

use std::time::Duration;

use fastrand::Rng;

use crate::mischief::{Kind, Mischief};

use super::stream::End;

/// What is drawn for a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mood {
    pub delay: Option<Duration>,
    pub slices: bool,
    pub end: Option<End>,
}

/// Draws, and counts.
#[derive(Debug)]
pub struct Dice {
    mischief: Vec<Mischief>,
    rng: Rng,
    counts: [u64; Kind::ALL.len()],
}

impl Dice {
    /// The same seed has the same connections misbehave, by the order in which they are accepted.
    pub fn new(mischief: Vec<Mischief>, seed: u64) -> Self {
        Self { mischief, rng: Rng::with_seed(seed), counts: [0; Kind::ALL.len()] }
    }

    /// Draws for one connection. It can be delayed and sliced and still come to one bad end: the
    /// first of those that are drawn, in the order in which they were asked for.
    pub(super) fn roll(&mut self) -> Mood {
        let mut mood = Mood::default();
        for Mischief { kind, share } in &self.mischief {
            // Drawn for all, so that what one connection has does not change the next one's.
            let hit = self.rng.f64() < *share;
            let ends = mood.end.is_some();
            let taken = match kind {
                _ if !hit => false,
                Kind::Delay(delay) => mood.delay.replace(*delay).is_none(),
                Kind::Slice => !std::mem::replace(&mut mood.slices, true),
                Kind::Reset | Kind::Close | Kind::Stall | Kind::Refuse if ends => false,
                Kind::Reset => mood.end.replace(End::Reset).is_none(),
                Kind::Close => mood.end.replace(End::Close).is_none(),
                Kind::Stall => mood.end.replace(End::Stall).is_none(),
                Kind::Refuse => mood.end.replace(End::Refuse).is_none(),
            };
            if let Some(count) = self.counts.get_mut(kind.index()).filter(|_| taken) {
                *count += 1;
            }
        }
        mood
    }

    /// How many connections have had each kind that was asked for.
    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let asked = |kind: &Kind| self.mischief.iter().any(|one| one.kind.index() == kind.index());
        let counted = Kind::ALL.iter().zip(self.counts);
        counted.filter(|(kind, _)| asked(kind)).map(|(kind, count)| (kind.name(), count)).collect()
    }
}
