//! Fault injection in the daemon (`--fault`), as client and load generator report it.

use std::io::Write;
use std::process::{Command, Stdio};

use super::support::{Builder, Daemon, Ended};

fn misbehaving(fault: &str) -> Daemon {
    Builder::new(&["--fault", fault]).start()
}

/// Sends a line with the client; returns its exit status, failure word, and standard output.
fn client(daemon: &Daemon, options: &[&str]) -> (Option<i32>, String, String) {
    let address = daemon.address();
    let mut client = Command::new(env!("CARGO_BIN_EXE_tcpecho"))
        .args(options)
        .args([address.ip().to_string(), address.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The client may have ended before it reads.
    client.stdin.take().unwrap().write_all(b"a line\n").ok();
    let output = client.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let word = stderr.split(": ").nth(1).unwrap_or_default().to_owned();
    (output.status.code(), word, String::from_utf8(output.stdout).unwrap())
}

/// The load generator's report.
fn load(daemon: &Daemon, options: &[&str]) -> serde_json::Value {
    let address = daemon.address();
    let output = Command::new(env!("CARGO_BIN_EXE_tcpecho-load"))
        .args([address.ip().to_string(), address.port().to_string()])
        .args(["-q", "--format", "json", "-c", "4"])
        .args(options)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

const CHURN: [&str; 6] = ["--mode", "churn", "-n", "40", "--timeout", "500ms"];

#[track_caller]
fn assert_only(report: &serde_json::Value, word: &str) {
    let errors = report["errors"].as_object().unwrap();
    assert!(errors.keys().eq([word]), "{word}: {errors:?}");
    assert_eq!(report["mismatches"], 0);
}

#[test]
fn b01_a_reset_is_a_reset() {
    let daemon = misbehaving("reset=100%");
    assert_eq!(client(&daemon, &[]), (Some(4), "reset".to_owned(), String::new()));
    assert_only(&load(&daemon, &CHURN), "reset");
    let status = daemon.wait_for_status("all are closed", |status| status.alive() == 0);
    assert!(status.count("fault_reset") > 0, "{status:?}");
    assert!(status.count("aborted") >= 5, "{status:?}");
    assert!(daemon.log().contains("fault injection enabled: reset=100%, seed 1"));
}

#[test]
fn b02_an_early_close_is_a_termination() {
    let daemon = misbehaving("close=100%");
    assert_eq!(client(&daemon, &[]), (Some(3), "terminated".to_owned(), String::new()));
    assert_only(&load(&daemon, &CHURN), "terminated");
}

#[test]
fn b03_a_stall_is_a_timeout() {
    let daemon = misbehaving("stall=100%");
    let said = client(&daemon, &["--timeout", "200ms"]);
    assert_eq!(said, (Some(6), "timed-out".to_owned(), String::new()));
    assert_only(
        &load(&daemon, &["-d", "600ms", "--warmup", "0s", "--timeout", "300ms"]),
        "timed-out",
    );
}

#[test]
fn b04_a_delay_is_late_and_whole() {
    let daemon = misbehaving("delay:300ms=100%");
    let start = std::time::Instant::now();
    assert_eq!(client(&daemon, &[]), (Some(0), String::new(), "a line\n".to_owned()));
    assert!(start.elapsed() >= std::time::Duration::from_millis(300));
    let said = client(&daemon, &["--timeout", "50ms"]);
    assert_eq!(said.1, "timed-out");
    let report = load(&daemon, &["-n", "8", "--timeout", "30s"]);
    assert!(report["latency_us"]["p50"].as_f64().unwrap() >= 290_000.0, "{report:#}");
    assert_eq!(report["errors"], serde_json::json!({}));
}

#[test]
fn b05_slices_are_the_same_bytes() {
    let daemon = misbehaving("slice=100%");
    assert_eq!(client(&daemon, &[]), (Some(0), String::new(), "a line\n".to_owned()));
    let report = load(&daemon, &["-n", "200", "-s", "1-5000", "-P", "3", "--timeout", "30s"]);
    assert_eq!((&report["errors"], &report["mismatches"]), (&serde_json::json!({}), &0.into()));
    assert_eq!(report["lines"], 200);
    daemon.epilogue();
}

#[test]
fn b06_a_refused_connection_is_terminated() {
    let daemon = misbehaving("refuse=100%");
    let (code, word, _) = client(&daemon, &[]);
    // The line may be in flight when the daemon closes, which then answers it with a reset.
    let expected = [(Some(3), "terminated"), (Some(4), "reset"), (Some(5), "broken-pipe")];
    assert!(expected.contains(&(code, word.as_str())), "{code:?} {word}");
    let status = daemon.wait_for_status("refused", |status| status.count("refused") > 0);
    assert_eq!(status.count("fault_refuse"), status.count("refused"), "{status:?}");
}

#[test]
fn b07_a_fault_affects_its_share_and_the_other_connections_are_served() {
    let daemon = misbehaving("reset=30%,slice=50%");
    let report = load(&daemon, &["--mode", "churn", "-n", "300"]);
    let resets = report["errors"]["reset"].as_u64().unwrap();
    assert!((30..=300).contains(&resets), "{report:#}");
    let lines = report["lines"].as_u64().unwrap();
    assert!(lines > 0 && lines + resets >= 300, "each is echoed or reset: {report:#}");
    assert_eq!(report["mismatches"], 0);
    let status = daemon.wait_for_status("all are closed", |status| status.alive() == 0);
    assert_eq!(status.count("fault_reset"), status.count("aborted"), "{status:?}");
    status.assert_balanced();
}

#[test]
fn b08_a_banner_precedes_the_echo() {
    let template = "{peer} at {host} by {pid} in {env:ZONE}";
    let daemon = Builder::new(&["--banner", template]).env("ZONE", "north").start();
    let mut peer = daemon.connect();
    let host = rustix::system::uname().nodename().to_str().unwrap().to_owned();
    let greeting = format!("{} at {host} by {} in north\n", peer.address(), daemon.process());
    peer.exchange(b"", greeting.as_bytes());
    peer.echo(b"and now\n");
    let said = client(&daemon, &[]);
    assert_eq!(said.0, Some(0), "{said:?}");
    assert!(said.2.ends_with("a line\n"), "{said:?}");
}

#[test]
fn b09_an_invalid_fault_or_banner_is_a_usage_error() {
    let usage = |arguments: &[&str]| -> Ended { Builder::new(arguments).run_to_end() };
    for arguments in [["--fault", "explode=1%"], ["--fault", "reset"], ["--banner", "{user}"]] {
        let ended = usage(&arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(arguments[0]), "{ended:?}");
    }
    for check in [&[][..], &["--check"]] {
        let ended = usage(&[&["--banner", "{env:NO_SUCH_ZONE}"], check].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("variable NO_SUCH_ZONE is not set"), "{ended:?}");
    }
}
