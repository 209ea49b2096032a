//! Checks that nothing is lost: the reports of the load generators and the counts of the daemons
//! must match the scale, to the last line.

use std::process::ExitStatus;

use serde_json::Value;

use super::children::Load;
use super::process::{Counts, count};
use super::report;
use super::scale::Scale;

/// The load generator's default line length, in bytes.
const LINE_BYTES: u64 = 64;

/// The load generator's exit status after Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Lists the errors of the load generators, which have ended.
pub(crate) fn loads(loads: &mut [Load]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, load) in loads.iter_mut().enumerate() {
        let code = load.process.ended().and_then(|status| status.code());
        if code != Some(INTERRUPTED) {
            wrong.push(format!("load {number} ended with {code:?}: {}", load.process.last_words()));
        }
        match load.report() {
            Ok(report) => {
                let complaints = complaints(&report, load.connections);
                wrong.extend(complaints.map(|complaint| format!("load {number}: {complaint}")));
            }
            Err(error) => wrong.push(format!("load {number}, its report: {error}")),
        }
    }
    wrong
}

/// Checks that every connection was made at the first attempt, and that every line came back
/// intact.
pub(crate) fn complaints(report: &Value, connections: u64) -> impl Iterator<Item = String> {
    let again = Scale::again(connections);
    let lines = connections + again;
    let counted = [
        ("/connections/attempted", connections),
        ("/connections/established", connections),
        ("/connections/failed", 0),
        ("/lines_total", lines),
        ("/bytes_total", lines * LINE_BYTES),
        ("/held_verified", again),
        ("/mismatches", 0),
        ("/unanswered", 0),
    ];
    report::complaints(report, counted)
}

/// Lists the errors of the daemons, from their summed final counts and their exit statuses.
pub(crate) fn daemons(counts: &Counts, statuses: &[ExitStatus], scale: &Scale) -> Vec<String> {
    let (connections, lines) = (scale.connections, scale.lines());
    let due = [
        ("accepted", connections),
        ("closed", connections),
        ("finished", connections),
        ("lines", lines),
        ("bytes_in", lines * LINE_BYTES),
        ("bytes_out", lines * LINE_BYTES),
        ("open", 0),
        ("accept_pauses", 0),
        ("log_dropped", 0),
    ];
    let wrong = due.into_iter().filter_map(|(name, due)| {
        let found = count(counts, name);
        (found != due).then(|| format!("the daemons have {name}={found}, not {due}"))
    });
    let failed = statuses.iter().filter(|status| !status.success());
    wrong.chain(failed.map(|status| format!("a daemon ended with {status}"))).collect()
}
