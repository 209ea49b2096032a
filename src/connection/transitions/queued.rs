//! Before a connection is ours: out of the queue, or into a child's hands.

use crate::cause::Cause;
use crate::connection::phase::PhaseKind;
use crate::connection::transition::Transition;

pub(super) const ROWS: &[Transition] = &[
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` returns it",
        to: PhaseKind::Open,
        causes: &[],
        effect: "registered once, edge-triggered; counted as accepted",
        test: "open_answers_whole_lines",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` returns it, and a PROXY header may come, or has to",
        to: PhaseKind::ProxyHeader,
        causes: &[],
        effect: "likewise; it does not count for an address yet",
        test: "what_a_proxy_says_counts_for_the_limit",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` fails with ECONNABORTED or EPROTO",
        to: PhaseKind::Closed,
        causes: &[Cause::Aborted],
        effect: "counted, logged at debug; the listener goes on at once",
        test: "a_connection_that_dies_in_the_queue_is_aborted",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` returns it, but there is no room (`--over-limit refuse`)",
        to: PhaseKind::Closed,
        causes: &[Cause::Refused],
        effect: "closed at once",
        test: "over_the_limit_refuse_closes_at_once",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` returns it, but its peer may not connect, or has as many as it may",
        to: PhaseKind::Closed,
        causes: &[Cause::Refused],
        effect: "closed at once",
        test: "who_may_not_connect_is_closed_at_once",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` returns it, and a command answers (`--exec`)",
        to: PhaseKind::Child,
        causes: &[],
        effect: "a child is started with it; our copy is closed at once",
        test: "a_child_has_the_connection_and_the_reactor_does_not",
    },
    Transition {
        from: PhaseKind::Queued,
        stimulus: "`accept` returns it, but the command can't be started (`--exec`)",
        to: PhaseKind::Closed,
        causes: &[Cause::Exec],
        effect: "closed at once; a warning says why",
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
        stimulus: "the daemon is asked to end",
        to: PhaseKind::Child,
        causes: &[],
        effect: "SIGTERM; to who came from the queue, at three quarters of the drain time",
        test: "drain_asks_children_to_end_and_gives_the_queues_more_time",
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
