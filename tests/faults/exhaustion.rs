//! Exhausted resources: descriptors, memory, and space for the log.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::process::Command;
use std::thread;

use rustix::process::Pid;

use super::support::{Builder, Daemon, Peer, Status, blocks, descriptors, have, pattern};

#[test]
fn x01_the_soft_limit_on_descriptors_is_raised_to_the_hard_one() {
    if !have(&["prlimit"]) {
        return;
    }
    let daemon = Builder::new(&[]).wrapped(&["prlimit", "--nofile=128:512"]).start();
    let line = daemon.wait_for_log("descriptors: ");
    assert!(
        line.contains("512 (soft limit was 128), 64 reserved; up to 448 connections"),
        "{line}"
    );
    let mut peers = daemon.connect_many(300);
    for peer in &mut peers {
        peer.echo(b"in\n");
    }
    assert_eq!(daemon.status().count("open"), 300);
    drop(peers);
    daemon.epilogue();
}

/// With 70 listeners, the daemon serves as many peers as it promises, and an admin connection.
#[test]
fn x02_many_listeners_are_counted_in_the_reserve() {
    if !have(&["prlimit"]) {
        return;
    }
    let mut builder = Builder::new(&["--metrics", "127.0.0.1:0"]);
    for _ in 0..70 {
        builder = builder.listen("127.0.0.1:0");
    }
    let daemon = builder.wrapped(&["prlimit", "--nofile=300:300"]).start();
    let line = daemon.wait_for_log("descriptors: ");
    let room: usize =
        line.split_once("up to ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!(room + 70 + 40 < 300, "{line}");
    let mut peers = daemon.connect_many(room + 1);
    for peer in &mut peers[..room] {
        peer.echo(b"in\n");
    }
    let line = daemon.wait_for_log("metrics on ");
    let address = line.rsplit(' ').next().unwrap().parse().unwrap();
    let mut admin = Peer::connect(address);
    admin.send(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n");
    assert!(admin.read_to_end().starts_with(b"HTTP/1.1 200 "));
    let status = daemon.status();
    assert_eq!(
        (status.word("listener_state"), status.count("accept_pauses")),
        ("full", 0),
        "{status:?}"
    );
    drop(peers);
    daemon.epilogue();
}

#[test]
fn x04_peers_that_never_read_cost_a_bounded_buffer_each() {
    let daemon = Daemon::start(&[]);
    let before = daemon.resident_bytes();
    let mut peers: Vec<_> = (0..20).map(|_| daemon.connect_narrow()).collect();
    let piece = pattern(64 << 10);
    // Several times the kernel's socket buffers on both sides.
    let most = 32 << 20;
    thread::scope(|scope| {
        for peer in &mut peers {
            scope.spawn(|| {
                let sent = peer.send_until_stuck(&piece, most);
                assert!(sent < most, "the daemon never stops reading");
            });
        }
    });
    let much = |status: &Status| status.count("bytes_in") > status.count("bytes_out") + 50_000;
    let status = daemon.wait_for_status("much output is pending", much);
    let grown = daemon.resident_bytes().saturating_sub(before);
    // One read and one line per connection, doubled for the allocator, and 4 MiB.
    let bound = 20 * 2 * ((64 << 10) + (4 << 10)) + (4 << 20);
    assert!(grown < bound, "grown by {grown} bytes: {status:?}");
    let mut other = daemon.connect();
    other.echo(b"undisturbed\n");
    drop((peers, other));
    daemon.epilogue();
}

/// Asserts that the daemon serves although it can't write its log.
fn serves_without_a_log(daemon: Daemon) {
    for _ in 0..50 {
        let mut peer = daemon.connect();
        peer.echo(b"a line\n");
    }
    daemon.terminate();
    daemon.epilogue_ended(0);
}

#[test]
fn x05_a_full_disk_under_the_log_affects_no_connection() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    serves_without_a_log(Builder::new(&[]).stderr(full).start());
}

/// With its default action, SIGXFSZ would end the process without a message.
#[test]
fn x05_a_file_size_limit_is_handled_as_a_full_disk() {
    let limited = ["sh", "-c", "ulimit -f 1; exec \"$0\" \"$@\""];
    let file = tempfile::NamedTempFile::new().unwrap();
    let builder = Builder::new(&[]).wrapped(&limited).stderr(file.reopen().unwrap());
    serves_without_a_log(builder.start());
    let size = file.path().metadata().unwrap().len();
    assert!((512..=1024).contains(&size), "the log has reached the limit: {size}");

    let daemon = Daemon::start(&[]);
    let port = daemon.address().port().to_string();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(limited[0]);
        command.args(&limited[1..]).args([program, "127.0.0.1", &port]).args(arguments);
        let lines = tempfile::tempfile().unwrap();
        (&lines).write_all(&pattern(100_000)).unwrap();
        (&lines).rewind().unwrap();
        command.stdin(lines).stdout(tempfile::tempfile().unwrap());
        command.output().unwrap()
    };
    let client = run(env!("CARGO_BIN_EXE_tcpecho"), &[]);
    let said = String::from_utf8(client.stderr).unwrap();
    assert_eq!(client.status.code(), Some(1), "{said}");
    assert!(said.starts_with("tcpecho: failed: ") && said.contains("File too large"), "{said}");
    let arguments = ["-n", "100", "--format", "json", "--quiet"];
    let load = run(env!("CARGO_BIN_EXE_tcpecho-load"), &arguments);
    let said = String::from_utf8(load.stderr).unwrap();
    assert_eq!(load.status.code(), Some(1), "{said}");
    assert!(said.contains("File too large"), "{said}");
    daemon.epilogue();
}

