//! `path`: a defect of the middle turns the questions about it, and no others.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::thread;

use serde_json::Value;

use crate::daemon::{Daemon, probe};
use crate::relay::{Defect, relay};

/// The questions of the relay's tests: all but the one that opens 10,000 connections.
const ASKED: &str = "half-close-ours,half-close-theirs,data-after-half-close,reset-ours,\
                     reset-theirs,fin-at-once,sizes,bytes,pipelining,urgent,greeting,\
                     back-pressure,address";

/// Each defect, and the questions that it turns; a relay turns `address` in any case.
const TURNED: [(Defect, &[&str]); 13] = [
    (Defect::None, &[]),
    // Without half-close, nothing that comes later arrives either.
    (Defect::FinEndsBoth, &["half-close-ours", "data-after-half-close"]),
    (Defect::ServersFinEndsBoth, &["half-close-theirs"]),
    (Defect::LateDataIsCut, &["data-after-half-close"]),
    (Defect::FinIsLate, &["fin-at-once"]),
    (Defect::ResetBecomesFin, &["reset-ours"]),
    (Defect::ServersResetBecomesFin, &["reset-theirs"]),
    (Defect::LargeIsLost, &["sizes"]),
    (Defect::ByteIsChanged, &["bytes"]),
    (Defect::PipelineIsLost, &["pipelining"]),
    (Defect::UrgentIsData, &["urgent"]),
    (Defect::BuffersAll, &["back-pressure"]),
    (Defect::ClientSpeaksFirst, &["greeting"]),
];

/// Asks, and returns the questions that are not answered with `yes`.
fn turned(address: &str, more: &[&str]) -> (i32, BTreeSet<String>, Value) {
    let words = ["path", address, "--timeout", "3s"];
    let (status, _, summary) = probe(&[&words[..], more].concat());
    let answers = summary["questions"].as_array().unwrap().iter();
    let not_yes = answers.filter(|answer| answer["result"] != "yes");
    let names = not_yes.map(|answer| answer["name"].as_str().unwrap().to_owned());
    (status, names.collect(), summary)
}

#[test]
fn each_defect_of_a_relay_turns_its_questions_and_no_others() {
    let daemon = Daemon::start("127.0.0.1:0", &["--service", "probe", "--banner", "{host}"]);
    let server = daemon.address.parse().unwrap();
    thread::scope(|scope| {
        for (defect, questions) in TURNED {
            scope.spawn(move || {
                let address = relay(server, defect).to_string();
                let (status, turned, summary) = turned(&address, &["--only", ASKED]);
                let expected = questions.iter().chain(&["address"]).map(|name| (*name).to_owned());
                assert_eq!(turned, expected.collect(), "{defect:?}: {summary}");
                assert_eq!(status, 10, "{defect:?}");
            });
        }
    });
}

#[test]
fn a_path_without_a_middle_is_well() {
    let daemon = Daemon::start("127.0.0.1:0", &["--service", "probe", "--banner", "{host}"]);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let only = format!("{ASKED},closed-port");
    let (status, turned, summary) =
        turned(&daemon.address, &["--port-closed", &free, "--only", &only]);
    assert_eq!((status, turned), (0, BTreeSet::new()), "{summary:#}");
}

#[test]
fn a_port_that_is_accepted_has_a_middle_that_answers_for_it() {
    let daemon = Daemon::start("127.0.0.1:0", &[]);
    let middle = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = middle.local_addr().unwrap().port().to_string();
    thread::spawn(move || middle.incoming().for_each(drop));
    let words = ["--only", "closed-port", "--port-closed", &port];
    let (status, turned, summary) = turned(&daemon.address, &words);
    assert_eq!((status, turned.len()), (10, 1), "{summary:#}");
}

#[test]
fn a_server_that_is_not_ours_leaves_questions_open() {
    let daemon = Daemon::start("127.0.0.1:0", &[]);
    let (status, turned, summary) = turned(&daemon.address, &["--only", ASKED]);
    let open = ["half-close-theirs", "data-after-half-close", "reset-ours", "reset-theirs"];
    let open = open.into_iter().chain(["urgent", "greeting", "address"]).map(ToOwned::to_owned);
    assert_eq!((status, turned), (0, open.collect()), "{summary:#}");
    assert_eq!(summary["ours"], false);
}

/// 10,000 connections at once, and a daemon that takes fewer.
#[test]
fn a_limit_on_connections_is_found() {
    let daemon =
        Daemon::start("127.0.0.1:0", &["--max-connections", "1000", "--over-limit", "refuse"]);
    let (status, turned, summary) = turned(&daemon.address, &["--only", "many"]);
    assert_eq!((status, turned.len()), (10, 1), "{summary:#}");
}

/// Behind a proxy that writes it, the header comes before everything, the greeting too.
#[test]
fn a_proxy_header_goes_first_in_every_probe() {
    let options = ["--service", "probe", "--banner", "{host}", "--proxy-protocol", "require"];
    let daemon = Daemon::start("127.0.0.1:0", &options);
    for (version, words) in [
        ("v1", &["ping", "-c", "2", "-i", "10ms", "--both", "--banner"][..]),
        ("v2", &["who", "-n", "5", "--expect", "1"]),
        ("v1", &["path", "--only", "greeting,address,half-close-theirs,reset-theirs"]),
        ("v2", &["path", "--only", "sizes,bytes,half-close-ours"]),
    ] {
        let words = [words, &["--send-proxy", version, &daemon.address]].concat();
        let (status, _, summary) = probe(&words);
        assert_eq!(status, 0, "{words:?}: {summary}");
    }
    let (status, _, _) = probe(&["ping", "-c", "1", "--timeout", "300ms", &daemon.address]);
    assert_ne!(status, 0, "the daemon requires it");
}
