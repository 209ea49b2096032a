//! Transitions before a connection is ours: out of the accept queue, or to a child.

use super::row::Transition;
use crate::cause::Cause;
use crate::connection::phase::PhaseKind;

pub(super) const ROWS: &[Transition] = &[
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` returns the connection",
        to: PhaseKind::Open,
        causes: &[],
        effect: "registered once, edge-triggered; counted as accepted",
        test: "open_answers_whole_lines",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` returns the connection, with `--proxy-protocol`",
        to: PhaseKind::ProxyHeader,
        causes: &[],
        effect: "as above; not counted for an address yet",
        test: "the_client_of_a_proxy_header_counts_for_the_limit",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` fails with ECONNABORTED or EPROTO",
        to: PhaseKind::Closed,
        causes: &[Cause::Aborted],
        effect: "counted, logged at debug; the next `accept` follows at once",
        test: "a_connection_that_dies_in_the_queue_is_aborted",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` returns the connection at the limit (`--over-limit refuse`)",
        to: PhaseKind::Closed,
        causes: &[Cause::Refused],
        effect: "closed at once",
        test: "over_the_limit_refuse_closes_at_once",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` returns the connection of a peer that is denied or at its limit",
        to: PhaseKind::Closed,
        causes: &[Cause::Refused],
        effect: "closed at once",
        test: "a_denied_peer_is_closed_at_once",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` returns the connection, with `--exec`",
        to: PhaseKind::Child,
        causes: &[],
        effect: "a child is started with the socket; our copy is closed at once",
        test: "a_child_has_the_connection_and_the_reactor_does_not",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "the command can't be started (`--exec`)",
        to: PhaseKind::Closed,
        causes: &[Cause::Exec],
        effect: "closed at once; a warning gives the error",
        test: "a_command_that_cannot_be_started_refuses_and_warns",
    },
    Transition {
        from: PhaseKind::Child,
        stimulus: "the child ends",
        to: PhaseKind::Closed,
        causes: &[Cause::Exec],
        effect: "reaped; the closing line has its exit status or signal",
        test: "one_signal_reaps_every_child_that_has_ended",
    },
    Transition {
        from: PhaseKind::Child,
        stimulus: "the daemon begins to drain",
        to: PhaseKind::Child,
        causes: &[],
        effect: "SIGTERM at the end of the grace; at 3/4 of the time if started since the signal",
        test: "drain_terminates_children_and_gives_those_from_the_queues_more_time",
    },
    Transition {
        from: PhaseKind::Child,
        stimulus: "drain deadline, or a second signal",
        to: PhaseKind::Closed,
        causes: &[Cause::Cut],
        effect: "SIGKILL",
        test: "the_drain_deadline_kills_children",
    },
];
