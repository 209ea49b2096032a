//! One row of the table of transitions.

use crate::cause::Cause;

use crate::connection::phase::PhaseKind;

/// A transition from one phase to another: a row of the table.
#[derive(Debug)]
pub struct Transition {
    /// The phase before.
    pub from: PhaseKind,
    /// The event.
    pub stimulus: &'static str,
    /// The phase after.
    pub to: PhaseKind,
    /// The causes that the phase after may have; none for a phase without a cause.
    pub causes: &'static [Cause],
    /// The action.
    pub effect: &'static str,
    /// The name of the test that shows it.
    pub test: &'static str,
}

/// The causes of errors from a read, a write or `SO_ERROR`: faults of a peer or its network.
pub(super) const ERRNO_CAUSES: &[Cause] = &[
    Cause::Reset,
    Cause::BrokenPipe,
    Cause::TimedOut,
    Cause::Unreachable,
    Cause::Aborted,
    Cause::Error,
];
