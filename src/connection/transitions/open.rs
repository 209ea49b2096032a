//! Transitions out of the phase that answers requests.

use super::row::{ERRNO_CAUSES, Transition};
use crate::cause::Cause;
use crate::connection::phase::PhaseKind;

pub(super) const ROWS: &[Transition] = &[
    Transition {
        from: PhaseKind::Open,
        stimulus: "complete requests",
        to: PhaseKind::Open,
        causes: &[],
        effect: "answered; an incomplete one is kept",
        test: "open_answers_whole_lines",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "FIN, no output pending",
        to: PhaseKind::Closed,
        causes: &[Cause::Finished],
        effect: "an incomplete line is answered first",
        test: "fin_without_pending_output_finishes",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "FIN, output pending",
        to: PhaseKind::Flushing,
        causes: &[],
        effect: "reading has ended, writing goes on",
        test: "fin_with_pending_output_flushes",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "the daemon begins to drain",
        to: PhaseKind::Draining,
        causes: &[Cause::Drained],
        effect: "input in the socket is still answered",
        test: "drain_answers_input_in_the_socket_then_sends_fin",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "the client in its PROXY header is at its limit of connections",
        to: PhaseKind::Closed,
        causes: &[Cause::Refused],
        effect: "closed at once; nothing was echoed yet",
        test: "the_client_of_a_proxy_header_counts_for_the_limit",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "the input breaks the service's protocol",
        to: PhaseKind::Draining,
        causes: &[Cause::Protocol],
        effect: "earlier replies are still written",
        test: "a_violation_ends_after_earlier_replies",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "the idle timeout",
        to: PhaseKind::Closed,
        causes: &[Cause::Idle],
        effect: "closed; by RST if a line or output is pending",
        test: "a_deadline_closes_a_connection_in_every_phase",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "a line is incomplete after the line timeout",
        to: PhaseKind::Closed,
        causes: &[Cause::LineTimeout],
        effect: "closed by RST; the line is dropped",
        test: "a_deadline_closes_a_connection_in_every_phase",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "the peer took no pending output for the stall timeout",
        to: PhaseKind::Closed,
        causes: &[Cause::Stalled],
        effect: "pending output is dropped; closed by RST",
        test: "a_deadline_closes_a_connection_in_every_phase",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "eviction as the longest idle (`--over-limit evict`)",
        to: PhaseKind::Closed,
        causes: &[Cause::Evicted],
        effect: "closed; by RST if a line or output is pending",
        test: "over_the_limit_evict_ends_the_longest_idle",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "a read, a write or `SO_ERROR` returns an error",
        to: PhaseKind::Closed,
        causes: ERRNO_CAUSES,
        effect: "pending output is dropped; closed by RST",
        test: "the_first_fault_is_the_cause",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "drain deadline, or a second signal",
        to: PhaseKind::Closed,
        causes: &[Cause::Cut],
        effect: "pending output is dropped; closed by RST",
        test: "a_cut_closes_a_connection_in_every_phase",
    },
];
