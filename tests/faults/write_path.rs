//! Faults while the daemon writes.

use std::io::ErrorKind;

use rustix::process::Signal;

use super::support::{Builder, Daemon, Peer, Status, have, only_one_ends, pattern};

/// Far more than the sockets at both ends and the daemon's buffer hold.
const MUCH: usize = 12 << 20;

#[test]
fn w01_writes_to_closed_peers_end_their_connections_and_no_others() {
    let daemon = Daemon::start(&[]);
    let mut bystander = daemon.connect();
    for _ in 0..200 {
        let mut peer = daemon.connect();
        peer.send(b"one\n");
        peer.send(b"two\n");
        drop(peer);
    }
    let gone = |status: &Status| status.count("closed") == 200;
    let status = daemon.wait_for_status("all are gone", gone);
    let ends = ["finished", "reset", "broken-pipe"].map(|cause| status.count(cause));
    assert_eq!(ends.iter().sum::<u64>(), 200, "{status:?}");
    bystander.echo(b"undisturbed\n");
    drop(bystander);
    daemon.epilogue();
}

#[test]
fn w02_a_reset_that_a_write_sees_first_is_a_reset() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect_narrow();
    daemon.leave_pending(&mut peer);
    let address = peer.address();
    peer.reset();
    let closing = daemon.closing(address);
    assert_eq!(closing.cause, "reset");
    assert!(closing.bytes_out < closing.bytes_in, "output was pending: {closing:?}");
    daemon.epilogue();
}

#[test]
fn w03_a_parent_that_restores_sigpipe_does_not_get_the_daemon_killed() {
    if !have(&["env"]) {
        return;
    }
    let daemon = Builder::new(&[]).wrapped(&["env", "--default-signal=PIPE"]).start();
    assert!(daemon.ignores(Signal::PIPE));
    for _ in 0..20 {
        let mut peer = daemon.connect_narrow();
        peer.send(&pattern(60_000));
        peer.reset();
    }
    daemon.wait_for_status("all are gone", |status| status.count("closed") == 20);
    daemon.signal(Signal::PIPE);
    daemon.epilogue();
}

#[test]
fn w04_an_error_at_the_nth_write_ends_one_connection() {
    if have(&["strace"]) {
        for (error, cause) in
            [("EPIPE", "broken-pipe"), ("ECONNRESET", "reset"), ("ENOBUFS", "error")]
        {
            for when in ["1", "2", "4"] {
                only_one_ends("sendto", error, when, cause);
            }
        }
    }
}

#[test]
fn w05_short_writes_lose_double_and_reorder_nothing() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect_narrow();
    let bytes = pattern(3 << 20);
    let sending = peer.send_beside(bytes.clone());
    let mut received = Vec::new();
    while received.len() < bytes.len() {
        // Pieces of all sizes, so that the daemon's writes stop at all offsets.
        received.extend(peer.recv_some(1 + received.len() % 3001));
    }
    assert!(received == bytes, "{} bytes came back, but not the same ones", received.len());
    sending.join().unwrap().unwrap();
    drop(peer);
    daemon.epilogue();
}

#[test]
fn w06_a_peer_that_pauses_reading_gets_every_byte() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect_narrow();
    let bytes = pattern(1 << 20);
    let sent = peer.send_until_stuck(&bytes, usize::MAX);
    let mut other = daemon.connect();
    other.echo(b"undisturbed\n");
    let expected = bytes.iter().copied().cycle().take(sent);
    let expected: Vec<_> = expected.chain([b'\n']).collect();
    // The last line has no newline yet.
    let sending = peer.send_beside(vec![b'\n']);
    assert!(peer.recv_exact(sent + 1) == expected, "{sent} bytes");
    sending.join().unwrap().unwrap();
    peer.echo(b"and on\n");
    drop((peer, other));
    daemon.epilogue();
}

#[test]
fn w07_unread_input_does_not_destroy_the_replies_before_it() {
    let daemon = Daemon::start(&["--service", "sum-xdr"]);
    let mut peer = daemon.connect_narrow();
    let records = 100_000_i64;
    let mut bytes = Vec::new();
    let mut expected = Vec::new();
    for number in 0..records {
        bytes.extend([number.to_be_bytes(), 1_i64.to_be_bytes()].concat());
        expected.extend((number + 1).to_be_bytes());
    }
    // The protocol error, and many bytes that the daemon never parses.
    bytes.extend([i64::MAX.to_be_bytes(), 1_i64.to_be_bytes()].concat());
    bytes.extend(vec![7; 1 << 20]);
    let sending = peer.send_beside(bytes);
    let replies = peer.read_to_end();
    assert!(replies == expected, "{} of {} bytes of replies", replies.len(), expected.len());
    sending.join().unwrap().unwrap();
    peer.half_close();
    assert_eq!(daemon.closing(peer.address()).cause, "protocol");
    drop(peer);
    let numbers = [2_i64.to_be_bytes(), 3_i64.to_be_bytes()].concat();
    daemon.epilogue_with(&numbers, &5_i64.to_be_bytes());
}

