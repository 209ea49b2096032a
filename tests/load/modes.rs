//! Every mode against the real daemon; the report agrees with the daemon's counters.

use serde_json::{Value, json};

use crate::support::{Daemon, report, run};

/// Asserts that the report has no errors, and every connection that the daemon has accepted.
#[track_caller]
fn agree(report: &Value, daemon: &Daemon) {
    assert_eq!((&report["errors"], &report["mismatches"]), (&json!({}), &json!(0)), "{report:#}");
    assert_eq!((&report["unanswered"], &report["local_errors"]), (&json!(0), &json!({})));
    assert_eq!(report["connections"]["attempted"], report["connections"]["established"]);
    assert_eq!(report["connections"]["established"], daemon.counted("accepted"));
}

#[test]
fn echo_there_and_back() {
    let daemon = Daemon::start();
    let report = report(daemon.port, &["-n", "5k", "-s", "1-2000", "-P", "3"]);
    agree(&report, &daemon);
    assert_eq!((report["lines"].as_u64(), daemon.counted("lines")), (Some(5000), 5000));
    assert_eq!(report["bytes_total"], daemon.counted("bytes_in"));
    assert_eq!(daemon.counted("finished"), 50, "all ended in order");
    assert_eq!(report["latency_us"]["count"], 5000);
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let daemon = Daemon::start();
    let report = report(daemon.port, &["-r", "2k", "-n", "1k", "-c", "10"]);
    agree(&report, &daemon);
    assert_eq!((report["loop"].as_str(), report["lines"].as_u64()), (Some("open"), Some(1000)));
    // Half a second, or more on a busy machine; never less.
    assert!(report["duration_s"].as_f64().unwrap() > 0.499, "{report:#}");
}

#[test]
fn stream_mode_does_not_wait_for_echoes() {
    let daemon = Daemon::start();
    let report = report(daemon.port, &["--mode", "stream", "-n", "1k", "-s", "40k", "-c", "3"]);
    agree(&report, &daemon);
    assert_eq!(daemon.counted("bytes_out"), 1_000 * 40 * 1024);
    assert!(report["latency_us"]["count"].as_u64().unwrap() < 1000, "only some are timed");
}

#[test]
fn churn_connects_for_each_line() {
    for (close, cause) in [("fin", "finished"), ("rst", "reset")] {
        let daemon = Daemon::start();
        let options = ["--mode", "churn", "--close", close, "-n", "500", "-c", "7"];
        let report = report(daemon.port, &options);
        agree(&report, &daemon);
        assert_eq!((report["lines"].as_u64(), daemon.counted("lines")), (Some(500), 500));
        // Connections opened before the last line came back had nothing to send.
        assert!(daemon.counted(cause) >= 500, "{close}");
        assert_eq!(report["transactions_total"], 500);
    }
}

#[test]
fn idle_connections_echo_once_and_are_held() {
    let daemon = Daemon::start();
    let options = ["--mode", "idle", "-c", "600", "-d", "2s", "--warmup", "0s"];
    let report = report(daemon.port, &options);
    agree(&report, &daemon);
    assert_eq!((report["lines_total"].as_u64(), daemon.counted("lines")), (Some(600), 600));
    assert_eq!(daemon.counted("finished"), 600);
}

#[test]
fn idle_connections_are_held_verified() {
    let daemon = Daemon::start();
    let options =
        ["--mode", "idle", "-c", "60", "-d", "1s", "--warmup", "0s", "--verify-held", "7"];
    let report = report(daemon.port, &options);
    agree(&report, &daemon);
    assert_eq!((report["held_verified"].as_u64(), daemon.counted("lines")), (Some(7), 67));
    assert_eq!((report["lines_total"].as_u64(), daemon.counted("finished")), (Some(67), 60));
    assert_eq!(report["settings"]["verify_held"], 7);
}

#[test]
fn a_half_close_gets_everything_back() {
    let daemon = Daemon::start();
    let options = ["--mode", "half-close", "-P", "200", "-s", "1-3k", "-d", "1s", "--warmup", "0s"];
    let report = report(daemon.port, &options);
    agree(&report, &daemon);
    let transactions = report["transactions_total"].as_u64().unwrap();
    // Connections in progress at the end may have sent fewer lines.
    assert!(transactions > 0, "{report:#}");
    assert!(report["lines_total"].as_u64() >= Some(transactions * 200), "{report:#}");
    assert_eq!(report["lines_total"].as_u64(), Some(daemon.counted("lines")));
    assert_eq!(report["bytes_total"], daemon.counted("bytes_in"));
}

#[test]
fn aborts_are_resets_and_no_errors() {
    let daemon = Daemon::start();
    let options = ["--mode", "abort", "-P", "50", "-s", "1k", "-n", "10k"];
    let report = report(daemon.port, &options);
    agree(&report, &daemon);
    let aborted = report["transactions_total"].as_u64().unwrap();
    assert!(aborted >= 200, "{aborted}");
    // Some connections were over before the daemon read anything.
    let resets = daemon.counted("reset") + daemon.counted("broken-pipe");
    assert!(resets >= aborted, "{resets} of {aborted}");
    assert_eq!(daemon.counted("finished"), 0);
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs all of 127.0.0.0/8")]
fn lines_come_from_every_source() {
    let daemon = Daemon::start();
    let options =
        ["-n", "100", "-c", "9", "--source", "127.0.0.2-127.0.0.4", "--source", "127.0.0.9"];
    let report = report(daemon.port, &options);
    agree(&report, &daemon);
    assert_eq!(report["settings"]["sources"].as_array().unwrap().len(), 4);
}

#[test]
fn a_proxy_header_changes_no_result() {
    let daemon = Daemon::with(&["--proxy-protocol", "require"]);
    for version in ["v1", "v2"] {
        for mode in ["echo", "churn", "half-close"] {
            let options = ["--send-proxy", version, "--mode", mode, "-n", "300", "-c", "7"];
            let report = report(daemon.port, &options);
            assert_eq!((&report["errors"], &report["mismatches"]), (&json!({}), &json!(0)));
            assert_eq!(
                (&report["lines_total"], &report["bytes_total"]),
                (&300.into(), &(300 * 64).into())
            );
        }
    }
    assert_eq!((daemon.counted("lines"), daemon.counted("protocol")), (1800, 0));
    assert_eq!(daemon.counted("bytes_in"), 1800 * 64, "headers are not counted");
}

#[test]
fn g11_with_skip_greeting_a_greeting_server_is_loaded_like_any_other() {
    let daemon = Daemon::with(&["--banner", "{host} greets {peer}"]);
    for mode in ["echo", "churn", "half-close"] {
        let options = ["--skip-greeting", "--mode", mode, "-n", "300", "-c", "7"];
        let report = report(daemon.port, &options);
        assert_eq!(
            (&report["errors"], &report["lines_total"]),
            (&json!({}), &json!(300)),
            "{mode}"
        );
        assert_eq!(report["greeting"], json!(null), "{mode}");
    }
    let ran = run(daemon.port, &["-d", "300ms", "--warmup", "0s", "-q"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for said in [&ran.stdout, &ran.stderr] {
        assert_eq!(said.matches("the server speaks first").count(), 1, "{said}");
        assert!(said.contains("--skip-greeting"), "{said}");
    }
    assert!(ran.stdout.matches("expected 0x").count() <= 1, "{}", ran.stdout);
}
