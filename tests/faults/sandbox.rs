//! The sandbox of a running daemon: its log line, and that it denies no call in service. The tests
//! beside the code (`src/server/sandbox/`) check which calls each layer denies.

use std::fs;
use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use super::support::{Builder, Daemon, have, lacks};

/// A field in /proc/PID/status.
fn status_field(process: u32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn o04_the_sandbox_is_reported_in_one_log_line() {
    let daemon = Daemon::start(&[]);
    let line = daemon.wait_for_log("sandbox: ");
    assert!(daemon.has_no_new_privileges());
    if line.contains("sandbox: Landlock ABI ") {
        assert!(line.contains(" enforced, system calls filtered, no new privileges"), "{line}");
        assert_eq!(status_field(daemon.process(), "Seccomp"), "2");
    } else {
        lacks("a kernel with Landlock");
    }
    daemon.epilogue();
}

#[test]
fn o04_the_sandbox_is_off_on_request_and_with_exec() {
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

/// Features that make system calls of their own.
const FEATURES: [&str; 4] = ["--idle-timeout", "20s", "--metrics", "127.0.0.1:0"];

/// Runs a daemon with these, a Unix socket and a service manager under strace, which records
/// calls before the filter denies them. Returns the record from the filter's installation on.
fn calls_in_service(mut builder: Builder, which: &str) -> String {
    let place = |name| builder.directory().join(name).to_str().unwrap().to_owned();
    let (trace, manager, unix) = (place("trace"), place("manager"), place("echo"));
    let _manager = UnixDatagram::bind(&manager).unwrap();
    builder = builder.listen("127.0.0.1:0").listen(&format!("unix:{unix}"));
    builder = builder.wrapped(&["strace", "-f", "-o", &trace, "-e", which]);
    let daemon = builder.env("NOTIFY_SOCKET", &manager).env("WATCHDOG_USEC", "50000").start();
    daemon.connect().echo(b"a line\n");
    daemon.connect().reset();
    let mut slow = daemon.connect_narrow();
    daemon.leave_pending(&mut slow);
    daemon.status();
    daemon.signal(Signal::HUP);
    let mut talking = daemon.connect();
    talking.echo(b"until the end\n");
    daemon.terminate();
    slow.half_close();
    slow.read_to_end();
    talking.wait_for_end();
    drop((slow, talking));
    let trace = daemon.ended_trace(0);
    let (start, service) = trace.split_once("SECCOMP_SET_MODE_FILTER").expect("a filter call");
    assert!(start.contains("openat(") && start.contains("bind("), "{start}");
    service.to_owned()
}

/// The daemon makes no call that the sandbox forbids, so it behaves the same with and without.
#[test]
fn o05_nothing_is_opened_connected_or_bound_in_service() {
    if !have(&["strace"]) {
        return;
    }
    let calls =
        "trace=seccomp,prctl,open,openat,openat2,connect,bind,rename,mkdir,execve,socket,clone3";
    let service = calls_in_service(Builder::new(&FEATURES), calls);
    let found: Vec<_> = service.lines().skip(1).filter(|line| line.contains('(')).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn o05_no_system_call_of_the_daemon_is_denied_in_service() {
    if !have(&["strace"]) {
        return;
    }
    let builder = Builder::new(&FEATURES).logging_to_file();
    let list = builder.directory().join("list");
    fs::write(&list, "::/0\n").unwrap();
    let builder = builder.env("TCPECHOD_DENY_FILE", list.to_str().unwrap());
    let service = calls_in_service(builder, "trace=all");
    for usual in ["accept4(", "openat(", "recvfrom(", "sendto(", "write(", "unlink(", "exit_group("]
    {
        assert!(service.contains(usual), "{usual} is not in the record: {service}");
    }
    let refused: Vec<_> = service
        .lines()
        .filter(|line| line.contains("EPERM (") || line.contains("EACCES ("))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn o06_a_filtered_getrandom_causes_no_panic_in_the_sandbox() {
    if !have(&["strace"]) {
        return;
    }
    for error in ["ENOSYS", "EPERM"] {
        let daemon = Builder::new(&[]).injected("getrandom", error, "1+1").start();
        daemon.connect().echo(b"hello\n");
        daemon.epilogue();
    }
}

/// On older kernels and under outer filters, the sandbox consists of the available layers.
#[test]
fn o08_an_unavailable_layer_is_logged_and_the_other_one_holds() {
    if !have(&["strace"]) {
        return;
    }
    for (call, error, said) in [
        ("seccomp", "EINVAL", "enforced, system calls not filtered: a filter can't be had here ("),
        (
            "landlock_create_ruleset",
            "ENOSYS",
            "sandbox: Landlock can't be had here (the kernel, or a filter around us), system calls \
             filtered, no new privileges",
        ),
    ] {
        let daemon = Builder::new(&[]).injected(call, error, "1+").start();
        let line = daemon.wait_for_log("sandbox: ");
        assert!(line.contains(said), "{line}");
        assert!(daemon.has_no_new_privileges());
        daemon.epilogue();
    }
}
