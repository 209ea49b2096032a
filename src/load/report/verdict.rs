//! The verdict on a run: one line, which depends on the mode.

use super::{Report, format};

/// Describes losses and failures in one line; none if there are none.
pub(in crate::load) fn lost_or_failed(report: &Report) -> Option<String> {
    let parts: Vec<_> =
        [connections(report), lines(report), missing(report)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Formats the verdict: whether the run passed, and the result of its mode.
pub(super) fn verdict(report: &Report) -> String {
    let so_far = if report.interrupted { " until it was interrupted" } else { "" };
    match lost_or_failed(report) {
        Some(wrong) => format!("lost or failed{so_far}: {wrong}"),
        None if report.lines_total == 0 && report.transactions_total == 0 => {
            format!("nothing was shown{so_far}: no line came back")
        }
        None => format!("passed{so_far}: {}", shown(report)),
    }
}

/// Describes the result of a run without losses, by mode.
fn shown(report: &Report) -> String {
    let lines = format::counted(report.lines_total, "line");
    let transactions = format::counted(report.transactions_total, "transaction");
    let held = format::counted(report.connections.established, "connection");
    match report.mode.as_str() {
        "churn" => format!("{transactions}, each with a connection of its own, {lines} back whole"),
        "half-close" => {
            format!("{transactions}: after our FIN all {lines} came back, then the server's FIN")
        }
        "abort" => format!("{transactions} reset by us as planned; the server ended none of them"),
        "idle" if report.held_verified > 0 => format!(
            "{held} held to the end after an echo, and {} of them echoed again",
            format::count(report.held_verified)
        ),
        "idle" => format!("{held} held to the end after an echo; the server ended none of them"),
        _ => format!("{lines} back, every byte right"),
    }
}

/// Describes failed connections, with their error words.
fn connections(report: &Report) -> Option<String> {
    let failed = report.connections.failed;
    let words = report.errors.iter();
    let words: Vec<_> =
        words.map(|(word, many)| format!("{} {word}", format::count(*many))).collect();
    (failed > 0).then(|| {
        format!(
            "{} of {} failed ({})",
            format::count(failed),
            format::counted(report.connections.attempted, "connection"),
            words.join(", ")
        )
    })
}

/// Describes lines that never came back.
fn lines(report: &Report) -> Option<String> {
    let lost = report.unanswered;
    let unsent = match report.unsent {
        0 => String::new(),
        unsent => format!(", {} of them never sent", format::count(unsent)),
    };
    (lost > 0).then(|| {
        format!(
            "{} of {} never answered{unsent}",
            format::count(lost),
            format::counted(report.lines_asked(), "line")
        )
    })
}

/// Describes connections that this machine could not make, if there were fewer than configured.
fn missing(report: &Report) -> Option<String> {
    let (made, wanted) = (report.connections.established, report.settings.connections);
    let errnos: Vec<_> = report.local_errors.keys().map(String::as_str).collect();
    (made < wanted && !errnos.is_empty()).then(|| {
        format!(
            "only {} of {} could be made on this machine ({})",
            format::count(made),
            format::counted(wanted, "connection"),
            errnos.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::load::report::{Connections, sample};

    use super::*;

    fn clean(mode: &str) -> Report {
        Report {
            mode: mode.to_owned(),
            connections: Connections { attempted: 50, established: 50, failed: 0 },
            errors: BTreeMap::new(),
            local_errors: BTreeMap::new(),
            unanswered: 0,
            mismatches: 0,
            transactions_total: 1200,
            ..sample::report()
        }
    }

    #[test]
    fn g04_every_mode_says_whether_it_went_well() {
        let table = [
            ("echo", "passed: 563,210 lines back, every byte right"),
            ("stream", "passed: 563,210 lines back, every byte right"),
            (
                "churn",
                "passed: 1,200 transactions, each with a connection of its own, 563,210 lines back \
                 whole",
            ),
            (
                "half-close",
                "passed: 1,200 transactions: after our FIN all 563,210 lines came back, then the \
                 server's FIN",
            ),
            (
                "abort",
                "passed: 1,200 transactions reset by us as planned; the server ended none of them",
            ),
            (
                "idle",
                "passed: 50 connections held to the end after an echo; the server ended none of \
                 them",
            ),
        ];
        for (mode, said) in table {
            assert_eq!(verdict(&clean(mode)), said);
            let bad = Report { mode: mode.to_owned(), ..sample::report() };
            assert!(verdict(&bad).starts_with("lost or failed: 7 of 50 connections"), "{mode}");
        }
        let again = Report { held_verified: 7, ..clean("idle") };
        assert!(verdict(&again).ends_with("after an echo, and 7 of them echoed again"));
        let ended = Report { interrupted: true, ..clean("echo") };
        assert!(verdict(&ended).starts_with("passed until it was interrupted: 563,210 lines"));
        let silent = Report { lines_total: 0, transactions_total: 0, ..clean("echo") };
        assert!(verdict(&silent).starts_with("nothing was shown: no line"));
    }

    #[test]
    fn losses_and_failures_are_one_line() {
        assert_eq!(lost_or_failed(&clean("echo")), None);
        assert_eq!(
            lost_or_failed(&Report { unsent: 2, ..sample::report() }).unwrap(),
            "7 of 50 connections failed (2 refused, 4 reset, 1 timed-out); 5 of 563,215 lines \
             never answered, 2 of them never sent; only 48 of 50 connections could be made on this \
             machine (EADDRNOTAVAIL)"
        );
    }
}
