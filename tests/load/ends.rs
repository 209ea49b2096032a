//! Exit statuses, and their messages.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Daemon, closed_port, command, eventually, finish, run};

#[test]
fn a_port_without_a_listener_is_refused() {
    let port = closed_port();
    let ran = run(port, &["-c", "3"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("no connection could be made"), "{}", ran.stderr);
    let last = format!("tcpecho-load: refused: no connection to 127.0.0.1:{port}\n");
    assert!(ran.stderr.ends_with(&last), "{}", ran.stderr);
    assert!(ran.stdout.contains("errors       connect: 3 refused\n"), "{}", ran.stdout);
}

#[test]
fn the_name_is_unknown() {
    let mut load = std::process::Command::new(crate::support::LOAD);
    let ran = finish(load.args(["name.invalid", "7"]));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.starts_with("tcpecho-load: unresolved: name.invalid: "), "{}", ran.stderr);
}

#[test]
fn an_invalid_command_line_is_a_usage_error() {
    let table: [(&[&str], &str); 19] = [
        (&["-n", "5", "--warmup", "1s"], "cannot be used with"),
        (&["-n", "5", "-d", "1s"], "cannot be used with"),
        (&["-n", "5", "--mode", "idle"], "--mode idle can't be used with"),
        (&["-r", "5", "--mode", "idle"], "--mode idle can't be used with"),
        (&["--verify-held", "5"], "only be used with --mode idle"),
        (&["--again", "5", "-c", "4", "--mode", "idle"], "there are 4 connections"),
        (&["-c", "0"], "at least 1 is needed"),
        (&["-c", "5m"], "at most 4m"),
        (&["-P", "2m"], "at most 1m"),
        (&["-P", "1m", "-c", "101"], "more than 100m lines in flight"),
        (&["-r", "0"], "a rate is from 0.001 lines a second to 1000m"),
        (&["-r", "1001m"], "a rate is from 0.001 lines a second to 1000m"),
        (&["-d", "18446744073709551615s"], "a duration is at most 100 years"),
        (&["-s", "9-8"], "from the shorter to the longer"),
        (&["-s", "0"], "from 1 byte"),
        (&["--mode", "ping"], "possible values: echo, stream, churn, idle, half-close, abort"),
        (&["--source", "nowhere"], "is no address"),
        (&["--fail-if", "p101>5ms"], "p101"),
        (&["--fail-if", "p99>5"], "5"),
    ];
    for (options, text) in table {
        let ran = run(7, options);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{options:?}");
        assert!(ran.stderr.contains(text), "{options:?}: {}", ran.stderr);
    }
    let ran = finish(&mut std::process::Command::new(crate::support::LOAD));
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

/// With the longest accepted times, a run starts, and Ctrl-C ends it.
#[test]
fn g01_the_longest_possible_run_starts() {
    let daemon = Daemon::start();
    let years = "100years";
    let options = ["-d", years, "--ramp", years, "--warmup", years, "--timeout", years, "-c", "1"];
    let child = command(daemon.port, &options).stderr(Stdio::piped()).stdout(Stdio::null()).spawn();
    let mut child = child.unwrap();
    let mut first = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("tcpecho-load: 1 s of 9467280000 s, "), "{first}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn g02_lines_with_no_warm_up_are_accepted() {
    let daemon = Daemon::start();
    let ran = run(daemon.port, &["-n", "50", "--warmup", "0s", "-q"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn fail_if_thresholds_decide_the_exit_status() {
    let daemon = Daemon::start();
    let port = daemon.port;
    assert_eq!(run(port, &["-n", "50", "--fail-if", "errors>0,p50>1m,lines<50"]).code, Some(0));
    let ran = run(port, &["-n", "50", "--fail-if", "errors>0", "--fail-if", "p99 >= 1us"]);
    assert_eq!(ran.code, Some(99));
    assert!(ran.stderr.contains("tcpecho-load: fail-if p99>=1us: it was "), "{}", ran.stderr);
    assert!(ran.stdout.contains("latency of 50 lines"), "the report is printed too");
    // A threshold on a value that was not measured can't pass.
    let abort = ["--mode", "abort", "-n", "50", "--fail-if", "p99>1s"];
    let ran = run(port, &abort);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.ends_with("p99>1s: that was not measured\n"), "{}", ran.stderr);
}

#[test]
fn ctrl_c_ends_the_run_with_its_report() {
    let daemon = Daemon::start();
    let mut load = command(daemon.port, &["-d", "10m", "--format", "json", "--warmup", "0s"]);
    let mut child = load.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // At first a progress line comes every second.
    let mut first = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("tcpecho-load: 1 s of 600 s, "), "{first}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["interrupted"], &report["errors"]), (&true.into(), &serde_json::json!({})));
    assert!(report["lines"].as_u64().unwrap() > 0 && report["duration_s"].as_f64().unwrap() >= 1.0);
    assert_eq!(daemon.counted("finished"), 50, "all connections ended in order");
}

/// Signals and times are real here; `src/load/engine/tests/stops.rs` covers every moment.
#[test]
fn g09_a_stopped_load_generator_reports_no_server_error() {
    let daemon = Daemon::with(&["--fault", "delay:100ms=100%"]);
    let options = ["-c", "20", "-d", "3s", "--warmup", "0s", "--timeout", "1s", "--format", "json"];
    let mut load = command(daemon.port, &options);
    let mut child = load.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    said.read_line(&mut String::new()).unwrap();
    let (pid, stopped) = (Pid::from_child(&child), Instant::now());
    kill_process(pid, Signal::STOP).unwrap();
    let stop = Duration::from_millis(1500);
    eventually("the timeout to pass", || (stopped.elapsed() > stop).then_some(()));
    kill_process(pid, Signal::CONT).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!((&report["errors"], &report["unanswered"]), (&serde_json::json!({}), &0.into()));
    assert!(report["paused_s"].as_f64().unwrap() > 1.0, "{report:#}");
}

#[test]
fn g08_a_run_without_its_server_ends_in_time_and_prints_its_waits() {
    let daemon = Daemon::start();
    let options = ["-r", "1k", "-d", "2s", "--warmup", "0s", "--timeout", "2s", "-c", "5"];
    let mut load = command(daemon.port, &options);
    let mut child = load.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    said.read_line(&mut text).unwrap();
    daemon.signal(Signal::KILL);
    let killed = Instant::now();
    said.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{text}");
    assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", killed.elapsed());
    assert!(text.contains(": 2 s of 2 s, waiting for "), "{text}");
    assert!(text.contains(" lines never answered, "), "{text}");
    for line in text.lines().filter_map(|line| line.split_once(" s of 2 s")) {
        let second: u32 = line.0.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(second <= 2, "{text}");
    }
}

#[test]
fn an_unwritable_report_is_an_error_before_the_run() {
    let ran = run(closed_port(), &["-o", "/nowhere/report"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("cannot write /nowhere/report"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("connect"), "{}", ran.stderr);
}

#[test]
fn a_report_without_a_reader_is_no_failure() {
    let daemon = Daemon::start();
    let mut load = command(daemon.port, &["-n", "50", "-q"]);
    let mut child = load.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
