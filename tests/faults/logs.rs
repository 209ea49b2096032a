//! The log in its formats.

use std::io::{self, Read};

use rustix::fs::fstat;
use serde_json::{Map, Value};

use super::support::Builder;

/// The whole lines of a log, each parsed as a JSON object.
fn objects(log: &str) -> Vec<Map<String, Value>> {
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(object).collect()
}

fn object(line: &str) -> Map<String, Value> {
    match serde_json::from_str(line) {
        Ok(Value::Object(object)) => object,
        other => panic!("no object: {line}\n{other:?}"),
    }
}

fn with_message(log: &str, message: &str) -> Vec<Map<String, Value>> {
    objects(log).into_iter().filter(|object| object["message"] == message).collect()
}

#[test]
fn o01_every_line_of_a_run_in_json_is_one_object() {
    // Without the harness's own checks of the log, which need the text format.
    let (mut reader, writer) = io::pipe().unwrap();
    let builder = Builder::new(&["--log-format", "json", "--drain-timeout", "1s"]);
    let daemon = builder.stderr(writer).start();
    let mut peer = daemon.connect();
    let address = peer.address();
    peer.echo(b"a line\n");
    peer.half_close();
    peer.wait_for_end();
    daemon.connect().reset();
    daemon.wait_until_alone();
    daemon.terminate();
    daemon.epilogue_ended(0);
    let mut log = String::new();
    reader.read_to_string(&mut log).unwrap();
    for object in objects(&log) {
        let text = |name: &str| object[name].as_str().unwrap();
        let time = humantime::parse_rfc3339(text("time"));
        assert!(time.is_ok() && text("time").contains('.'), "with milliseconds: {object:?}");
        assert!(["DEBUG", "INFO", "WARN"].contains(&text("level")), "{object:?}");
        assert!(!text("message").contains('='), "a pair is a member: {object:?}");
    }
    let closed = with_message(&log, "closed");
    let of_peer = closed.iter().find(|object| object["peer"] == address.to_string()).unwrap();
    assert_eq!(of_peer["cause"], "finished");
    for (name, count) in [("bytes_in", 7), ("bytes_out", 7), ("lines", 1)] {
        assert_eq!(of_peer[name], count, "{of_peer:?}");
    }
    assert!(of_peer["duration"].is_f64(), "{of_peer:?}");
    assert!(of_peer["rtt_us"].is_u64() && of_peer["retransmits"] == 0, "{of_peer:?}");
    let status = with_message(&log, "status").pop().unwrap();
    for (name, count) in [("open", 0), ("accepted", 2), ("closed", 2), ("log_dropped", 0)] {
        assert_eq!(status[name], count, "{status:?}");
    }
    assert_eq!(status["listener_state"], "closed");
}

#[test]
fn o01_a_failed_start_is_logged_as_an_object() {
    let builder = Builder::new(&["--listen", "192.0.2.1:0"]);
    let ended = builder.env("TCPECHOD_LOG_FORMAT", "json").run_to_end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let last = objects(&ended.stderr).pop().unwrap();
    assert_eq!(last["level"], "ERROR");
    assert!(last["message"].as_str().unwrap().starts_with("cannot listen on 192.0.2.1:0"));
}

#[test]
fn o02_odd_characters_break_no_line() {
    for (format, shown) in [("text", "no\\u{1b}[2Jsuch"), ("json", "no\\u001b[2Jsuch")] {
        let (mut reader, writer) = io::pipe().unwrap();
        let arguments = ["--log-format", format, "--exec", "./no\u{1b}[2Jsuch"];
        let daemon = Builder::new(&arguments).stderr(writer).start();
        daemon.connect().wait_for_end();
        daemon.terminate();
        daemon.epilogue_ended(0);
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        assert!(!log.contains('\u{1b}'), "{log:?}");
        let warned = log.lines().find(|line| line.contains("could not be started")).unwrap();
        assert!(warned.contains(shown), "{warned}");
    }
}

/// Under systemd the journal adds the time, and finds the priority at the beginning of a line.
#[test]
fn o12_lines_for_the_journal_have_a_priority_and_no_time() {
    for of_this_pipe in [true, false] {
        let (mut reader, writer) = io::pipe().unwrap();
        let data = fstat(&writer).unwrap();
        let inode = if of_this_pipe { data.st_ino } else { data.st_ino + 1 };
        let arguments = ["--backlog", "2000000000"];
        let builder = Builder::new(&arguments).stderr(writer);
        let daemon = builder.env("JOURNAL_STREAM", &format!("{}:{inode}", data.st_dev)).start();
        daemon.terminate();
        daemon.epilogue_ended(0);
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        let line = |begins: &str| log.lines().any(|line| line.starts_with(begins));
        assert_eq!(line("<6>ready"), of_this_pipe, "{log}");
        assert_eq!(line("<4>the backlog of 2000000000 is limited"), of_this_pipe, "{log}");
        assert_eq!(log.contains("INFO ] ready"), !of_this_pipe, "{log}");
    }
}

#[test]
fn o03_a_probe_that_sends_nothing_is_logged_at_debug_only() {
    for (level, seen) in [("info", false), ("debug", true)] {
        let daemon = Builder::new(&[]).env("RUST_LOG", level).start();
        let before = daemon.log();
        let peer = daemon.connect();
        let address = peer.address();
        drop(peer);
        daemon.wait_until_alone();
        if seen {
            assert_eq!(daemon.closing(address).bytes_in, 0);
        } else {
            assert_eq!(daemon.log(), before);
        }
        daemon.epilogue();
    }
}
