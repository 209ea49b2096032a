//! What the daemon gives up once it has started, and that it lives without it.

use rustix::process::Signal;

use super::support::{Builder, Daemon, have, lacks};

#[test]
fn o04_what_was_given_up_is_said_in_one_line() {
    let daemon = Daemon::start(&[]);
    assert!(daemon.has_no_new_privileges());
    let line = daemon.wait_for_log("sandbox: ");
    if line.contains("sandbox: Landlock ABI ") {
        assert!(line.contains(" enforced, no new privileges"), "{line}");
    } else {
        lacks("a kernel with Landlock");
    }
    daemon.epilogue();
}

#[test]
fn o04_it_is_off_where_that_is_asked_for_and_for_commands() {
    for (arguments, said) in [
        (["--sandbox", "off"], "sandbox: off"),
        (["--exec", "cat"], "sandbox: off, because the commands of --exec would be in it too"),
    ] {
        let daemon = Daemon::start(&arguments);
        let line = daemon.wait_for_log("sandbox: ");
        assert!(line.ends_with(said), "{line}");
        assert!(!daemon.has_no_new_privileges());
        daemon.epilogue();
    }
}

/// What the restriction forbids is never asked for, so that it is the same with and without.
#[test]
fn o05_nothing_is_opened_connected_or_bound_in_service() {
    if !have(&["strace"]) {
        return;
    }
    let calls = "prctl,open,openat,openat2,connect,bind,unlink,unlinkat,rename,mkdir,execve,socket";
    let daemon = Builder::new(&["--idle-timeout", "20s"]).traced(calls).start();
    daemon.connect().echo(b"a line\n");
    daemon.connect().reset();
    daemon.status();
    daemon.signal(Signal::HUP);
    let mut talking = daemon.connect();
    talking.echo(b"until the end\n");
    daemon.terminate();
    talking.wait_for_end();
    drop(talking);
    let trace = daemon.ended_trace(0);
    let (start, service) = trace.split_once("PR_SET_NO_NEW_PRIVS").expect("a sandbox");
    assert!(start.contains("openat(") && start.contains("bind("), "{start}");
    let asked: Vec<_> = service.lines().skip(1).filter(|line| line.contains('(')).collect();
    assert!(asked.is_empty(), "{asked:#?}");
}

#[test]
fn o06_where_getrandom_is_filtered_the_sandbox_is_no_reason_to_panic() {
    if !have(&["strace"]) {
        return;
    }
    for error in ["ENOSYS", "EPERM"] {
        let daemon = Builder::new(&[]).injected("getrandom", error, "1+1").start();
        daemon.connect().echo(b"hello\n");
        daemon.epilogue();
    }
}
