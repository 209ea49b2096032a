//! The daemon for one connection: started by inetd, xinetd or systemd with it as standard input.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::support::{BINARY, LIMIT, eventually, have};

/// A connection: a peer at one end, the daemon's standard input and output at the other.
struct Started {
    child: Child,
    peer: TcpStream,
    directory: TempDir,
}

impl Started {
    /// Starts the daemon as inetd does; `stderr` decides where its log goes.
    fn new(arguments: &[&str], stderr: impl FnOnce(&TcpStream, File) -> Stdio) -> Self {
        let directory = TempDir::new().unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        peer.set_read_timeout(Some(LIMIT)).unwrap();
        let (connection, _) = listener.accept().unwrap();
        let stderr = stderr(&connection, log);
        let mut command = Command::new(BINARY);
        command.args(arguments).env("RUST_LOG", "debug").stderr(stderr);
        command.stdout(Stdio::from(OwnedFd::from(connection.try_clone().unwrap())));
        let child = command.stdin(Stdio::from(OwnedFd::from(connection))).spawn().unwrap();
        Self { child, peer, directory }
    }

    fn with_log(arguments: &[&str]) -> Self {
        Self::new(arguments, |_, log| log.into())
    }

    fn ends(&mut self) -> (Option<i32>, String) {
        let status = eventually("it ends", || self.child.try_wait().unwrap());
        (status.code(), std::fs::read_to_string(self.directory.path().join("log")).unwrap())
    }
}

#[test]
fn d09_the_connection_on_standard_input_is_served_and_the_daemon_ends_with_it() {
    let mut daemon = Started::with_log(&["--inetd"]);
    let local = daemon.peer.peer_addr().unwrap();
    daemon.peer.write_all(b"one\ntwo").unwrap();
    daemon.peer.shutdown(Shutdown::Write).unwrap();
    let mut echoed = String::new();
    daemon.peer.read_to_string(&mut echoed).unwrap();
    assert_eq!(echoed, "one\ntwo");
    let (code, log) = daemon.ends();
    assert_eq!(code, Some(0), "{log}");
    let closed = format!("closed peer={} cause=finished", daemon.peer.local_addr().unwrap());
    assert!(log.contains(&closed) && log.contains(&format!("listener={local}")), "{log}");
}

#[test]
fn d09_sigterm_drains_the_only_connection() {
    let mut daemon = Started::with_log(&["--inetd", "--service", "raw"]);
    let mut reply = [0; 4];
    daemon.peer.write_all(b"ping").unwrap();
    daemon.peer.read_exact(&mut reply).unwrap();
    kill_process(Pid::from_child(&daemon.child), Signal::TERM).unwrap();
    assert_eq!(daemon.peer.read(&mut reply).unwrap(), 0, "FIN");
    daemon.peer.shutdown(Shutdown::Write).unwrap();
    let (code, log) = daemon.ends();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("cause=drained"), "{log}");
}

/// inetd and xinetd make the connection standard error too.
#[test]
fn d10_the_log_is_never_sent_to_the_peer() {
    let stderr =
        |connection: &TcpStream, _| Stdio::from(OwnedFd::from(connection.try_clone().unwrap()));
    let mut daemon = Started::new(&["--inetd"], stderr);
    daemon.peer.write_all(b"a line\n").unwrap();
    daemon.peer.shutdown(Shutdown::Write).unwrap();
    let mut echoed = String::new();
    daemon.peer.read_to_string(&mut echoed).unwrap();
    assert_eq!((daemon.ends().0, echoed.as_str()), (Some(0), "a line\n"));
}

#[test]
fn d11_a_connection_without_inetd_and_inetd_without_a_connection_are_errors() {
    let mut daemon = Started::with_log(&[]);
    let (code, log) = daemon.ends();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("standard input is a connection, from 127.0.0.1:"), "{log}");
    let mut command = Command::new(BINARY);
    let ended = command.arg("--inetd").stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("standard input is no connection"), "{said}");
}

#[test]
fn d12_xinetd_starts_a_daemon_for_each_connection() {
    if !have(&["xinetd"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = include_str!("../../docs/deploy/xinetd.conf");
    let text = text.replace("/usr/local/bin/tcpechod", BINARY).replace("9877", &port.to_string());
    let text = text.replace("= nobody", "= root").replace("0.0.0.0", "127.0.0.1");
    let file = directory.path().join("xinetd.conf");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new("xinetd");
    command.arg("-dontfork").arg("-filelog").arg(directory.path().join("log"));
    command.arg("-f").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut xinetd = command.spawn().unwrap();
    for line in ["one\n", "two\n"] {
        let mut peer = eventually("it listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        peer.set_read_timeout(Some(LIMIT)).unwrap();
        peer.write_all(line.as_bytes()).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        let mut echoed = String::new();
        peer.read_to_string(&mut echoed).unwrap();
        assert_eq!(echoed, line);
    }
    xinetd.kill().unwrap();
    xinetd.wait().unwrap();
}
