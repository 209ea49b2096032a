//! The transitions between phases, as data: the code checks itself against this table,
//! `docs/states.md` shows it, and a test keeps the two equal.

mod ending;
mod open;
mod proxy_header;
mod queued;

use super::transition::Transition;

/// Returns every transition, in the order of a connection's life.
pub fn transitions() -> impl Iterator<Item = &'static Transition> + Clone {
    [queued::ROWS, proxy_header::ROWS, open::ROWS, ending::ROWS].into_iter().flatten()
}