#[test]
fn x06_a_log_pipe_closed_by_its_reader_affects_no_connection() {
    let (reader, writer) = io::pipe().unwrap();
    let daemon = Builder::new(&[]).stderr(writer).start();
    daemon.connect().echo(b"a line\n");
    drop(reader);
    serves_without_a_log(daemon);
}

#[test]
fn x06_lines_for_an_unread_log_pipe_are_dropped_and_counted() {
    let (mut reader, writer) = io::pipe().unwrap();
    let daemon = Builder::new(&[]).stderr(writer).start();
    // A closing line has some 100 bytes, and the pipe holds 64 KiB.
    for _ in 0..2000 {
        daemon.connect().echo(b"a line\n");
    }
    daemon.wait_until_alone();
    // Makes room in the pipe for one more line, and for the status.
    let mut room = vec![0; 32 << 10];
    reader.read_exact(&mut room).unwrap();
    daemon.terminate();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    let status = Status::last_in(&rest).expect("a last status line");
    assert!(status.count("log_dropped") > 100, "{status:?}");
    assert_eq!((status.count("accepted"), status.count("finished")), (2000, 2000), "{status:?}");
    daemon.epilogue_ended(0);
}

/// Another process may fill the pipe between a poll and a write. So the daemon does not poll: it
/// opens the pipe once more for itself, in non-blocking mode.
#[test]
fn x06_another_writer_of_the_log_pipe_delays_no_connection() {
    let (reader, writer) = io::pipe().unwrap();
    let other = writer.try_clone().unwrap();
    let daemon = Builder::new(&[]).stderr(writer).start();
    let process = Pid::from_raw(daemon.process().cast_signed()).unwrap();
    let all = descriptors(process);
    let own = all.iter().find(|(number, target)| **number > 2 && **target == all[&2]);
    let (own, _) = own.expect("a descriptor of its own");
    assert!(blocks(process, 2) && !blocks(process, *own), "other processes share descriptor 2");
    let filling = thread::spawn(move || while (&other).write_all(&[b'-'; 4095]).is_ok() {});
    for _ in 0..50 {
        daemon.connect().echo(b"a line\n");
    }
    drop(reader);
    filling.join().unwrap();
    serves_without_a_log(daemon);
}

#[test]
fn x08_a_storm_of_resets_does_not_fill_the_log() {
    let daemon = Builder::new(&[]).env("RUST_LOG", "info").start();
    let before = daemon.log().len();
    for _ in 0..2000 {
        let mut peer = daemon.connect();
        peer.send(b"a line\n");
        peer.reset();
    }
    daemon.wait_for_status("all have ended", |status| status.count("closed") == 2000);
    let log = daemon.log();
    let mut added = log[before..].lines();
    assert!(added.all(|line| line.contains("] status ")), "closing lines are at debug:\n{log}");
    daemon.epilogue();
}

#[test]
fn x08_a_storm_of_failing_accepts_is_one_warning() {
    let daemon = Builder::new(&[]).env("RUST_LOG", "info").start();
    daemon.limit_descriptors(2);
    let peers = daemon.connect_many(20);
    let status = daemon.wait_for_status("five pauses", |status| status.count("accept_pauses") >= 5);
    let warnings = daemon.log().matches(" WARN ").count();
    let pauses = usize::try_from(status.count("accept_pauses")).unwrap();
    // One warning in five seconds, which is twenty pauses.
    assert!(warnings <= 1 + pauses / 20, "{warnings} warnings for {pauses} pauses");
    drop(peers);
    daemon.wait_for_status("all were accepted", |status| status.count("closed") == 20);
    daemon.epilogue();
}
