//! Output: echoes in pieces or combined, unread output, and closed pipes.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::servers::{Daemon, Server};
use crate::support::{Client, command, memory_bytes, run};

#[test]
fn an_echo_that_comes_byte_by_byte_is_whole() {
    let server = Server::start(|mut peer| {
        let line = peer.line();
        line.bytes().for_each(|byte| peer.send([byte]));
        peer.rest();
    });
    let mut client = Client::start(&[], server.port);
    client.type_in("hello, world\n");
    client.shows("hello, world\n");
    client.finish().echoed("hello, world\n");
}

#[test]
fn two_echoes_that_come_at_once_are_both_there() {
    let server = Server::start(|mut peer| {
        let both = peer.line() + &peer.line();
        peer.send(both);
        peer.rest();
    });
    run(&[], server.port, b"one\ntwo\n").echoed("one\ntwo\n");
}

#[test]
fn unrequested_output_of_the_server_is_shown() {
    let server = Server::start(|mut peer| {
        peer.send("welcome\n");
        peer.echo(1);
        peer.rest();
    });
    let mut client = Client::start(&[], server.port);
    client.shows("welcome\n");
    client.type_in("one\n");
    client.finish().echoed("welcome\none\n");
}

#[test]
fn head_ends_the_client_quietly() {
    let daemon = Daemon::start("echo");
    let mut command = command(&[], daemon.port);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let yes = thread::spawn(move || while stdin.write_all(b"y\n").is_ok() {});
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    yes.join().unwrap();
    assert_eq!(line, "y\n");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_closed_output_pipe_ends_an_idle_client() {
    let server = Server::start(|mut peer| peer.rest());
    let mut command = command(&[], server.port);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    // The client's standard input stays open.
    let stdin = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(stdin);
    assert_eq!(server.join(), b"");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs /dev/full")]
fn a_full_disk_is_a_failure() {
    let daemon = Daemon::start("echo");
    let mut command = command(&[], daemon.port);
    command.stdin(Stdio::piped()).stdout(File::create("/dev/full").unwrap());
    let mut client = Client::spawn(&mut command);
    client.type_in("one\n");
    client.finish().failed(1, "failed", "standard output: No space left on device");
}

/// An unread output stops the whole chain, and no process's memory grows.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn an_unread_output_stops_the_reading_of_the_socket() {
    let server = Server::start(|mut peer| {
        peer.stream().set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let (block, mut sent) = (vec![b'x'; 1 << 16], 0);
        loop {
            match peer.stream().write(&block) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
            assert!(sent < 64 << 20, "the client reads on with its output unread");
        }
        peer.half_close();
        peer.rest();
        sent
    });
    let mut command = command(&[], server.port);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    // Reads one byte, so that the connection is established; then none until the server is stuck.
    stdout.read_exact(&mut [0]).unwrap();
    let sent = server.join();
    let peak = memory_bytes(child.id(), "VmHWM");
    assert!(peak < 16 << 20, "{peak} bytes at the peak, {sent} bytes sent");
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len() + 1, sent, "the delayed bytes came in the end");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
