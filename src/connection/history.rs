//! When a connection was accepted, and the phases that it has been in.

use crate::clock::MonotonicMs;
use crate::num;

use super::PhaseKind;

/// The phases behind the accept queue, in the order in which a connection enters them. No
/// transition goes back, so the set of its phases is the path of a connection.
const ORDER: [PhaseKind; 7] = [
    PhaseKind::ProxyHeader,
    PhaseKind::Child,
    PhaseKind::Open,
    PhaseKind::Draining,
    PhaseKind::Flushing,
    PhaseKind::Lingering,
    PhaseKind::Closed,
];

/// The number of different sets of phases.
pub const PATHS: usize = 1 << ORDER.len();

/// The bits of the moment of `accept`, which count the milliseconds of two million years.
const MOMENT: u64 = u64::MAX >> 8;

/// The moment of `accept`, and above it the set of phases: a connection has no byte to spare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History(u64);

impl History {
    /// Creates the history of a connection that is accepted now, before its first phase.
    pub const fn new(now: MonotonicMs) -> Self {
        Self(now.0 & MOMENT)
    }

    /// Returns the moment of `accept`.
    pub const fn accepted(self) -> MonotonicMs {
        MonotonicMs(self.0 & MOMENT)
    }

    /// Moves that moment, after a stop of the process.
    pub(super) const fn set_accepted(&mut self, at: MonotonicMs) {
        self.0 = (self.0 & !MOMENT) | (at.0 & MOMENT);
    }

    /// Returns the history of a connection that is now in that phase.
    #[must_use]
    pub fn then(self, phase: PhaseKind) -> Self {
        let place = ORDER.iter().position(|one| *one == phase);
        Self(self.0 | place.map_or(0, |place| (MOMENT + 1) << place))
    }

    /// Returns the number of its path, below [`PATHS`].
    pub fn path(self) -> usize {
        num::to_usize(self.0 >> MOMENT.count_ones())
    }
}

/// Returns the transitions of the path with that number, from the accept queue on.
pub fn transitions_of(path: usize) -> impl Iterator<Item = (PhaseKind, PhaseKind)> {
    let phases = ORDER.iter().enumerate().filter(move |(place, _)| path & (1 << place) != 0);
    phases.scan(PhaseKind::Queued, |from, (_, to)| Some((std::mem::replace(from, *to), *to)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::transitions;

    #[test]
    fn a_path_is_the_transitions_between_its_phases() {
        let mut history = History::new(MonotonicMs(7));
        assert_eq!(transitions_of(history.path()).count(), 0, "still in the queue");
        for phase in [PhaseKind::Open, PhaseKind::Flushing, PhaseKind::Closed] {
            history = history.then(phase);
        }
        let found: Vec<_> = transitions_of(history.path()).collect();
        let expected = [
            (PhaseKind::Queued, PhaseKind::Open),
            (PhaseKind::Open, PhaseKind::Flushing),
            (PhaseKind::Flushing, PhaseKind::Closed),
        ];
        assert_eq!(found, expected);
        assert_eq!(history.accepted(), MonotonicMs(7));
        assert!(History::new(MonotonicMs(0)).then(PhaseKind::Closed).path() < PATHS);
    }

    #[test]
    fn no_transition_goes_against_the_order() {
        let place = |phase| ORDER.iter().position(|one| *one == phase);
        for row in transitions() {
            assert!(row.from == row.to || place(row.from) < place(row.to), "{row:?}");
        }
    }
}
