//! A client stopped for longer than its timeouts: an answer that came in time still counts.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::servers::{Peer, Server};
use crate::support::{Client, command, wait_until};

/// The timeout of these tests, and a longer stop.
const TIMEOUT: &str = "500ms";
const STOP: Duration = Duration::from_millis(900);

/// Stops the client for [`STOP`]; `meanwhile` runs first, well before any timeout.
fn stopped(client: &Client, meanwhile: impl FnOnce()) {
    client.stop();
    let began = Instant::now();
    meanwhile();
    wait_until("the stop is over", || began.elapsed() > STOP);
    client.go_on();
}

/// A client of a server that runs `first`, and then `second` while the client is stopped.
fn in_two_parts(
    options: &[&str],
    first: impl FnOnce(&mut Peer) + Send + 'static,
    second: impl FnOnce(&mut Peer) + Send + 'static,
    typed: &str,
) -> Client {
    let (go, started) = channel();
    let (done, ready) = channel();
    let (sent, there) = channel();
    let server = Server::start(move |mut peer| {
        first(&mut peer);
        done.send(()).unwrap();
        started.recv().unwrap();
        second(&mut peer);
        sent.send(()).unwrap();
        peer.rest()
    });
    let mut client = Client::start(options, server.port);
    client.type_in(typed);
    ready.recv().unwrap();
    stopped(&client, || {
        go.send(()).unwrap();
        there.recv().unwrap();
    });
    client
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn c18_an_echo_that_came_in_time_is_shown_after_a_stop() {
    for _ in 0..2 {
        let client = in_two_parts(
            &["--timeout", TIMEOUT],
            |peer| assert_eq!(peer.line(), "one\n"),
            |peer| peer.send("one\n"),
            "one\n",
        );
        client.finish().echoed("one\n");
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn c18_a_heartbeat_answer_that_came_in_time_counts_after_a_stop() {
    let mut client = in_two_parts(
        &["-v", "--heartbeat", TIMEOUT],
        |peer| assert_eq!(peer.line(), "\n"),
        |peer| peer.send("\n"),
        "",
    );
    client.says("heartbeat answered\n");
    assert_eq!(client.finish().status.code(), Some(0));
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn c18_a_server_that_makes_room_in_time_is_written_to_after_a_stop() {
    let long = "x".repeat(8_000_000);
    let (go, started) = channel();
    let (sent, there) = channel();
    let server = Server::start(move |mut peer| {
        started.recv().unwrap();
        let first = peer.bytes(4_000_000).len();
        sent.send(()).unwrap();
        first + peer.rest().len()
    });
    let mut client = Client::start(&["--timeout", TIMEOUT], server.port);
    let mut stdin = client.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        stdin.write_all(long.as_bytes()).unwrap();
    });
    stopped(&client, || {
        go.send(()).unwrap();
        // The sockets hold less than half of the line.
        assert!(there.recv_timeout(STOP / 3).is_err(), "the client is stopped");
    });
    there.recv().unwrap();
    writer.join().unwrap();
    let end = client.ends();
    end.failed(3, "terminated", "1 line owed");
    assert_eq!(server.join(), 8_000_000, "the server reads the whole line");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn c18_a_fin_that_came_in_time_is_seen_after_a_stop() {
    for _ in 0..2 {
        let (go, started) = channel();
        let (sent, there) = channel();
        let server = Server::start(move |mut peer| {
            let all = peer.rest();
            started.recv().unwrap();
            peer.send(all);
            peer.half_close();
            sent.send(()).unwrap();
            peer
        });
        let mut client = Client::start(&["-v", "--timeout", TIMEOUT], server.port);
        client.type_in("one\n");
        drop(client.stdin.take());
        client.says("half-closed\n");
        stopped(&client, || {
            go.send(()).unwrap();
            there.recv().unwrap();
        });
        let end = client.ends();
        assert_eq!((end.status.code(), end.stdout.as_slice()), (Some(0), &b"one\n"[..]), "{end:?}");
        drop(server.join());
    }
}

/// Imitates a stop that ends a poll without its events, as some systems and debuggers do: strace
/// makes the polls `which` last 900 ms and fail with EINTR.
fn interrupted(calls: &str, which: &str, options: &[&str], port: u16) -> Option<Client> {
    if Command::new("strace").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI skips no test: no strace here");
        // Not with eprintln!, because the test runner captures its output.
        io::stderr().write_all(b"SKIPPED an interrupted wait: no strace here\n").unwrap();
        return None;
    }
    let plain = command(options, port);
    let mut strace = Command::new("strace");
    let inject = format!("inject={calls}:error=EINTR:delay_exit=900000:when={which}");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &inject]).arg(plain.get_program());
    strace.args(plain.get_args()).stdin(Stdio::piped()).stdout(Stdio::piped());
    Some(Client::spawn(&mut strace))
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs strace")]
fn c18_an_echo_that_came_in_time_is_shown_after_an_interrupted_wait() {
    // The number of the poll that waits for the echo depends on timing.
    for which in ["3..4", "4..5", "5..6"] {
        let server = Server::start(|mut peer| {
            peer.echo(1);
            peer.rest()
        });
        let options = ["--timeout", TIMEOUT];
        let Some(mut client) = interrupted("ppoll", which, &options, server.port) else { return };
        client.type_in("one\n");
        client.shows("one\n");
        let end = client.finish();
        assert_eq!((end.status.code(), end.stderr.as_str()), (Some(0), ""), "{which}");
        assert_eq!(server.join(), b"");
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs strace")]
fn c18_a_heartbeat_answer_that_came_in_time_counts_after_an_interrupted_wait() {
    for which in ["3", "4", "5"] {
        let server = Server::start(|mut peer| {
            peer.echo(2);
            peer.rest()
        });
        let options = ["-v", "--heartbeat", TIMEOUT];
        let Some(mut client) = interrupted("ppoll", which, &options, server.port) else { return };
        client.says("heartbeat answered\n");
        client.says("heartbeat answered\n");
        assert_eq!(client.finish().status.code(), Some(0), "{which}");
        server.join();
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs strace")]
fn c18_a_connection_established_in_time_is_used_after_an_interrupted_wait() {
    // The first poll of a program is the standard library's, which checks the descriptors.
    for which in ["1", "2", "3"] {
        let server = Server::start(|mut peer| peer.rest());
        let options = ["--connect-timeout", TIMEOUT];
        let Some(client) = interrupted("?poll", which, &options, server.port) else { return };
        client.finish().echoed("");
        server.join();
    }
}

/// A listener with a full accept queue leaves the client's SYN unanswered until there is room.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn c18_a_connection_established_in_time_is_used_after_a_stop() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let address: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(0).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let first = std::net::TcpStream::connect(address).unwrap();
    let client = Client::start(&["--connect-timeout", "2s"], address.port());
    let local = format!(" 0100007F:{:04X} 02 ", address.port());
    wait_until("the client's SYN_SENT", || {
        std::fs::read_to_string("/proc/net/tcp").unwrap().contains(&local)
    });
    client.stop();
    let began = Instant::now();
    // The kernel sends the SYN again after a second, and there is room.
    drop(listener.accept().unwrap());
    let (mut second, _) = listener.accept().unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "in time");
    wait_until("the stop is over", || began.elapsed() > Duration::from_millis(2500));
    client.go_on();
    drop(second.shutdown(std::net::Shutdown::Write));
    let end = client.finish();
    assert_ne!(end.status.code(), Some(6), "{end:?}");
    second.read_to_end(&mut Vec::new()).unwrap();
    drop(first);
}
