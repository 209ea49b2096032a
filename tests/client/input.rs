//! Sources of the input, its size, and its end.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::process::{Command, Stdio};

use crate::servers::{Daemon, Server};
use crate::support::{Client, Finished, TCPECHO, command, lines, memory_bytes, run};

fn run_on(stdin: File, port: u16) -> Finished {
    let mut command = command(&[], port);
    Client::spawn(command.stdin(stdin).stdout(Stdio::piped())).finish()
}

#[test]
fn a_file_is_sent_and_comes_back() {
    let daemon = Daemon::start("echo");
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"one\ntwo\n").unwrap();
    file.rewind().unwrap();
    run_on(file, daemon.port).echoed("one\ntwo\n");
}

#[test]
fn dev_null_is_an_empty_input() {
    let server = Server::start(|mut peer| peer.rest());
    run_on(File::open("/dev/null").unwrap(), server.port).echoed("");
    assert_eq!(server.join(), b"", "FIN and nothing else");
}

#[test]
fn a_closed_standard_input_is_an_empty_one() {
    let server = Server::start(|mut peer| peer.rest());
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" 127.0.0.1 \"$1\" <&-", TCPECHO, &server.port.to_string()]);
    Client::spawn(shell.stdout(Stdio::piped())).finish().echoed("");
    assert_eq!(server.join(), b"", "FIN and nothing else");
}

#[test]
fn a_directory_is_no_input() {
    let server = Server::start(|mut peer| peer.rest());
    let directory = File::open("/").unwrap();
    run_on(directory, server.port).failed(1, "failed", "standard input: Is a directory");
}

#[test]
fn a_hundred_thousand_lines_come_back_identical() {
    let daemon = Daemon::start("echo");
    let input = lines(100_000);
    run(&[], daemon.port, &input).echoed(&input);
}

#[test]
fn the_end_of_the_input_half_closes_and_the_client_waits_for_the_rest() {
    // The server sends no byte of the echo before the end of the input.
    let server = Server::start(|mut peer| {
        let all = peer.rest();
        peer.send(all);
    });
    run(&[], server.port, b"one\ntwo\n").echoed("one\ntwo\n");
    server.join();
}

#[test]
fn every_byte_value_and_a_last_line_without_newline_come_back() {
    let daemon = Daemon::start("echo");
    let input: Vec<u8> = (0..=255).rev().cycle().take(10_000).collect();
    assert_ne!(input.last(), Some(&b'\n'));
    run(&[], daemon.port, &input).echoed(&input);
}

/// A client that sends everything before it reads would deadlock: with its echo unread, the daemon
/// stops reading at about 12 MiB.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn a_file_of_a_hundred_megabytes_comes_back_in_little_memory() {
    const MEGABYTES: usize = 100;
    let daemon = Daemon::start("echo");
    let block: Vec<u8> = lines(200_000)[..1 << 20].to_vec();
    let mut file = tempfile::tempfile().unwrap();
    (0..MEGABYTES).for_each(|_| file.write_all(&block).unwrap());
    file.rewind().unwrap();
    let mut child = command(&[], daemon.port).stdin(file).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut echo = vec![0; block.len()];
    for megabyte in 1..=MEGABYTES {
        stdout.read_exact(&mut echo).unwrap();
        assert!(echo == block, "megabyte {megabyte} differs");
        if megabyte == MEGABYTES - 1 {
            // The client still has more to write than a pipe holds, so it is still running.
            let peak = memory_bytes(child.id(), "VmHWM");
            assert!(peak < 16 << 20, "{peak} bytes at the peak");
        }
    }
    assert_eq!(stdout.read(&mut echo).unwrap(), 0, "more came back than was sent");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// True if the text of /proc/PID/fdinfo/FD has `O_NONBLOCK`. The flags belong to the open file
/// description, so all processes that share it have them.
fn is_nonblocking(fdinfo: &str) -> bool {
    let line = fdinfo.lines().find(|line| line.contains("flags:")).unwrap();
    u32::from_str_radix(line.split_whitespace().nth(1).unwrap(), 8).unwrap() & 0o4000 != 0
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn only_the_socket_is_non_blocking() {
    let server = Server::start(|mut peer| {
        peer.echo(1);
        peer.rest();
    });
    let mut client = Client::start(&[], server.port);
    client.type_in("one\n");
    client.shows("one\n");
    let mut sockets = 0;
    for entry in fs::read_dir(format!("/proc/{}/fd", client.pid())).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let fdinfo = fs::read_to_string(format!("/proc/{}/fdinfo/{name}", client.pid())).unwrap();
        if name.parse::<u32>().unwrap() <= 2 {
            assert!(!is_nonblocking(&fdinfo), "descriptor {name}");
        } else if fs::read_link(entry.path()).unwrap().to_string_lossy().starts_with("socket:") {
            assert!(is_nonblocking(&fdinfo), "descriptor {name}");
            sockets += 1;
        }
    }
    assert_eq!(sockets, 1);
    client.finish().echoed("one\n");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn a_terminal_is_left_as_it_was() {
    let daemon = Daemon::start("echo");
    // The shell prints the flags of its terminal after the client has ended.
    let shell = format!(
        "{TCPECHO} -v 127.0.0.1 {}; echo status=$?; grep flags: /proc/self/fdinfo/0",
        daemon.port
    );
    let mut script = Command::new("script");
    script.args(["-qec", &shell, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    if Command::new("script").arg("--version").output().is_err() {
        println!("skipped: there is no script(1) here");
        return;
    }
    let mut terminal = Client::spawn(&mut script);
    terminal.shows("connected local=");
    terminal.type_in("one\n");
    // Once from the terminal's own echo, once from the daemon.
    terminal.shows("one\r\none\r\n");
    terminal.type_in("\x04");
    terminal.shows("flags:");
    let shown = terminal.finish();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("status=0"), "{shown}");
    let flags = shown.lines().find(|line| line.starts_with("flags:")).unwrap();
    assert!(!is_nonblocking(flags), "{shown}");
}

#[test]
fn input_before_control_d_in_the_middle_of_a_line_is_sent() {
    let server = Server::start(|mut peer| {
        let all = peer.rest();
        peer.send(&all);
        all
    });
    let mut client = Client::start(&[], server.port);
    client.type_in("one\ntw");
    client.finish().echoed("one\ntw");
    assert_eq!(server.join(), b"one\ntw");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn stopping_and_continuing_loses_nothing() {
    let server = Server::start(|mut peer| {
        peer.echo(2);
        peer.rest();
    });
    let mut client = Client::start(&[], server.port);
    client.type_in("one\n");
    client.shows("one\n");
    client.stop();
    client.go_on();
    client.type_in("two\n");
    client.shows("two\n");
    client.finish().echoed("one\ntwo\n");
}
