//! `ping`: each outage that a script makes is reported, as long as it was; and none that was none.

use std::process::Command;

use serde_json::Value;

use crate::tools::have;
use crate::{DAEMON, PROBE};

/// Seconds between two probes of the script, and the time for an answer.
const INTERVAL: f64 = 0.005;
const TIMEOUT: f64 = 0.1;

/// How exactly an outage has to be told, in seconds, beside the lateness that the probe reports.
const EXACT: f64 = 0.010;

/// The script's actions, and the probe's report.
struct Ran {
    out: [f64; 2],
    back: [f64; 2],
    status: i32,
    summary: Value,
}

fn ran(kind: &str) -> Ran {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/probe/outage.sh");
    let output =
        Command::new("unshare").args(["-rnm", script, kind, DAEMON, PROBE]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers = |name: &str| -> Vec<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(|number| number.parse().unwrap()).collect()
    };
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let [status] = numbers("status")[..] else { panic!("{text}") };
    Ran {
        out: numbers("out").try_into().unwrap(),
        back: numbers("back").try_into().unwrap(),
        status: format!("{status}").parse().unwrap(),
        summary: last["summary"].clone(),
    }
}

/// Runs an outage of that kind. `need` is the time that TCP needs to notice its end, on the kept
/// connection and on new ones.
fn outage(kind: &str, words: &[&str], need: [f64; 2]) {
    if !have(&["unshare", "ip", "ss", "bash"]) {
        return;
    }
    let Ran { out, back, status, summary } = ran(kind);
    assert_eq!(status, 10, "{kind}");
    let start = summary["started_s"].as_f64().unwrap();
    // The delays of this machine.
    let exact = EXACT + summary["late_us"]["max"].as_f64().unwrap() / 1e6;
    for (connection, need) in ["kept", "new"].into_iter().zip(need) {
        let of = |outage: &&Value| outage["connection"] == connection;
        let all: Vec<_> = summary["outages"].as_array().unwrap().iter().filter(of).collect();
        let [outage] = all[..] else { panic!("{kind} {connection}: {all:?}") };
        let at = |name: &str| outage[name].as_f64().unwrap();
        let (began, ended) = (start + at("began"), start + at("ended"));
        let early = out[0] - INTERVAL - exact..=out[1] + INTERVAL + exact;
        assert!(early.contains(&began), "{kind} {connection}: {out:?} {began}");
        let late = back[0] - exact..=back[1] + INTERVAL + exact + need;
        assert!(late.contains(&ended), "{kind} {connection}: {back:?} {ended}");
        assert!(at("noticed_after_s") <= TIMEOUT + exact, "{kind} {connection}: {outage}");
        let word = outage["word"].as_str().unwrap();
        assert!(words.contains(&word), "{kind} {connection}: {word}");
    }
}

#[test]
fn no_outage_is_told_where_there_is_none() {
    if !have(&["unshare", "ip", "ss", "bash"]) {
        return;
    }
    let Ran { status, summary, .. } = ran("none");
    assert_eq!((status, &summary["outages"]), (0, &Value::Array(Vec::new())), "{summary}");
    assert_eq!(summary["sent"], summary["answered"]);
    assert_eq!(summary["lost"], 0);
}

#[test]
fn a_stopped_server_is_an_outage_until_it_continues() {
    outage("stop", &["timed-out"], [0.0, 0.0]);
}

#[test]
fn a_killed_server_is_an_outage_until_it_is_back() {
    outage("kill", &["reset", "terminated", "refused", "broken-pipe"], [0.0, 0.0]);
}

#[test]
fn a_server_that_ends_in_order_is_an_outage_until_it_is_back() {
    let words = ["reset", "terminated", "refused", "broken-pipe", "timed-out"];
    // The drain drops new handshakes.
    outage("port", &words, [0.0, 0.0]);
}

/// A SYN that the router dropped is not sent again before the time is over, and a second attempt
/// does not begin before; likewise the next retransmission of the kept connection.
#[test]
fn a_router_that_drops_all_is_an_outage_until_it_forwards_again() {
    outage("route", &["timed-out"], [TIMEOUT, 0.0]);
}

/// The router resolves the address again, which may take a second of its own.
#[test]
fn a_lost_address_is_an_outage_until_it_is_there_again() {
    outage("address", &["timed-out", "unreachable"], [1.1, 1.1]);
}
