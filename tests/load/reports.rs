//! Formats and files of the report.

use std::fs;

use serde_json::Value;

use crate::support::{Daemon, command, finish, report, run};

/// The members that scripts may rely on (`docs/load-report.schema.json` lists all).
#[test]
fn the_json_report_has_the_promised_members() {
    let daemon = Daemon::start();
    let report = report(daemon.port, &["-n", "100", "-c", "2", "--seed", "7"]);
    let numbers = ["lines", "lines_per_s", "bytes", "duration_s", "mismatches"];
    assert!(numbers.iter().all(|name| report[name].is_number()), "{report:#}");
    for times in ["latency_us", "connect_us"] {
        let shares = ["p50", "p90", "p99", "p999", "max", "mean"];
        assert!(shares.iter().all(|share| report[times][share].is_number()), "{report:#}");
    }
    assert_eq!(report["mode"], "echo");
    assert!(report["errors"].is_object() && report["interrupted"].is_boolean());
    assert_eq!(report["settings"]["seed"], 7);
    let connections = &report["connections"];
    assert_eq!((&connections["established"], &connections["failed"]), (&2.into(), &0.into()));
}

#[test]
fn the_report_and_its_pictures_go_into_files() {
    let daemon = Daemon::start();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let files = ["report.json", "latency.hgrm", "plot.svg"].map(path);
    let options = ["-n", "1k", "--format", "json", "-o", &files[0], "--hdr", &files[1]];
    let ran = run(daemon.port, &[&options[..], &["--plot", &files[2]]].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    let report: Value = serde_json::from_str(&fs::read_to_string(&files[0]).unwrap()).unwrap();
    assert_eq!(report["lines"], 1000);
    let distribution = fs::read_to_string(&files[1]).unwrap();
    let total = |line: &str| line.split_whitespace().nth(2)?.parse::<u64>().ok();
    assert_eq!(distribution.lines().filter_map(total).max(), Some(1000), "{distribution}");
    let plot = fs::read_to_string(&files[2]).unwrap();
    assert!(plot.starts_with("<svg") && plot.contains("99.9 %"), "{plot}");
}

#[test]
fn two_reports_are_compared_with_ratios() {
    let daemon = Daemon::start();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (a, b) = (path("a.json"), path("b.json"));
    for (file, lines) in [(&a, "100"), (&b, "300")] {
        run(daemon.port, &["-n", lines, "-c", "5", "--format", "json", "-o", file]);
    }
    let compare = |a: &str, b: &str| {
        let mut load = std::process::Command::new(crate::support::LOAD);
        finish(load.args(["compare", a, b]))
    };
    let ran = compare(&a, &b);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("p99") && ran.stdout.contains("warning"), "{}", ran.stdout);
    let ran = compare(&a, &path("missing.json"));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("missing.json"), "{}", ran.stderr);
}

#[test]
fn variables_set_options_and_the_command_line_wins() {
    let daemon = Daemon::start();
    let mut load = command(daemon.port, &["--format", "json", "-c", "3"]);
    load.env("TCPECHO_LOAD_LINES", "77").env("TCPECHO_LOAD_CONNECTIONS", "9");
    let report = finish(&mut load).report();
    assert_eq!((&report["lines"], &report["settings"]["connections"]), (&77.into(), &3.into()));
}

#[test]
fn the_text_report_has_the_expected_lines() {
    let daemon = Daemon::start();
    let ran = run(daemon.port, &["-n", "500", "-c", "5", "-q"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let first = format!("127.0.0.1:{}, mode echo, closed loop, 5 connections\n", daemon.port);
    assert!(ran.stdout.starts_with(&first), "{}", ran.stdout);
    for text in ["connections  5 attempted, 5 established, 0 failed", "errors       none", "p99.9"]
    {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
    }
}
