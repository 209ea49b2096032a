//! Writes after the server's RST: SIGPIPE or EPIPE. Also the course's first client, stop-and-wait,
//! which does not check the socket before it writes.

use std::io::Read;
use std::process::Stdio;

use crate::servers::{CLOSE_WAIT, Daemon, Server, state};
use crate::support::{Client, command, run, wait_until};

const SIGPIPE: i32 = 13;

/// A client that has received one echo, and then the server's FIN and RST.
fn abandoned(options: &[&str]) -> Client {
    let server = Server::start(|mut peer| {
        peer.echo(1);
        peer.fin_then_reset();
    });
    let mut client = Client::start(options, server.port);
    client.type_in("one\n");
    client.shows("one\n");
    server.join();
    client
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn stop_and_wait_meets_epipe_at_the_next_line() {
    let mut client = abandoned(&["--stop-and-wait"]);
    assert!(client.is_running(), "it does not check the socket");
    client.type_in("two\n");
    let end = client.ends();
    end.failed(5, "broken-pipe", "Broken pipe");
    assert_eq!(end.stdout, b"one\n");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn stop_and_wait_dies_of_an_unignored_sigpipe() {
    let mut client = abandoned(&["--stop-and-wait", "--sigpipe", "default"]);
    assert!(client.is_running(), "it does not check the socket");
    client.type_in("two\n");
    let end = client.ends();
    assert_eq!((end.signal(), end.stderr.as_str()), (Some(SIGPIPE), ""), "silently");
}

/// The client can't see the server's FIN, because the output before it is unread.
fn stuck(options: &[&str]) -> (std::process::Child, usize) {
    // More than a pipe and the client's buffer hold, and less than the client's socket buffer.
    const SENT: usize = 150_000;
    let server = Server::start(|mut peer| {
        peer.send(vec![b'x'; SENT]);
        peer.fin_then_reset();
    });
    let mut command = command(options, server.port);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    server.join();
    (child, SENT)
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn a_broken_pipe_comes_after_all_that_the_server_had_sent() {
    use std::io::Write;
    let (mut child, sent) = stuck(&[]);
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.starts_with("tcpecho: broken-pipe: Broken pipe"), "{said}");
    assert_eq!(output.stdout.len(), sent, "no byte of it is lost");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn sigpipe_default_kills_the_client() {
    use std::io::Write;
    use std::os::unix::process::ExitStatusExt;
    let (mut child, _) = stuck(&["--sigpipe", "default"]);
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(SIGPIPE));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "", "silently");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn stop_and_wait_notices_the_servers_end_only_after_the_next_line() {
    let server = Server::start(|mut peer| {
        let client = peer.stream().peer_addr().unwrap().port();
        let server = peer.stream().local_addr().unwrap().port();
        peer.echo(1);
        peer.half_close();
        wait_until("the client's CLOSE_WAIT", || state(client, server) == Some(CLOSE_WAIT));
        peer
    });
    let mut client = Client::start(&["--stop-and-wait"], server.port);
    client.type_in("one\n");
    client.shows("one\n");
    let mut peer = server.join();
    assert!(client.is_running(), "the FIN has arrived, and it has not noticed");
    client.type_in("two\n");
    assert_eq!(peer.line(), "two\n", "it was sent to a server that had ended");
    client.ends().failed(3, "terminated", "the server terminated prematurely");
}

#[test]
fn stop_and_wait_echoes_and_returns_at_the_end_of_the_input() {
    let daemon = Daemon::start("echo");
    let input = [&b"one\n"[..], &[b'x'; 10_000], b"\nthree\n"].concat();
    run(&["--stop-and-wait"], daemon.port, &input).echoed(&input);
}

#[test]
fn stop_and_wait_meets_a_reset_where_it_waits_for_the_echo() {
    let server = Server::start(|mut peer| {
        peer.line();
        peer.reset();
    });
    let mut client = Client::start(&["--stop-and-wait"], server.port);
    client.type_in("one\n");
    client.ends().failed(4, "reset", "Connection reset by peer");
}
