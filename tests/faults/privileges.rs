//! The daemon's user, and its remaining privileges.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::support::{BINARY, Builder, Daemon, eventually, have, lacks, own_loopback};

/// True if the test runs as root; no other user has privileges to drop.
fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        lacks("root");
    }
    root
}

/// The words of a field in /proc/PID/status.
fn status_field(process: u32, name: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap().split_whitespace().map(ToOwned::to_owned).collect()
}

fn assert_without_capabilities(process: u32) {
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status_field(process, set), ["0000000000000000"], "{set}");
    }
}

/// The daemon's only child.
fn child(daemon: &Daemon) -> u32 {
    let child = eventually("a child", || daemon.children().first().copied());
    child.as_raw_nonzero().get().unsigned_abs()
}

#[test]
fn o10_root_drops_capabilities_with_any_options_and_for_children() {
    if !is_root() {
        return;
    }
    for arguments in [&[][..], &["--sandbox", "off"], &["--exec", "cat"]] {
        let daemon = Daemon::start(arguments);
        daemon.wait_for_log("ready");
        assert_without_capabilities(daemon.process());
        if arguments.contains(&"--exec") {
            let mut peer = daemon.connect();
            peer.echo(b"a line\n");
            assert_without_capabilities(child(&daemon));
        }
        daemon.epilogue();
    }
}

#[test]
fn o10_a_daemon_that_stays_root_is_warned_about() {
    if !is_root() {
        return;
    }
    for (arguments, warned) in [(&[][..], 1), (&["--user", "root"], 1), (&["--user", "nobody"], 0)]
    {
        let (mut reader, writer) = io::pipe().unwrap();
        let daemon = Builder::new(arguments).stderr(writer).start();
        daemon.terminate();
        daemon.epilogue_ended(0);
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        assert_eq!(log.matches(" WARN ] runs as root").count(), warned, "{log}");
    }
}

/// The daemon first binds a port below 1024, which needs root.
#[test]
fn o11_after_bind_the_daemon_and_its_children_run_as_the_given_user() {
    if !is_root() {
        return;
    }
    for user in ["nobody", "65534:65534", "nobody:65534"] {
        for arguments in [&["--user", user][..], &["--user", user, "--exec", "cat"]] {
            let builder = Builder::new(arguments).listen(&format!("{}:7", own_loopback()));
            let daemon = builder.start();
            daemon.wait_for_log("runs as user 65534, group 65534");
            daemon.wait_for_log("ready");
            let mut peer = daemon.connect();
            peer.echo(b"a line\n");
            let mut processes = vec![daemon.process()];
            if arguments.contains(&"--exec") {
                processes.push(child(&daemon));
            }
            for process in processes {
                assert_eq!(status_field(process, "Uid"), ["65534"; 4]);
                assert_eq!(status_field(process, "Gid"), ["65534"; 4]);
                assert_eq!(status_field(process, "Groups"), ["65534"]);
                assert_without_capabilities(process);
            }
            drop(peer);
            daemon.epilogue();
        }
    }
}

#[test]
fn o11_an_unknown_user_is_an_error_that_names_it() {
    for (user, code, said) in [
        ("no-such-user", 1, "cannot run as --user no-such-user: there is no user"),
        ("nobody:no-such-group", 1, "there is no group \"no-such-group\""),
        ("54321", 1, "user 54321 has no entry in passwd(5): say 54321:GROUP"),
        ("a:b:c", 2, "expected NAME or NAME:GROUP"),
        (":staff", 2, "expected NAME or NAME:GROUP"),
        ("nobody:", 2, "expected NAME or NAME:GROUP"),
    ] {
        let builder = Builder::new(&["--user", user]).listen("127.0.0.1:0");
        let ended = builder.env("RUST_LOG", "error").run_to_end();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(said), "{ended:?}");
        assert!(!ended.stdout.contains("port"), "{ended:?}");
    }
    let ended = Builder::new(&["--check", "--user", "nobody"]).run_to_end();
    assert!(ended.stdout.contains("would run as user 65534, group 65534\n"), "{ended:?}");
    let ended = Builder::new(&["--check", "--user", "no-such-user"]).run_to_end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
}

#[test]
fn o11_only_root_may_become_another_user() {
    if !is_root() || !have(&["setpriv"]) {
        return;
    }
    let builder = Builder::new(&["--user", "root"]).listen("127.0.0.1:0");
    // Every user may execute and write in this directory. Another process makes the copy: a file
    // that a child of a concurrent test has open for writing can't be executed (ETXTBSY).
    let directory = builder.directory();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).unwrap();
    let binary = directory.join("tcpechod");
    assert!(Command::new("cp").arg(BINARY).arg(&binary).status().unwrap().success());
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let ended = builder.env("RUST_LOG", "error").binary(&binary).wrapped(&nobody).run_to_end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = "cannot become user 0, group 0: only root may become another user";
    assert!(ended.stderr.contains(said), "{ended:?}");
}
