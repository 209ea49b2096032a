//! The ways from phase to phase, as data: the code checks itself against this table,
//! `docs/states.md` shows it, and a test keeps the two equal.

use crate::cause::Cause;

use super::phase::{Kind, Phase, Transition};

/// The faults of a peer or its network, as a read, a write or `SO_ERROR` tells them.
const FAULTS: &[Cause] = &[
    Cause::Reset,
    Cause::BrokenPipe,
    Cause::TimedOut,
    Cause::Unreachable,
    Cause::Aborted,
    Cause::Error,
];

/// Every transition there is.
pub const TRANSITIONS: &[Transition] = &[
    Transition {
        from: Kind::Queued,
        stimulus: "`accept` returns it",
        to: Kind::Open,
        causes: &[],
        effect: "registered once, edge-triggered; counted as accepted",
        test: "open_answers_whole_lines",
    },
    Transition {
        from: Kind::Queued,
        stimulus: "`accept` fails with ECONNABORTED or EPROTO",
        to: Kind::Closed,
        causes: &[Cause::Aborted],
        effect: "counted, logged at debug; the listener goes on at once",
        test: "a_connection_that_dies_in_the_queue_is_aborted",
    },
    Transition {
        from: Kind::Queued,
        stimulus: "`accept` returns it, but there is no room (`--over-limit refuse`)",
        to: Kind::Closed,
        causes: &[Cause::Refused],
        effect: "closed at once",
        test: "over_the_limit_refuse_closes_at_once",
    },
    Transition {
        from: Kind::Open,
        stimulus: "whole requests",
        to: Kind::Open,
        causes: &[],
        effect: "answered; an unfinished one is kept",
        test: "open_answers_whole_lines",
    },
    Transition {
        from: Kind::Open,
        stimulus: "FIN, nothing owed",
        to: Kind::Closed,
        causes: &[Cause::Finished],
        effect: "an unfinished line is answered first",
        test: "fin_with_nothing_owed_finishes",
    },
    Transition {
        from: Kind::Open,
        stimulus: "FIN, replies owed",
        to: Kind::Flushing,
        causes: &[],
        effect: "reading has ended, writing goes on",
        test: "fin_with_replies_owed_flushes",
    },
    Transition {
        from: Kind::Open,
        stimulus: "the daemon is asked to end",
        to: Kind::Draining,
        causes: &[Cause::Drained],
        effect: "input that is there is still answered",
        test: "drain_answers_what_is_there_then_sends_fin",
    },
    Transition {
        from: Kind::Open,
        stimulus: "the input breaks the service's protocol",
        to: Kind::Draining,
        causes: &[Cause::Protocol],
        effect: "earlier replies are still written",
        test: "a_violation_ends_after_earlier_replies",
    },
    Transition {
        from: Kind::Open,
        stimulus: "nothing happened for the idle timeout",
        to: Kind::Closed,
        causes: &[Cause::Idle],
        effect: "closed",
        test: "deadlines_end_a_connection_with_their_cause",
    },
    Transition {
        from: Kind::Open,
        stimulus: "a line was not finished within the line timeout",
        to: Kind::Closed,
        causes: &[Cause::LineTimeout],
        effect: "closed; the line is dropped",
        test: "deadlines_end_a_connection_with_their_cause",
    },
    Transition {
        from: Kind::Open,
        stimulus: "the peer took nothing of what is owed for the stall timeout",
        to: Kind::Closed,
        causes: &[Cause::Stalled],
        effect: "closed; what is owed is dropped",
        test: "deadlines_end_a_connection_with_their_cause",
    },
    Transition {
        from: Kind::Open,
        stimulus: "it is the longest idle, and there is no room (`--over-limit evict`)",
        to: Kind::Closed,
        causes: &[Cause::Evicted],
        effect: "closed",
        test: "over_the_limit_evict_ends_the_longest_idle",
    },
    Transition {
        from: Kind::Open,
        stimulus: "a read, a write or `SO_ERROR` tells a fault",
        to: Kind::Closed,
        causes: FAULTS,
        effect: "what is owed is dropped",
        test: "the_first_fault_is_the_cause",
    },
    Transition {
        from: Kind::Open,
        stimulus: "drain deadline, or a second signal",
        to: Kind::Closed,
        causes: &[Cause::Cut],
        effect: "what is owed is dropped",
        test: "the_drain_deadline_cuts_who_is_owed",
    },
    Transition {
        from: Kind::Flushing,
        stimulus: "everything is written",
        to: Kind::Closed,
        causes: &[Cause::Finished],
        effect: "closed: FIN follows the last reply",
        test: "fin_with_replies_owed_flushes",
    },
    Transition {
        from: Kind::Flushing,
        stimulus: "a write or `SO_ERROR` tells a fault",
        to: Kind::Closed,
        causes: FAULTS,
        effect: "what is owed is dropped",
        test: "a_reset_while_flushing_is_noticed",
    },
    Transition {
        from: Kind::Flushing,
        stimulus: "nothing happened for the idle or stall timeout",
        to: Kind::Closed,
        causes: &[Cause::Idle, Cause::Stalled],
        effect: "what is owed is dropped",
        test: "deadlines_end_a_connection_with_their_cause",
    },
    Transition {
        from: Kind::Flushing,
        stimulus: "it is the longest idle, and there is no room (`--over-limit evict`)",
        to: Kind::Closed,
        causes: &[Cause::Evicted],
        effect: "what is owed is dropped",
        test: "over_the_limit_evict_ends_the_longest_idle",
    },
    Transition {
        from: Kind::Flushing,
        stimulus: "drain deadline, or a second signal",
        to: Kind::Closed,
        causes: &[Cause::Cut],
        effect: "what is owed is dropped",
        test: "the_drain_deadline_cuts_who_is_owed",
    },
    Transition {
        from: Kind::Draining,
        stimulus: "three quarters of the drain timeout are over, and there is still input",
        to: Kind::Lingering,
        causes: &[Cause::Cut],
        effect: "FIN is sent; the rest of the input is thrown away",
        test: "a_peer_that_never_stops_sending_is_cut",
    },
    Transition {
        from: Kind::Draining,
        stimulus: "everything is written",
        to: Kind::Lingering,
        causes: &[Cause::Drained, Cause::Protocol],
        effect: "FIN is sent",
        test: "drain_answers_what_is_there_then_sends_fin",
    },
    Transition {
        from: Kind::Draining,
        stimulus: "the input, or its unfinished end, breaks the service's protocol",
        to: Kind::Draining,
        causes: &[Cause::Protocol],
        effect: "earlier replies are still written",
        test: "an_unfinished_record_while_draining_is_a_violation",
    },
    Transition {
        from: Kind::Draining,
        stimulus: "FIN, replies owed",
        to: Kind::Flushing,
        causes: &[],
        effect: "reading has ended, writing goes on",
        test: "fin_while_draining_still_flushes",
    },
    Transition {
        from: Kind::Draining,
        stimulus: "FIN, nothing owed",
        to: Kind::Closed,
        causes: &[Cause::Drained],
        effect: "closed",
        test: "fin_while_draining_ends_it",
    },
    Transition {
        from: Kind::Draining,
        stimulus: "a read, a write or `SO_ERROR` tells a fault",
        to: Kind::Closed,
        causes: FAULTS,
        effect: "what is owed is dropped",
        test: "the_first_fault_is_the_cause",
    },
    Transition {
        from: Kind::Draining,
        stimulus: "nothing happened for the idle, line or stall timeout",
        to: Kind::Closed,
        causes: &[Cause::Idle, Cause::LineTimeout, Cause::Stalled],
        effect: "what is owed is dropped",
        test: "deadlines_end_a_connection_with_their_cause",
    },
    Transition {
        from: Kind::Draining,
        stimulus: "it is the longest idle, and there is no room (`--over-limit evict`)",
        to: Kind::Closed,
        causes: &[Cause::Evicted],
        effect: "what is owed is dropped",
        test: "over_the_limit_evict_ends_the_longest_idle",
    },
    Transition {
        from: Kind::Draining,
        stimulus: "drain deadline, or a second signal",
        to: Kind::Closed,
        causes: &[Cause::Cut],
        effect: "what is owed is dropped",
        test: "the_drain_deadline_cuts_who_is_owed",
    },
    Transition {
        from: Kind::Lingering,
        stimulus: "FIN",
        to: Kind::Closed,
        causes: &[Cause::Drained, Cause::Protocol, Cause::Cut],
        effect: "closed: both sides have ended in order",
        test: "lingering_discards_until_fin",
    },
    Transition {
        from: Kind::Lingering,
        stimulus: "the linger or drain deadline",
        to: Kind::Closed,
        causes: &[Cause::Drained, Cause::Protocol, Cause::Cut],
        effect: "closed; all that was answered was written before our FIN",
        test: "lingering_ends_at_its_deadline",
    },
    Transition {
        from: Kind::Lingering,
        stimulus: "a read or `SO_ERROR` tells a fault",
        to: Kind::Closed,
        causes: FAULTS,
        effect: "closed: the replies in flight may be lost, and the cause says so",
        test: "a_reset_while_lingering_is_told",
    },
    Transition {
        from: Kind::Lingering,
        stimulus: "it is the longest idle, and there is no room (`--over-limit evict`)",
        to: Kind::Closed,
        causes: &[Cause::Evicted],
        effect: "closed",
        test: "over_the_limit_evict_ends_the_longest_idle",
    },
];

/// True if the table has a row from the phase `from` to the phase `to` with its cause.
pub(super) fn allowed(from: Phase, to: Phase) -> bool {
    TRANSITIONS.iter().any(|row| {
        row.from == from.kind()
            && row.to == to.kind()
            && match to {
                Phase::Open | Phase::Flushing => row.causes.is_empty(),
                Phase::Draining(cause) | Phase::Lingering(cause) | Phase::Closed(cause) => {
                    row.causes.contains(&cause)
                }
            }
    })
}
