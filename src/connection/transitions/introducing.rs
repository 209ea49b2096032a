//! Ways out of the phase in which a PROXY header is awaited.

use crate::cause::Cause;
use crate::connection::phase::Kind;
use crate::connection::transition::{FAULTS, Transition};

pub(super) const ROWS: &[Transition] = &[
    Transition {
        from: Kind::Introducing,
        stimulus: "part of a header",
        to: Kind::Introducing,
        causes: &[],
        effect: "kept",
        test: "every_split_of_a_header_names_the_client_and_loses_nothing",
    },
    Transition {
        from: Kind::Introducing,
        stimulus: "a whole header",
        to: Kind::Open,
        causes: &[],
        effect: "the peer is who it names; what follows it is input",
        test: "every_split_of_a_header_names_the_client_and_loses_nothing",
    },
    Transition {
        from: Kind::Introducing,
        stimulus: "the same, and a command answers (`--exec`)",
        to: Kind::Child,
        causes: &[],
        effect: "a child is started with it, and with all that is behind a header",
        test: "h11_a_child_knows_the_client_of_a_proxy_and_is_given_all_behind_the_header",
    },
    Transition {
        from: Kind::Introducing,
        stimulus: "none has to come, and it is none, or not whole at FIN, drain or its deadline",
        to: Kind::Open,
        causes: &[],
        effect: "all of it is input",
        test: "where_a_header_is_optional_anything_else_is_input",
    },
    Transition {
        from: Kind::Introducing,
        stimulus: "one has to come, and it is none",
        to: Kind::Draining,
        causes: &[Cause::Protocol],
        effect: "nothing of it is echoed",
        test: "where_a_header_is_required_anything_else_is_a_violation",
    },
    Transition {
        from: Kind::Introducing,
        stimulus: "one has to come, and has not when the daemon is asked to end",
        to: Kind::Draining,
        causes: &[Cause::Drained],
        effect: "a header that is there is read first, and what follows it answered",
        test: "a_drain_reads_a_header_that_is_there_and_awaits_none",
    },
    Transition {
        from: Kind::Introducing,
        stimulus: "FIN before the first byte",
        to: Kind::Closed,
        causes: &[Cause::Finished],
        effect: "closed: a health check",
        test: "who_says_nothing_and_goes_is_no_violation",
    },
    Transition {
        from: Kind::Introducing,
        stimulus: "one has to come, and FIN comes in the middle of it",
        to: Kind::Closed,
        causes: &[Cause::Protocol],
        effect: "closed",
        test: "where_a_header_is_required_anything_else_is_a_violation",
    },
    Transition {
        from: Kind::Introducing,
        stimulus: "one has to come, and was not whole within five seconds",
        to: Kind::Closed,
        causes: &[Cause::LineTimeout],
        effect: "closed",
        test: "a_header_that_does_not_come_ends_a_connection_only_where_it_has_to",
    },
    Transition {
        from: Kind::Introducing,
        stimulus: "nothing happened for the idle timeout, or it has to make room",
        to: Kind::Closed,
        causes: &[Cause::Idle, Cause::Evicted],
        effect: "closed",
        test: "who_is_not_introduced_can_be_idle_evicted_and_cut",
    },
    Transition {
        from: Kind::Introducing,
        stimulus: "a read or `SO_ERROR` tells a fault",
        to: Kind::Closed,
        causes: FAULTS,
        effect: "closed",
        test: "a_fault_before_the_introduction_is_the_cause",
    },
    Transition {
        from: Kind::Introducing,
        stimulus: "a second signal",
        to: Kind::Closed,
        causes: &[Cause::Cut],
        effect: "closed",
        test: "who_is_not_introduced_can_be_idle_evicted_and_cut",
    },
];
