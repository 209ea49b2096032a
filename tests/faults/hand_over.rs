//! Hand-over: the next daemon takes the listeners over from the one that runs.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::restarts::Churn;
use super::support::{Builder, Daemon, LIMIT, Peer};

/// A place for daemons that hand over to each other.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn socket(&self) -> PathBuf {
        self.0.path().join("hand-over")
    }

    fn builder(&self, address: &str, arguments: &[&str]) -> Builder {
        let socket = format!("--hand-over={}", self.socket().display());
        Builder::new(&[&[&*socket], arguments].concat()).listen(address)
    }

    fn daemon(&self, address: &str) -> Daemon {
        self.builder(address, &[]).start()
    }
}

fn handed_over(mut daemon: Daemon) {
    assert_eq!(daemon.wait_for_exit().code(), Some(0), "{}", daemon.log());
    daemon.wait_for_log("hand-over: the next daemon serves");
}

#[test]
fn l19_a_hand_over_loses_no_peer_that_closes_first() {
    let place = Place::new();
    let mut current = place.daemon("127.0.0.1:0");
    let address = current.address();
    let mut churn = Churn::start(address);
    while churn.goes_on(&current) {
        churn.replaces(&current);
        let next = place.daemon(&address.to_string());
        handed_over(std::mem::replace(&mut current, next));
    }
    churn.lost_nothing("by a hand-over");
}

#[test]
fn l19_the_queue_and_the_files_of_unix_sockets_go_to_the_next_daemon() {
    let place = Place::new();
    let path = place.0.path().join("echo");
    let address = format!("unix:{}", path.display());
    let old = place.builder(&address, &["--max-connections", "1"]).start();
    let mut first = connect(&path);
    echo(&mut first, b"the only one\n");
    let mut waits = connect(&path);
    waits.write_all(b"waits\n").unwrap();
    let mut next = place.daemon(&address);
    receive(&mut waits, b"waits\n");
    drop(first);
    handed_over(old);
    assert!(path.exists() && place.socket().exists(), "the files belong to the next daemon");
    echo(&mut connect(&path), b"comes later\n");
    drop(waits);
    next.terminate();
    assert_eq!(next.wait_for_exit().code(), Some(0), "{}", next.log());
    assert!(!path.exists() && !place.socket().exists(), "it has removed them");
}

fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

fn echo(stream: &mut UnixStream, line: &[u8]) {
    stream.write_all(line).unwrap();
    receive(stream, line);
}

fn receive(stream: &mut UnixStream, line: &[u8]) {
    let mut back = vec![0; line.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, line);
}

#[test]
fn l19_a_next_daemon_that_fails_to_start_changes_nothing() {
    let place = Place::new();
    let old = place.daemon("127.0.0.1:0");
    let address = old.address().to_string();
    let mut peer = old.connect();
    peer.echo(b"before\n");
    let failed = place.builder(&address, &[]).listen("192.0.2.1:9").run_to_end();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    old.wait_for_log("hand-over: the next daemon ended before it was ready; this one goes on");
    peer.echo(b"after\n");
    old.connect().echo(b"and new ones\n");
    drop(peer);
    let next = place.daemon(&address);
    handed_over(old);
    next.connect().echo(b"a line\n");
    next.epilogue();
}

#[test]
fn l19_connections_stay_with_the_old_daemon_and_metrics_go_to_the_next() {
    let place = Place::new();
    let old = place.builder("127.0.0.1:0", &["--metrics", "127.0.0.1:0"]).start();
    let metrics = metrics_address(&old);
    let address = old.address().to_string();
    let mut peer = old.connect();
    peer.send(b"half a li");
    old.wait_for_status("it is read", |status| status.count("bytes_in") == 9);
    let next = place.builder(&address, &["--metrics", &metrics.to_string()]).start();
    peer.send(b"ne\n");
    assert_eq!(peer.recv_exact(12), b"half a line\n");
    drop(peer);
    handed_over(old);
    let mut watcher = Peer::connect(metrics);
    watcher.send(b"GET /readyz HTTP/1.1\r\nHost: here\r\n\r\n");
    let answer = String::from_utf8(watcher.read_to_end()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(watcher);
    next.epilogue();
}

fn metrics_address(daemon: &Daemon) -> SocketAddr {
    let line = daemon.wait_for_log("metrics on ");
    line.split("metrics on ").nth(1).unwrap().trim().parse().unwrap()
}

#[test]
fn l19_a_listener_that_the_next_daemon_does_not_want_is_closed_with_a_warning() {
    let place = Place::new();
    let old = place.builder("127.0.0.1:0", &[]).listen("127.0.0.1:0").start();
    let [first, second] = old.addresses() else { panic!("two addresses") };
    let (first, second) = (*first, *second);
    let next = place.daemon(&second.to_string());
    next.wait_for_log(&format!("the old daemon listened on {first}; this one does not"));
    handed_over(old);
    assert!(std::net::TcpStream::connect(first).is_err());
    Peer::connect(second).echo(b"a line\n");
    next.epilogue();
}

#[test]
fn l19_a_stranger_on_the_socket_is_an_error_that_names_it() {
    let place = Place::new();
    let stranger = UnixListener::bind(place.socket()).unwrap();
    let answers = std::thread::spawn(move || {
        stranger.accept().unwrap().0.write_all(b"220 mail.example ESMTP\r\n").unwrap();
    });
    let ended = place.builder("127.0.0.1:0", &[]).run_to_end();
    answers.join().unwrap();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = "no daemon of this kind answers there";
    assert!(ended.stderr.contains(said) && ended.stderr.contains("hand-over"), "{ended:?}");
}

#[test]
fn l19_a_socket_that_a_killed_daemon_left_behind_is_replaced() {
    let place = Place::new();
    drop(UnixListener::bind(place.socket()).unwrap());
    let daemon = place.daemon("127.0.0.1:0");
    daemon.connect().echo(b"a line\n");
    assert_eq!(mode(&place.socket()), 0o600, "no other user may ask");
    daemon.epilogue();
}

fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
}
