//! Ways out of the phase in which requests are answered.

use crate::cause::Cause;
use crate::connection::phase::PhaseKind;
use crate::connection::transition::{ERRNO_CAUSES, Transition};

pub(super) const ROWS: &[Transition] = &[
    Transition {
        from: PhaseKind::Open,
        stimulus: "whole requests",
        to: PhaseKind::Open,
        causes: &[],
        effect: "answered; an unfinished one is kept",
        test: "open_answers_whole_lines",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "FIN, nothing owed",
        to: PhaseKind::Closed,
        causes: &[Cause::Finished],
        effect: "an unfinished line is answered first",
        test: "fin_with_nothing_owed_finishes",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "FIN, replies owed",
        to: PhaseKind::Flushing,
        causes: &[],
        effect: "reading has ended, writing goes on",
        test: "fin_with_replies_owed_flushes",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "the daemon is asked to end",
        to: PhaseKind::Draining,
        causes: &[Cause::Drained],
        effect: "input that is there is still answered",
        test: "drain_answers_what_is_there_then_sends_fin",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "the client that its PROXY header named has as many connections as it may",
        to: PhaseKind::Closed,
        causes: &[Cause::Refused],
        effect: "closed at once; nothing was echoed yet",
        test: "what_a_proxy_says_counts_for_the_limit",
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
        stimulus: "nothing happened for the idle timeout",
        to: PhaseKind::Closed,
        causes: &[Cause::Idle],
        effect: "closed; by RST in a line begun",
        test: "deadlines_end_a_connection_with_their_cause",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "a line was not finished within the line timeout",
        to: PhaseKind::Closed,
        causes: &[Cause::LineTimeout],
        effect: "closed by RST; the line is dropped",
        test: "deadlines_end_a_connection_with_their_cause",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "the peer took nothing of what is owed for the stall timeout",
        to: PhaseKind::Closed,
        causes: &[Cause::Stalled],
        effect: "closed; what is owed is dropped, and RST says so",
        test: "deadlines_end_a_connection_with_their_cause",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "it is the longest idle, and there is no room (`--over-limit evict`)",
        to: PhaseKind::Closed,
        causes: &[Cause::Evicted],
        effect: "closed; by RST in a line begun",
        test: "over_the_limit_evict_ends_the_longest_idle",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "a read, a write or `SO_ERROR` tells a fault",
        to: PhaseKind::Closed,
        causes: ERRNO_CAUSES,
        effect: "what is owed is dropped, and RST says so",
        test: "the_first_fault_is_the_cause",
    },
    Transition {
        from: PhaseKind::Open,
        stimulus: "drain deadline, or a second signal",
        to: PhaseKind::Closed,
        causes: &[Cause::Cut],
        effect: "what is owed is dropped, and RST says so",
        test: "the_drain_deadline_cuts_who_is_owed",
    },
];
