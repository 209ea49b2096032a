//! The transitions between phases, as data: the code checks itself against this table,
//! `docs/states.md` shows it, and a test keeps the two equal.

mod ending;
mod open;
mod proxy_header;
mod queued;
mod row;

use super::phase::Phase;

pub use self::row::Transition;

/// Returns every transition, in the order of a connection's life.
pub fn transitions() -> impl Iterator<Item = &'static Transition> + Clone {
    [queued::ROWS, proxy_header::ROWS, open::ROWS, ending::ROWS].into_iter().flatten()
}

/// Returns true if the table has a row from the phase `from` to the phase `to` with its cause.
pub(super) fn allowed(from: Phase, to: Phase) -> bool {
    transitions().any(|row| {
        row.from == from.kind()
            && row.to == to.kind()
            && match to {
                Phase::ProxyHeader(_) | Phase::Open | Phase::Flushing => row.causes.is_empty(),
                Phase::Draining(cause) | Phase::Lingering(cause) | Phase::Closed(cause) => {
                    row.causes.contains(&cause)
                }
            }
    })
}
