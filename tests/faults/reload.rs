//! Files that SIGHUP opens or reads again: the log, the lists of networks, the log level. The
//! daemon is in its sandbox, and has given up root where the test has it.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use super::admin::curl;
use super::support::{Builder, Daemon, Peer, eventually, have, lacks};

/// The user that root becomes.
const NOBODY: u32 = 65534;

/// A daemon with files in its directory, which belongs to its user; each option has the name of one
/// as its value.
fn builder(arguments: &[&str], files: &[(&'static str, &str)]) -> Builder {
    let root = rustix::process::geteuid().is_root();
    let user: &[&str] = if root { &["--user", "nobody"] } else { &[] };
    let mut builder = Builder::new(&[arguments, user].concat());
    let directory = builder.directory().to_owned();
    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    if root {
        chown(&directory, Some(NOBODY), None).unwrap();
    }
    for (variable, name) in files {
        let at = if *variable == "TCPECHOD_LOG_LEVEL" { "@" } else { "" };
        builder = builder.env(variable, &format!("{at}{}", directory.join(name).display()));
    }
    builder
}

/// Sends SIGHUP, and waits for the line about it.
fn reload(daemon: &Daemon) -> String {
    let reports = || {
        let log = daemon.log();
        let lines = log.lines().filter(|line| line.contains("INFO ] SIGHUP: "));
        lines.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let before = reports().len();
    daemon.signal(Signal::HUP);
    eventually("a line about SIGHUP", || reports().into_iter().nth(before))
}

/// Connects and leaves until told to stop; returns the number of connections.
fn churn(daemon: &Daemon, stop: &AtomicBool) -> usize {
    let mut connections = 0;
    while !stop.load(Ordering::Relaxed) {
        Peer::connect(daemon.address()).echo(b"a line\n");
        connections += 1;
    }
    connections
}

#[test]
fn n01_a_log_that_is_rotated_under_load_loses_no_line() {
    let builder = builder(&[], &[]).logging_to_file();
    let log = builder.directory().join("log");
    let daemon = builder.start();
    daemon.wait_for_log("] ready");
    assert!(daemon.log_has_no(" WARN "), "{}", daemon.log());
    let renamed: Vec<_> = (1..=10).map(|n| log.with_extension(n.to_string())).collect();
    let stop = AtomicBool::new(false);
    let connections = thread::scope(|scope| {
        let load = scope.spawn(|| churn(&daemon, &stop));
        for old in &renamed {
            daemon.wait_for_log("DEBUG] closed ");
            fs::rename(&log, old).unwrap();
            daemon.signal(Signal::HUP);
            eventually("a new log", || fs::exists(&log).unwrap().then_some(()));
        }
        stop.store(true, Ordering::Relaxed);
        load.join().unwrap()
    });
    daemon.wait_until_alone();
    let mode = fs::metadata(&log).unwrap().permissions().mode();
    assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
    let all: String =
        renamed.iter().chain([&log]).map(|file| fs::read_to_string(file).unwrap()).collect();
    for line in all.lines() {
        assert!(line.starts_with('[') && line.contains("Z "), "a torn line: {line}");
    }
    let closed = all.lines().filter_map(|line| line.split_once("] closed peer="));
    let closed: Vec<_> = closed.map(|(_, rest)| rest).collect();
    assert_eq!(closed.len(), connections);
    assert_eq!(BTreeSet::from_iter(closed).len(), connections, "a line is doubled");
    assert_eq!(daemon.status().count("log_dropped"), 0);
    daemon.epilogue();
}

fn wait_for(file: &Path, text: &str) -> String {
    eventually(&format!("in {}: {text}", file.display()), || {
        let log = fs::read_to_string(file).ok()?;
        log.lines().find(|line| line.contains(text)).map(ToOwned::to_owned)
    })
}

#[test]
fn n02_a_log_that_cannot_be_reopened_stays_in_use() {
    let files = [("TCPECHOD_LOG_FILE", "log.json")];
    let builder = builder(&["--log-format", "json"], &files);
    let log = builder.directory().join("log.json");
    let daemon = builder.stderr(Stdio::null()).start();
    wait_for(&log, "\"ready\"");
    let old = log.with_extension("old");
    fs::rename(&log, &old).unwrap();
    fs::create_dir(&log).unwrap();
    daemon.signal(Signal::HUP);
    let line = wait_for(&old, "\"level\":\"ERROR\"");
    assert!(line.contains("/log.json: Is a directory") && line.contains("kept the old"), "{line}");
    wait_for(&old, "the other options need a restart");
    fs::remove_dir(&log).unwrap();
    daemon.signal(Signal::HUP);
    wait_for(&log, "log file opened again");
    daemon.terminate();
    wait_for(&log, "\"drained\"");
    daemon.epilogue_ended(0);
}

#[test]
fn n02_a_log_that_cannot_be_opened_is_an_error_that_names_it() {
    for (file, said) in [("/no/such/log", "No such file"), ("/", "Is a directory")] {
        let builder = Builder::new(&["--log-file", file]).listen("127.0.0.1:0");
        let ended = builder.run_to_end();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let begin = format!("tcpechod: cannot open the log file {file}: {said}");
        assert!(ended.stderr.starts_with(&begin), "{ended:?}");
    }
}

/// Only root may write in the directory, and has made the file.
#[test]
fn n02_rights_that_a_reload_lacks_are_a_warning_at_the_start() {
    if !rustix::process::geteuid().is_root() {
        lacks("root");
        return;
    }
    let builder = builder(&[], &[("TCPECHOD_DENY_FILE", "deny")]).logging_to_file();
    let directory = builder.directory().to_owned();
    chown(&directory, Some(0), None).unwrap();
    fs::write(directory.join("log"), "").unwrap();
    fs::write(directory.join("deny"), "192.0.2.0/24").unwrap();
    fs::set_permissions(directory.join("deny"), Permissions::from_mode(0o600)).unwrap();
    let daemon = builder.start();
    for file in ["log", "deny"] {
        let path = directory.join(file);
        daemon.wait_for_log(&format!("{}: Permission denied", path.display()));
    }
    let said = reload(&daemon);
    assert!(said.contains("kept the old log file; kept the old lists"), "{said}");
    daemon.epilogue();
}

#[test]
fn n03_a_full_disk_drops_lines_of_a_log_file_and_nothing_else() {
    if !have(&["curl"]) {
        return;
    }
    let builder = Builder::new(&["--log-file", "/dev/full"]).stderr(Stdio::null());
    let admin = builder.directory().join("admin");
    let metrics = format!("unix:{}", admin.display());
    let daemon = builder.env("TCPECHOD_METRICS", &metrics).start();
    daemon.connect().echo(b"a line\n");
    daemon.signal(Signal::HUP);
    daemon.connect().echo(b"a line\n");
    let mut curl = Command::new("curl");
    curl.arg("--silent").arg("--unix-socket").arg(admin).arg("http://localhost/status.json");
    let status: Value = serde_json::from_slice(&curl.output().unwrap().stdout).unwrap();
    assert!(status["log_lines_dropped"].as_u64().unwrap() > 5, "{status:#}");
    daemon.terminate();
    daemon.epilogue_ended(0);
}

/// The end of a new connection: none if it is echoed, or else its cause.
fn end_of_a_peer(daemon: &Daemon) -> Option<String> {
    let mut peer = daemon.connect();
    if peer.try_echo(b"a line\n").is_ok() {
        return None;
    }
    Some(daemon.closing(peer.address()).cause)
}

#[test]
fn n04_lists_that_change_apply_to_new_connections() {
    if !have(&["curl"]) {
        return;
    }
    let files = [("TCPECHOD_ALLOW_FILE", "allow"), ("TCPECHOD_DENY_FILE", "deny")];
    let builder = builder(&["--metrics", "127.0.0.1:0", "--deny", "192.0.2.1"], &files);
    let [allow, deny]: [PathBuf; 2] = ["allow", "deny"].map(|name| builder.directory().join(name));
    fs::write(&allow, "# this machine\n127.0.0.0/8\n").unwrap();
    fs::write(&deny, "").unwrap();
    let daemon = builder.start();
    let mut open = daemon.connect();
    open.echo(b"a line\n");
    fs::write(&deny, "127.0.0.1\t# for now\n").unwrap();
    let said = reload(&daemon);
    assert!(
        said.ends_with("SIGHUP: networks allowed: 1, denied: 2; the other options need a restart")
    );
    assert_eq!(end_of_a_peer(&daemon).as_deref(), Some("refused"));
    open.echo(b"an open connection stays\n");
    drop(open);
    let line = daemon.wait_for_log("metrics on ");
    let admin = line.rsplit(' ').next().unwrap().parse().unwrap();
    let shown = "access in force: allow 127.0.0.0/8, but deny 127.0.0.1/32 192.0.2.1/32";
    eventually("the status page shows it", || {
        curl(admin, "/status.json", &[]).1.contains(shown).then_some(())
    });
    fs::write(&allow, "").unwrap();
    fs::write(&deny, "").unwrap();
    assert!(reload(&daemon).contains("networks allowed: 0, denied: 1"));
    assert_eq!(end_of_a_peer(&daemon).as_deref(), Some("refused"));
    fs::write(&allow, "0.0.0.0/0\n").unwrap();
    reload(&daemon);
    assert_eq!(end_of_a_peer(&daemon), None);
    daemon.epilogue();
}

#[test]
fn n05_a_bad_list_changes_nothing() {
    let builder = builder(&[], &[("TCPECHOD_DENY_FILE", "deny")]);
    let deny = builder.directory().join("deny");
    fs::write(&deny, "127.0.0.1").unwrap();
    let daemon = builder.start();
    fs::write(&deny, "# no network follows\n\nlocalhost\n").unwrap();
    let said = reload(&daemon);
    assert!(said.contains("SIGHUP: kept the old lists; "), "{said}");
    let line = daemon.wait_for_log(" ERROR] ");
    let named = format!("SIGHUP: {}, line 3: \"localhost\": expected a network", deny.display());
    assert!(line.contains(&named) && line.ends_with("; kept the old lists"), "{line}");
    assert_eq!(end_of_a_peer(&daemon).as_deref(), Some("refused"));
    fs::remove_file(&deny).unwrap();
    reload(&daemon);
    daemon.wait_for_log(": No such file or directory");
    assert_eq!(end_of_a_peer(&daemon).as_deref(), Some("refused"));
    fs::write(&deny, "").unwrap();
    reload(&daemon);
    daemon.epilogue();
}

#[test]
fn n05_a_bad_file_at_the_start_is_an_error_that_names_it() {
    for (variable, at, text, said) in [
        ("TCPECHOD_ALLOW_FILE", "", "::1\n10.0.0.0/33", "file, line 2: \"10.0.0.0/33\": expected"),
        ("TCPECHOD_DENY_FILE", "", "::1 ::2", "file, line 1: \"::1 ::2\": expected a network"),
        ("TCPECHOD_LOG_LEVEL", "@", "verbose\n", "file: \"verbose\" is neither a log level nor"),
    ] {
        for arguments in [&[][..], &["--check"]] {
            let builder = Builder::new(arguments).listen("127.0.0.1:0");
            let file = builder.directory().join("file");
            fs::write(&file, text).unwrap();
            let ended = builder.env(variable, &format!("{at}{}", file.display())).run_to_end();
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(ended.stderr.contains(said), "{ended:?}");
        }
    }
    let builder = Builder::new(&["--check"]);
    let file = builder.directory().join("file");
    fs::write(&file, "192.0.2.0/24\n192.0.3.0/24\n").unwrap();
    let ended = builder.env("TCPECHOD_DENY_FILE", file.to_str().unwrap()).run_to_end();
    assert!(ended.stdout.contains("; deny 192.0.2.0/23\n"), "{ended:?}");
}

#[test]
fn n06_the_log_level_changes_with_its_file() {
    let builder = builder(&[], &[("TCPECHOD_LOG_LEVEL", "level")]);
    let level = builder.directory().join("level");
    fs::write(&level, "info\n").unwrap();
    let daemon = builder.start();
    let before = daemon.connect().address();
    daemon.wait_for_status("it has ended", |status| status.count("closed") == 1);
    fs::write(&level, "warn,tcpechod::reactor=debug,tcpechod::server=info\n").unwrap();
    assert!(reload(&daemon).contains("SIGHUP: log level warn,tcpecho::reactor=debug,"));
    let after = daemon.connect().address();
    daemon.closing(after);
    assert!(daemon.log_has_no(&format!("closed peer={before} ")), "{}", daemon.log());
    fs::write(&level, "verbose\n").unwrap();
    assert!(reload(&daemon).contains("SIGHUP: kept the old log level; "));
    let line = daemon.wait_for_log(" ERROR] ");
    assert!(line.contains("/level: \"verbose\" is neither a log level"), "{line}");
    let after = daemon.connect().address();
    daemon.closing(after);
    daemon.epilogue();
}
