//! The errors of a run as text: failed connections, wrong bytes, unanswered lines, and resources
//! that this machine lacked.

use std::collections::BTreeMap;

use super::format::row;
use super::{Mismatch, Report, format};

/// Resources that this machine may lack, by errno, and the remedy.
const HINTS: [(&str, &str); 6] = [
    ("EADDRINUSE", "a port of --source is in use: give more ports, or others"),
    ("EADDRNOTAVAIL", "no free port: more source addresses with --source, or --close rst"),
    ("EMFILE", "no free descriptor: raise ulimit -n, or use fewer --connections"),
    ("ENFILE", "no free descriptor in the whole system: raise fs.file-max with sysctl"),
    ("ENOBUFS", "no room for buffers: use fewer --connections, or raise net.ipv4.tcp_mem"),
    ("ENOMEM", "no memory: use fewer --connections or shorter lines, or give the machine more"),
];

/// Returns the remedy for a lack of local resources, by errno; none if it is not known.
pub fn hint(errno: &str) -> Option<&'static str> {
    HINTS.iter().find(|(name, _)| *name == errno).map(|(_, hint)| *hint)
}

/// Formats one row per kind of error, and `none` for a kind without errors, so that every kind
/// shows.
pub(super) fn error_rows(report: &Report) -> Vec<String> {
    let mut rows = errors(&report.errors_by_phase);
    rows.extend(mismatches(report));
    rows.push(row("unanswered", &unanswered(report)));
    for (errno, times) in &report.local_errors {
        rows.push(row("local error", &format!("{errno}, {}", format::counted(*times, "time"))));
        rows.extend(hint(errno).map(|hint| row("", hint)));
    }
    rows
}

/// Formats a row for each phase.
fn errors(by_phase: &BTreeMap<String, BTreeMap<String, u64>>) -> Vec<String> {
    let rows: Vec<_> = by_phase
        .iter()
        .filter(|(_, words)| !words.is_empty())
        .map(|(phase, words)| {
            let counted =
                words.iter().map(|(word, many)| format!("{} {word}", format::count(*many)));
            row("errors", &format!("{phase}: {}", counted.collect::<Vec<_>>().join(", ")))
        })
        .collect();
    if rows.is_empty() { vec![row("errors", "none")] } else { rows }
}

/// Formats the number of connections with wrong bytes, and the first of them byte by byte.
fn mismatches(report: &Report) -> Vec<String> {
    let mut rows = vec![row("mismatches", &none_or(report.mismatches, "connection"))];
    rows.extend(report.first_mismatches.iter().map(|one| {
        let Mismatch { connection, local, offset, expected, got } = one;
        let expected = expected.map_or_else(|| "nothing".to_owned(), |byte| format!("{byte:#04x}"));
        let place = format!("connection {connection} ({local}), byte {offset}");
        row("", &format!("{place}: expected {expected}, got {got:#04x}"))
    }));
    rows.extend(report.greeting.as_deref().map(|greeting| row("", &speaks_first(greeting))));
    rows
}

/// Explains input that came in place of the first echo.
pub(in crate::load) fn speaks_first(greeting: &str) -> String {
    format!(
        "the server speaks first, or is no echo server: \"{greeting}\" came before any echo; \
         --skip-greeting skips a greeting"
    )
}

/// Formats the number of unanswered lines, and their share of all.
fn unanswered(report: &Report) -> String {
    let lost = report.unanswered;
    if lost == 0 {
        return none_or(lost, "line");
    }
    let part = format::percent(lost, report.lines_asked());
    let unsent = match report.unsent {
        0 => String::new(),
        unsent => format!("; {} of them were never sent", format::count(unsent)),
    };
    format!("{}, {part} of all{unsent}", format::counted(lost, "line"))
}

fn none_or(many: u64, what: &str) -> String {
    if many == 0 { "none".to_owned() } else { format::counted(many, what) }
}

#[cfg(test)]
mod tests {
    use crate::load::report::sample;

    use super::*;

    #[test]
    fn no_errors_are_shown_as_none() {
        let report = Report {
            errors_by_phase: BTreeMap::from([("read".to_owned(), BTreeMap::new())]),
            mismatches: 0,
            first_mismatches: Vec::new(),
            unanswered: 0,
            local_errors: BTreeMap::new(),
            ..sample::report()
        };
        let expected = ["errors       none", "mismatches   none", "unanswered   none"];
        assert_eq!(error_rows(&report), expected);
    }

    #[test]
    fn errors_are_shown_by_phase_and_word() {
        let report = sample::report();
        assert_eq!(
            errors(&report.errors_by_phase),
            ["errors       connect: 2 refused", "errors       read: 4 reset, 1 timed-out"]
        );
    }

    #[test]
    fn a_mismatch_names_the_connection_the_place_and_both_bytes() {
        assert_eq!(
            mismatches(&sample::report()),
            [
                "mismatches   1 connection",
                "             connection 17 (127.0.0.1:40112), byte 4096: expected 0x61, got 0x62",
            ]
        );
        let rows = mismatches(&sample::nothing());
        assert!(rows[1].ends_with("([::1]:40113), byte 0: expected nothing, got 0x0a"), "{rows:?}");
    }

    #[test]
    fn g11_a_greeting_is_shown_once_with_its_remedy() {
        let greeting = Some("220 mail\\r\\n".to_owned());
        let rows = mismatches(&Report { greeting, mismatches: 50, ..sample::report() });
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert_eq!(
            rows[2].trim_start(),
            "the server speaks first, or is no echo server: \"220 mail\\r\\n\" came before any \
             echo; --skip-greeting skips a greeting"
        );
    }

    #[test]
    fn every_local_error_has_its_hint_and_an_unknown_one_is_listed_too() {
        let names = HINTS.map(|(name, _)| (name, 1)).into_iter().chain([("EPERM", 2)]);
        let shortages = sample::counts(&names.collect::<Vec<_>>());
        let rows = error_rows(&Report { local_errors: shortages, ..sample::report() });
        for (name, hint) in HINTS {
            let expected = [format!("local error  {name}, 1 time"), row("", hint)];
            assert!(rows.windows(2).any(|pair| pair == expected), "{rows:#?}");
        }
        assert_eq!(rows.last().unwrap(), "local error  EPERM, 2 times");
    }
}
