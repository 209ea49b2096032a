//! The systemd units in `docs/deploy`: they are valid and restrictive, and allow every system call
//! that the daemon makes.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::support::{BINARY, Builder, WAIT, have};

const SERVICES: [&str; 2] = ["tcpechod.service", "tcpechod@.service"];

/// The highest accepted exposure level of a service, on systemd-analyze(1)'s scale from 0 to 10.
const EXPOSURE_MAX: f64 = 1.5;

fn place(unit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy").join(unit)
}

/// Every value of a setting in a unit, in order.
fn values(unit: &str, setting: &str) -> Vec<String> {
    let text = fs::read_to_string(place(unit)).unwrap();
    let start = format!("{setting}=");
    let found = text.lines().filter_map(|line| line.strip_prefix(&start));
    found.map(ToOwned::to_owned).collect()
}

/// The output of systemd-analyze, without formatting for a terminal.
fn analyze(arguments: &[&str]) -> String {
    let mut tool = Command::new("systemd-analyze");
    let output = tool.arg("--no-pager").args(arguments).env("LC_ALL", "C.UTF-8").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && stderr.is_empty(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn s07_the_exposure_level_of_the_services_is_low() {
    if !have(&["systemd-analyze"]) {
        return;
    }
    for unit in SERVICES {
        let table = analyze(&["security", "--offline=true", place(unit).to_str().unwrap()]);
        let last = table.lines().find(|line| line.contains("Overall exposure level")).unwrap();
        let figure = last.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        let exposure: f64 = figure.parse().unwrap();
        assert!(exposure <= EXPOSURE_MAX, "{unit} is exposed to {exposure}:\n{table}");
    }
}

#[test]
fn s07_the_units_hold_no_error() {
    if !have(&["systemd-analyze"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (unit, name) in [
        ("tcpechod.service", "tcpechod.service"),
        ("tcpechod.socket", "tcpechod.socket"),
        ("tcpechod@.service", "tcpechod@1.service"),
    ] {
        // systemd-analyze requires that the program exists.
        let text = fs::read_to_string(place(unit)).unwrap().replace("/usr/sbin/tcpechod", BINARY);
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        paths.push(path.to_str().unwrap().to_owned());
    }
    let mut arguments = vec!["verify"];
    arguments.extend(paths.iter().map(String::as_str));
    assert_eq!(analyze(&arguments), "");
}

/// The daemon accepts the command and the environment of each service, and systemd's stop timeout
/// is longer than the drain's.
#[test]
fn s07_the_services_start_the_daemon_with_valid_options() {
    for unit in SERVICES {
        let commands = values(unit, "ExecStart");
        let [command] = commands.as_slice() else { panic!("{unit}: {commands:?}") };
        let arguments: Vec<_> = command.split(' ').skip(1).chain(["--check"]).collect();
        let mut daemon = Command::new(BINARY);
        daemon.args(arguments);
        for pair in values(unit, "Environment").iter().flat_map(|line| line.split(' ')) {
            let (name, value) = pair.split_once('=').unwrap();
            daemon.env(name, value);
        }
        let output = daemon.output().unwrap();
        assert!(output.status.success(), "{unit}: {output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!said.contains("timeouts: idle off"), "{said}");
        assert!(said.contains("drain 4s"), "{said}");
        assert_eq!(values(unit, "TimeoutStopSec"), ["10s"]);
        assert_eq!(values(unit, "Type"), ["notify"]);
        assert_eq!(values(unit, "ExecReload"), ["/bin/kill -HUP $MAINPID"]);
    }
}

/// The system calls that a service may make: its filters applied in order, with groups resolved.
fn allowed(unit: &str) -> BTreeSet<String> {
    let mut allowed = members("@default");
    for filter in values(unit, "SystemCallFilter") {
        let (names, denied) =
            filter.strip_prefix('~').map_or((&*filter, false), |rest| (rest, true));
        for name in names.split(' ').flat_map(members) {
            if denied {
                allowed.remove(&name);
            } else {
                allowed.insert(name);
            }
        }
    }
    allowed
}

fn members(name: &str) -> BTreeSet<String> {
    if !name.starts_with('@') {
        return [name.to_owned()].into();
    }
    let list = analyze(&["syscall-filter", name]);
    let inside = list.lines().skip(1).map(str::trim).filter(|line| !line.starts_with('#'));
    inside.filter(|line| !line.is_empty()).flat_map(members).collect()
}

/// Records every system call of a run that uses all of the daemon's features under systemd.
#[test]
fn s08_the_services_may_make_every_call_that_the_daemon_makes() {
    if !have(&["strace", "systemd-analyze"]) {
        return;
    }
    let builder = Builder::new(&["--idle-timeout", "10m", "--stall-timeout", "1m"]);
    let builder = builder.logging_to_file();
    let path = builder.directory().join("notify");
    let _manager = UnixDatagram::bind(&path).unwrap();
    let unix = format!("unix:{}", builder.directory().join("echo").display());
    let daemon = builder
        .traced("all")
        .env("NOTIFY_SOCKET", path.to_str().unwrap())
        .env("WATCHDOG_USEC", "100000")
        .listen("127.0.0.1:0")
        .listen(&unix)
        .start();
    daemon.connect().echo(b"a line\n");
    daemon.connect().reset();
    let mut slow = daemon.connect_narrow();
    daemon.leave_pending(&mut slow);
    daemon.signal(Signal::HUP);
    daemon.status();
    daemon.terminate();
    slow.half_close();
    slow.read_to_end();
    drop(slow);
    let trace = daemon.ended_trace(0);
    let called: BTreeSet<String> = trace
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.chars().all(|letter| letter.is_alphanumeric() || letter == '_'))
        .collect();
    for usual in ["accept4", WAIT, "recvfrom", "sendto", "prctl", "unlink"] {
        assert!(called.contains(usual), "{usual} is not in the record: {called:?}");
    }
    for unit in SERVICES {
        let allowed = allowed(unit);
        let missing: Vec<_> = called.difference(&allowed).collect();
        assert!(missing.is_empty(), "{unit} forbids {missing:?}");
        assert!(!allowed.contains("mount") && !allowed.contains("chown"), "{allowed:?}");
    }
}
