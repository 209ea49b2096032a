//! What a row of the table of transitions is, and whether the table has one.

use crate::cause::Cause;

use super::phase::{Phase, PhaseKind};
use super::transitions::transitions;

/// One way from a phase to another: a row of the table.
#[derive(Debug)]
pub struct Transition {
    /// Where it starts.
    pub from: PhaseKind,
    /// What happens.
    pub stimulus: &'static str,
    /// Where it leads.
    pub to: PhaseKind,
    /// Which causes the next phase may have; none for phases without.
    pub causes: &'static [Cause],
    /// What is done about it.
    pub effect: &'static str,
    /// The test that shows it, a function in the sources.
    pub test: &'static str,
}

/// The faults of a peer or its network, as a read, a write or `SO_ERROR` tells them.
pub(super) const ERRNO_CAUSES: &[Cause] = &[
    Cause::Reset,
    Cause::BrokenPipe,
    Cause::TimedOut,
    Cause::Unreachable,
    Cause::Aborted,
    Cause::Error,
];

/// True if the table has a row from the phase `from` to the phase `to` with its cause.
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
