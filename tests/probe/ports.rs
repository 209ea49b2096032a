//! `ports`: the ports that fail are those that the kernel routes over the broken path.

use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};

use crate::daemon::probe;
use crate::tools::have;
use crate::{DAEMON, PROBE};

/// Probes over that many paths. Returns the exit status, the bad path's ports, and the summary.
fn ran(paths: &str) -> (String, Vec<Value>, Value) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/probe/ports.sh");
    let output =
        Command::new("unshare").args(["-rnm", script, paths, DAEMON, PROBE]).output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let [status, bad, summary] = text.lines().collect::<Vec<_>>()[..] else { panic!("{output:?}") };
    let bad = bad.split(' ').skip(1).map(|port| json!(port.parse::<u16>().unwrap()));
    let summary: Value = serde_json::from_str(summary).unwrap();
    (status.to_owned(), bad.collect(), summary["summary"].clone())
}

#[test]
fn the_ports_of_a_broken_path_fail_and_no_others() {
    if !have(&["unshare", "ip", "ss", "bash"]) {
        return;
    }
    for paths in ["2", "3"] {
        let (status, bad, summary) = ran(paths);
        assert_eq!(status, "status 10", "{paths}");
        assert_eq!(summary["failed"], Value::Array(bad), "{paths}");
        assert_eq!(summary["words"]["timed-out"], summary["failed"].as_array().unwrap().len());
        let estimate = summary["paths"].as_u64().unwrap();
        assert!((2..=6).contains(&estimate), "{paths}: {estimate}");
    }
}

#[test]
fn no_port_of_a_single_good_path_fails() {
    if !have(&["unshare", "ip", "ss", "bash"]) {
        return;
    }
    let (status, _, summary) = ran("1");
    assert_eq!((status.as_str(), &summary["failed"]), ("status 0", &json!([])), "{summary}");
    assert_eq!((&summary["ports"], &summary["paths"]), (&json!(64), &Value::Null));
}

/// All connections end in the same turn.
#[test]
fn all_ports_of_a_silent_server_fail_at_once() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let words = ["ports", &address, "--ports", "3", "--timeout", "200ms"];
    let (status, events, summary) = probe(&words);
    let tried = summary["ports"].as_u64().unwrap();
    assert_eq!((status, events.len(), &summary["words"]["timed-out"]), (6, 3, &json!(tried)));
}
