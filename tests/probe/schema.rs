//! The output against its schema, `docs/probe.schema.json`: every event of every command, and the
//! summaries.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::PROBE;
use crate::daemon::{Daemon, probe};
use crate::tools::{have, own_loopback};

#[path = "../load/schema.rs"]
mod check;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/probe.schema.json")).unwrap()
}

fn fits(rule: &Value, value: &Value) {
    assert_eq!(check::disagreements(&schema(), rule, value, "line"), [""; 0], "{value}");
}

/// Checks the output of a command.
fn output_fits(words: &[&str]) {
    let schema = schema();
    let (_, events, summary) = probe(words);
    fits(&schema["$defs"][words[0]], &summary);
    for event in &events {
        fits(&schema["$defs"]["event"], event);
    }
}

#[test]
fn the_schema_describes_every_command_and_every_field() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap();
    for (name, object) in definitions {
        assert_eq!(object["additionalProperties"], false, "{name}");
        for (field, rule) in object["properties"].as_object().unwrap() {
            assert!(rule["description"].as_str().is_some_and(|text| text.len() > 5), "{field}");
        }
    }
    let program = tcpecho::cli::commands().into_iter().find(|it| it.get_name() == "tcpecho-probe");
    for command in program.unwrap().get_subcommands() {
        let rule = format!("#/$defs/{}", command.get_name());
        let summaries = schema["anyOf"][1]["properties"]["summary"]["anyOf"].as_array().unwrap();
        assert!(summaries.iter().any(|one| one["$ref"] == *rule), "{rule}");
    }
}

#[test]
fn every_commands_output_fits_the_schema() {
    let daemon = Daemon::start("127.0.0.1:0", &["--banner", "{host}"]);
    let host = &*daemon.address;
    let silent = Daemon::start("127.0.0.1:0", &["--idle-timeout", "100ms"]);
    let ping = ["ping", host, &silent.address, "--both", "-c", "3", "-i", "10ms", "--banner"];
    let dead = ["--from", "50ms", "--to", "1s"];
    for words in [
        &[&ping[..], &["--timeout", "200ms"]].concat(),
        &["ping", "127.0.0.1:1", "-c", "1", "--timeout", "50ms"][..],
        &["path", host, "--only", "sizes,address", "--timeout", "2s"],
        &[&["idle", &silent.address], &dead[..]].concat(),
        &["ports", &silent.address, "--ports", "4", "--rounds", "1"],
        &["who", host, "-n", "3", "--expect", "1"],
        &["who", &silent.address, "-n", "3"],
    ] {
        output_fits(words);
    }
}

/// A running `ping`, ended when dropped, and its output.
struct Running {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: BTreeSet<String>,
}

impl Running {
    /// Reads up to that event, and checks each line.
    fn until(&mut self, event: &str) {
        loop {
            let line = self.lines.next().unwrap_or_else(|| panic!("no {event}")).unwrap();
            let value: Value = serde_json::from_str(&line).unwrap();
            fits(&schema(), &value);
            let found = value["event"].as_str().unwrap_or("summary").to_owned();
            self.seen.insert(found.clone());
            if found == event {
                return;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.process.kill());
        self.process.wait().unwrap();
    }
}

/// The name's address changes from a server that is killed to another one, which then stops for a
/// while, as does the probe.
#[test]
fn every_event_of_ping_fits_the_schema() {
    if !have(&["unshare"]) {
        return;
    }
    let [first, second] = [own_loopback(), own_loopback()];
    let before = Daemon::start(&format!("{first}:0"), &["--banner", "first"]);
    let port = before.address.rsplit(':').next().unwrap().to_owned();
    let after = Daemon::start(&format!("{second}:{port}"), &["--banner", "second"]);
    let directory = TempDir::new().unwrap();
    let hosts = directory.path().join("hosts");
    fs::write(&hosts, format!("{first} echo.test\n")).unwrap();
    let mut command = Command::new("unshare");
    command.args([
        "-rm",
        "sh",
        "-c",
        "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"",
        "sh",
    ]);
    command.arg(&hosts).args([PROBE, "ping", &format!("echo.test:{port}")]);
    command.args(["-i", "20ms", "--timeout", "500ms", "--banner", "--re-resolve"]);
    command.args(["--format", "json"]).stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut running = Running { process, lines, seen: BTreeSet::new() };
    running.until("reply");
    fs::write(&hosts, format!("{second} echo.test\n")).unwrap();
    drop(before);
    running.until("address");
    running.until("recovered");
    after.signal(Signal::STOP);
    running.until("lost");
    after.signal(Signal::CONT);
    running.until("late");
    let ping = Pid::from_child(&running.process);
    kill_process(ping, Signal::STOP).unwrap();
    // The pause itself; a shorter one than an eighth of the timeout is none.
    thread::park_timeout(Duration::from_millis(200));
    kill_process(ping, Signal::CONT).unwrap();
    running.until("paused");
    kill_process(ping, Signal::INT).unwrap();
    running.until("summary");
    let all = "reply late lost outage connected recovered banner address paused summary";
    let missing: Vec<_> = all.split(' ').filter(|event| !running.seen.contains(*event)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
