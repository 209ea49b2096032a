//! Silent servers: timeouts and heartbeats.

use std::time::Duration;

use crate::servers::{Daemon, Server};
use crate::support::{Client, run};

#[test]
fn an_echo_that_does_not_come_times_out() {
    let server = Server::start(|mut peer| {
        peer.echo(1);
        // The server reads the second line, and echoes nothing.
        peer.rest()
    });
    let mut client = Client::start(&["--timeout", "100ms"], server.port);
    client.type_in("one\n");
    client.shows("one\n");
    client.type_in("two\n");
    let end = client.ends();
    end.failed(6, "timed-out", "nothing came back for 100ms, 1 line owed");
    assert_eq!(end.stdout, b"one\n");
    assert_eq!(server.join(), b"two\n");
}

#[test]
fn a_server_that_never_closes_times_out() {
    let server = Server::start(|mut peer| {
        peer.echo(1);
        peer.rest();
        peer
    });
    let end = run(&["--timeout", "100ms"], server.port, b"one\n");
    end.failed(6, "timed-out", "the server has not closed the connection");
    drop(server.join());
}

#[test]
fn an_idle_user_does_not_time_out() {
    let daemon = Daemon::start("echo");
    // The heartbeat shows that more than the timeout has passed.
    let options = ["-v", "--timeout", "400ms", "--heartbeat", "600ms"];
    let mut client = Client::start(&options, daemon.port);
    client.says("heartbeat sent\n");
    client.says("heartbeat answered\n");
    client.type_in("one\n");
    client.shows("one\n");
    assert_eq!(client.finish().status.code(), Some(0));
}

/// Heartbeats run before and after a line, and only the line's reply is shown.
fn heartbeat_over(service: &str, options: &[&str], line: &str, reply: &str) {
    let daemon = Daemon::start(service);
    let options = [options, &["-v", "--heartbeat", "500ms"]].concat();
    let mut client = Client::start(&options, daemon.port);
    client.says("heartbeat sent\n");
    client.says("heartbeat answered\n");
    client.type_in(line);
    client.shows(reply);
    client.says("heartbeat sent\n");
    client.says("heartbeat answered\n");
    let end = client.finish();
    assert_eq!(end.status.code(), Some(0), "{end:?}");
    assert_eq!(String::from_utf8(end.stdout).unwrap(), reply);
}

#[test]
fn a_heartbeats_echo_is_not_shown() {
    heartbeat_over("echo", &[], "one\n", "one\n");
}

#[test]
fn a_heartbeats_error_line_is_not_shown() {
    heartbeat_over("sum", &[], "11 22\n", "33\n");
}

#[test]
fn a_heartbeats_sum_is_not_shown() {
    heartbeat_over("sum-xdr", &["--format", "xdr"], "11 22\n", "33\n");
}

#[test]
fn no_heartbeat_goes_into_the_middle_of_a_line() {
    let server = Server::start(|mut peer| {
        let half = peer.bytes(2);
        // Four times the heartbeat's interval.
        let silent = peer.is_silent_for(Duration::from_millis(200));
        peer.send("go on\n");
        (half, silent, peer.line())
    });
    let mut client = Client::start(&["--heartbeat", "50ms"], server.port);
    client.type_in("on");
    client.shows("go on\n");
    client.type_in("e\n");
    drop(client.ends());
    assert_eq!(server.join(), (b"on".to_vec(), true, "e\n".to_owned()));
}

#[test]
fn a_heartbeat_that_is_not_answered_times_out() {
    let server = Server::start(|mut peer| peer.rest());
    let client = Client::start(&["--heartbeat", "100ms"], server.port);
    client.ends().failed(6, "timed-out", "heartbeat unanswered for 100ms");
    assert_eq!(server.join(), b"\n");
}

#[test]
fn a_server_that_takes_nothing_of_a_long_line_times_out() {
    let server = Server::start(|peer| peer);
    let end = run(&["--timeout", "300ms"], server.port, &vec![b'x'; 30_000_000]);
    end.failed(6, "timed-out", "the server took nothing for 300ms");
    drop(server.join());
}
