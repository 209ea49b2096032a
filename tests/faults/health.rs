//! `tcpechod --health`, as a container's health check runs it.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use super::admin::daemon;
use super::support::{BINARY, Builder, Daemon};

/// The exit status, and the line on standard error.
fn health(address: &str) -> (i32, String) {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TCPECHOD_")) {
        command.env_remove(name);
    }
    // Those of the daemon in the same container.
    command.env("TCPECHOD_LISTEN", "127.0.0.1:0").env("TCPECHOD_LOG_FORMAT", "json");
    let output = command.args(["--health", address]).output().unwrap();
    assert_eq!(output.stdout, b"");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn not_ready(address: &impl ToString, reason: &str) {
    let address = address.to_string();
    let line = format!("tcpechod: not ready: {address}: {reason}\n");
    assert_eq!(health(&address), (1, line));
}

const READY: (i32, String) = (0, String::new());

#[test]
fn m11_a_daemon_is_ready_until_it_drains_and_then_each_state_has_its_reason() {
    let (mut daemon, address) = daemon(&["--drain-timeout", "1m"]);
    let port = address.port();
    for form in
        [address.to_string(), port.to_string(), format!("localhost:{port}"), format!("*:{port}")]
    {
        assert_eq!(health(&form), READY, "{form}");
    }
    daemon.stopped(|| not_ready(&address, "no answer within 3s"));
    // Pending output for a peer that does not read keeps the drain from ending.
    let mut peer = daemon.connect();
    daemon.leave_pending(&mut peer);
    daemon.terminate();
    daemon.wait_for_log("draining, for at most");
    not_ready(&address, "503 draining");
    peer.reset();
    daemon.wait_for_exit();
    not_ready(&address, "refused: no process listens there");
    daemon.epilogue_ended(0);
}

#[test]
fn m11_a_unix_socket_can_be_asked_too() {
    let directory = TempDir::new().unwrap();
    let address = format!("unix:{}", directory.path().join("metrics").display());
    let daemon = Builder::new(&["--metrics", &address]).start();
    assert_eq!(health(&address), READY);
    daemon.epilogue();
}

/// Without a metrics listener, the echo of the question is the answer.
#[test]
fn m11_an_echo_listener_is_ready_if_it_echoes_and_another_service_is_not_taken_for_one() {
    for service in ["echo", "raw"] {
        let daemon = Daemon::start(&["--service", service]);
        assert_eq!(health(&daemon.address().to_string()), READY, "{service}");
        daemon.epilogue();
    }
    let daemon = Daemon::start(&["--service", "sum"]);
    let (code, line) = health(&daemon.address().to_string());
    assert_eq!(code, 1);
    assert!(line.contains(": not HTTP, and no echo: the answer begins with \"error: "), "{line}");
    daemon.epilogue_with(b"1 2\n", b"3\n");
}

#[test]
fn m11_a_silent_closing_or_impossible_address_is_not_ready() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    not_ready(&address, "no answer within 3s");
    // The backlog still has the connection of the check before.
    drop(listener.accept().unwrap());
    let closing = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 200];
        std::io::Read::read(&mut stream, &mut request).unwrap()
    });
    not_ready(&address, "closed without an answer");
    assert!(closing.join().unwrap() > 0);
    let (code, line) = health("localhost");
    assert_eq!(code, 2, "{line}");
    assert!(line.contains("expected a port, as in localhost:9090"), "{line}");
    let (code, line) = health("unix:/no/such/file");
    assert_eq!(code, 1);
    assert_eq!(line.lines().count(), 1, "{line}");
}

#[test]
fn m11_a_check_does_not_disturb_the_daemon() {
    let (daemon, address) = daemon(&[]);
    let mut peer = daemon.connect();
    for _ in 0..20 {
        assert_eq!(health(&address.to_string()), READY);
        peer.echo(b"meanwhile\n");
    }
    daemon.signal(Signal::HUP);
    assert_eq!(health(&address.to_string()), READY);
    drop(peer);
    daemon.epilogue();
}
