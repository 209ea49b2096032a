//! Checks that `verify` finds errors.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde_json::{Value, json};

use super::process::Counts;
use super::scale::Scale;
use super::verify::{complaints, daemons};

#[test]
fn a_report_that_is_off_by_one_line_is_rejected() {
    let good = json!({
        "connections": {"attempted": 200, "established": 200, "failed": 0},
        "lines_total": 202, "bytes_total": 202 * 64, "held_verified": 2,
        "mismatches": 0, "unanswered": 0, "errors": {}, "local_errors": {},
    });
    assert_eq!(complaints(&good, 200).count(), 0);
    for (place, spoilt) in [
        ("/connections/attempted", json!(201)),
        ("/lines_total", json!(201)),
        ("/mismatches", json!(1)),
        ("/errors", json!({"reset": 1})),
        ("/local_errors", Value::Null),
    ] {
        let mut report = good.clone();
        *report.pointer_mut(place).unwrap() = spoilt;
        let wrong: Vec<_> = complaints(&report, 200).collect();
        assert!(wrong.len() == 1 && wrong[0].starts_with(place), "{wrong:?}");
    }
}

#[test]
fn daemon_counts_that_are_off_by_one_are_rejected() {
    let scale = Scale::of(200, 20_000, 28_232).unwrap();
    let names = ["accepted", "closed", "finished", "lines", "bytes_in", "bytes_out"];
    let good = [200, 200, 200, 202, 202 * 64, 202 * 64];
    let good: Counts = names.iter().map(|name| (*name).to_owned()).zip(good).collect();
    let ended = [ExitStatus::from_raw(0)];
    assert_eq!(daemons(&good, &ended, &scale), [""; 0]);
    assert_eq!(daemons(&good, &[ExitStatus::from_raw(256)], &scale).len(), 1);
    for name in names {
        let mut counts = good.clone();
        counts.entry(name.to_owned()).and_modify(|count| *count -= 1);
        assert_eq!(daemons(&counts, &ended, &scale).len(), 1, "{name}");
    }
}