#[test]
fn w08_megabytes_pending_at_the_peers_fin_are_all_written() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect_narrow();
    let bytes = pattern(MUCH);
    let mut received = Vec::new();
    let sending = peer.send_beside(bytes.clone());
    // Read meanwhile, because otherwise the daemon would stop reading.
    while !sending.is_finished() {
        received.extend(peer.recv_some(1 << 16));
    }
    sending.join().unwrap().unwrap();
    peer.half_close();
    received.extend(peer.read_to_end());
    assert!(received == bytes, "{} of {} bytes", received.len(), bytes.len());
    let closing = daemon.closing(peer.address());
    assert_eq!((closing.cause.as_str(), closing.bytes_out), ("finished", closing.bytes_in));
    drop(peer);
    daemon.epilogue();
}

/// A daemon in phase flushing: its only peer has sent FIN, and the echo of the peer's last line,
/// which has no newline, is pending. Also returns that line.
fn flushing() -> (Daemon, Peer, Vec<u8>) {
    let daemon = Daemon::start(&["--max-line", "16m", "--drain-timeout", "1m"]);
    let mut peer = daemon.connect_narrow();
    let mut line = pattern(MUCH);
    line.retain(|byte| *byte != b'\n');
    peer.send(&line);
    peer.half_close();
    daemon.wait_for_status("it is flushing", |status| status.count("flushing") == 1);
    (daemon, peer, line)
}

#[test]
fn w08_a_last_line_is_written_long_after_the_peers_fin() {
    let (daemon, mut peer, line) = flushing();
    assert!(peer.read_to_end() == line);
    let closing = daemon.closing(peer.address());
    assert_eq!((closing.cause.as_str(), closing.bytes_out), ("finished", closing.bytes_in));
    drop(peer);
    daemon.epilogue();
}

#[test]
fn w08_a_reset_while_flushing_ends_the_connection() {
    let (daemon, peer, _) = flushing();
    let address = peer.address();
    peer.reset();
    let closing = daemon.closing(address);
    assert!(["reset", "broken-pipe"].contains(&closing.cause.as_str()), "{closing:?}");
    assert!(closing.bytes_out < closing.bytes_in, "{closing:?}");
    daemon.epilogue();
}

#[test]
fn w08_a_drain_while_flushing_writes_all_pending_output() {
    let (daemon, mut peer, line) = flushing();
    daemon.terminate();
    daemon.wait_for_log("draining, for at most");
    assert!(peer.read_to_end() == line);
    assert_eq!(daemon.closing(peer.address()).cause, "finished");
    daemon.epilogue_ended(0);
}

#[test]
fn w09_no_socket_lingers_on_close() {
    if !have(&["strace"]) {
        return;
    }
    let daemon = Builder::new(&[]).traced("setsockopt").start();
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    let address = peer.address();
    peer.reset();
    daemon.closing(address);
    let trace = daemon.trace();
    assert!(trace.contains("SO_REUSEADDR"), "the trace shows setsockopt calls:\n{trace}");
    // With a linger time of 0, close sends RST and does not wait.
    let mut lingering = trace.lines().filter(|line| line.contains("SO_LINGER"));
    assert!(lingering.all(|line| line.contains("l_linger=0")), "close would wait:\n{trace}");
    daemon.epilogue();
}

#[test]
fn w10_a_drain_with_slow_readers_cuts_no_request_and_mixes_no_replies() {
    let arguments = ["--service", "sum", "--drain-timeout", "1m"];
    let mut daemon = Daemon::start(&arguments);
    let mut peer = daemon.connect_narrow();
    // Each line has one right reply, which is longer: little input makes much pending output.
    let lines = b"1 2 3\n".repeat(1_000);
    peer.send_until_stuck(&lines, usize::MAX);
    daemon.terminate();
    daemon.wait_for_log("draining, for at most");
    let replies = String::from_utf8(peer.read_to_end()).unwrap();
    assert!(replies.ends_with('\n'));
    // Input in flight when the daemon finds the socket empty is not answered: the last line may be
    // incomplete, and is answered as it stands.
    let all = replies.lines().count();
    assert!(all > 1000, "{all} replies");
    for (number, reply) in replies.lines().take(all - 1).enumerate() {
        assert_eq!(reply, "error: expected two numbers, found more", "reply {number}");
    }
    drop(peer);
    assert_eq!(daemon.wait_for_exit().code(), Some(0));
    daemon.epilogue_ended(0);
}

#[test]
fn w11_an_error_with_output_pending_sends_rst_to_a_half_closed_peer() {
    if !have(&["strace"]) {
        return;
    }
    for (call, error, when) in [("sendto", "ENOBUFS", "1"), ("recvfrom", "ENOMEM", "2")] {
        let daemon = Builder::new(&[]).injected(call, error, when).start();
        let mut peer = daemon.stopped(|| {
            let mut peer = daemon.connect();
            peer.send(b"whole\nunfinished");
            peer.half_close();
            peer
        });
        let end = peer.try_read_to_end().map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset), "{error} at {call} {when}");
        assert_eq!(daemon.closing(peer.address()).cause, "error");
        daemon.epilogue();
    }
}
