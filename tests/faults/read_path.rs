//! Faults while the daemon reads.

use super::support::{
    Builder, Daemon, Peer, TcpState, eventually, have, lacks, only_one_ends, pattern,
};

#[test]
fn r01_a_peer_that_leaves_has_finished() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    let address = peer.address();
    drop(peer);
    let closing = daemon.closing(address);
    assert_eq!((closing.cause.as_str(), closing.lines), ("finished", 1));
    assert_eq!((closing.bytes_in, closing.bytes_out), (7, 7));
    daemon.epilogue();
}

#[test]
fn r02_a_last_line_without_a_newline_is_echoed_before_our_fin() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    peer.send(b"a\nb");
    assert_eq!(peer.recv_exact(2), b"a\n");
    peer.half_close();
    assert_eq!(peer.read_to_end(), b"b");
    assert_eq!(daemon.closing(peer.address()).cause, "finished");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn r03_a_reset_while_idle_is_not_taken_for_an_end() {
    let daemon = Daemon::start(&[]);
    let mut bystander = daemon.connect();
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    let address = peer.address();
    peer.reset();
    assert_eq!(daemon.closing(address).cause, "reset");
    bystander.echo(b"undisturbed\n");
    drop(bystander);
    daemon.epilogue();
}

/// Waits until the daemon's socket for `peer` has this many unread bytes.
fn wait_for_unread(daemon: &Daemon, peer: &Peer, bytes: u64) {
    eventually("the data has arrived", || {
        let sockets = daemon.sockets();
        let mut own = sockets.iter().filter(|socket| socket.remote_port == peer.address().port());
        own.any(|socket| socket.unread == bytes).then_some(())
    });
}

#[test]
fn r04_data_and_reset_in_one_event_are_read_in_that_order() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    let address = peer.address();
    daemon.stopped(|| {
        peer.send(b"half a line");
        wait_for_unread(&daemon, &peer, 11);
        peer.reset();
        daemon.wait_for_state(address, None);
    });
    let closing = daemon.closing(address);
    assert_eq!((closing.cause.as_str(), closing.bytes_in), ("reset", 7 + 11));
    daemon.epilogue();
}

#[test]
fn r05_fin_and_then_reset_is_not_taken_for_an_orderly_end() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    let address = peer.address();
    daemon.stopped(|| {
        peer.half_close();
        daemon.wait_for_state(address, Some(TcpState::CloseWait));
        peer.reset();
        daemon.wait_for_state(address, None);
    });
    // No read returns the error: only SO_ERROR has it, and it is EPIPE.
    assert_eq!(daemon.closing(address).cause, "broken-pipe");
    daemon.epilogue();
}

#[test]
fn r06_data_and_fin_in_one_edge_are_both_seen() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    daemon.stopped(|| {
        peer.send(b"abc");
        peer.half_close();
        daemon.wait_for_state(peer.address(), Some(TcpState::CloseWait));
    });
    assert_eq!(peer.read_to_end(), b"abc");
    let closing = daemon.closing(peer.address());
    assert_eq!((closing.cause.as_str(), closing.bytes_in), ("finished", 10));
    drop(peer);
    daemon.epilogue();
}

#[test]
fn r08_an_urgent_byte_is_lost_and_nothing_else() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    daemon.stopped(|| {
        peer.send(b"abc");
        peer.send_urgent(b'X');
        peer.send(b"def\n");
        wait_for_unread(&daemon, &peer, 8);
    });
    assert_eq!(peer.recv_exact(7), b"abcdef\n", "the urgent byte is not part of the stream");
    peer.send_urgent(b'Y');
    peer.echo(b"ghi\n");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn r09_a_line_that_fills_the_buffer_is_not_taken_for_the_end() {
    for (max_line, lengths) in
        [("64", [63, 64, 65, 128, 64 << 10]), ("4k", [4095, 4096, 64 << 10, 68 << 10, 128 << 10])]
    {
        let daemon = Daemon::start(&["--max-line", max_line]);
        for length in lengths {
            let mut peer = daemon.connect();
            let mut line = vec![b'x'; length];
            peer.send(&line);
            wait_for_unread(&daemon, &peer, 0);
            line.push(b'\n');
            peer.send(b"\n");
            assert!(peer.recv_exact(length + 1) == line, "{length} bytes at {max_line}");
            peer.echo(b"and on\n");
            peer.half_close();
            assert_eq!(peer.read_to_end(), b"");
            let closing = daemon.closing(peer.address());
            assert_eq!(closing.lines, 2, "pieces of a line are not lines: {closing:?}");
        }
        daemon.epilogue();
    }
}

#[test]
fn r10_an_interrupted_read_is_tried_again() {
    if !have(&["strace"]) {
        return;
    }
    let daemon = Builder::new(&[]).injected("recvfrom", "EINTR", "1+2").start();
    let mut peer = daemon.connect();
    let bytes = pattern(100_000);
    let sending = peer.send_beside(bytes.clone());
    assert!(peer.recv_exact(bytes.len()) == bytes);
    sending.join().unwrap().unwrap();
    drop(peer);
    daemon.epilogue();
}

#[test]
fn r11_a_reset_at_the_nth_read_ends_one_connection() {
    if have(&["strace"]) {
        for when in ["1", "2", "3", "5", "8"] {
            only_one_ends("recvfrom", "ECONNRESET", when, "reset");
        }
    }
}

#[test]
fn r12_every_errno_of_a_read_has_its_cause() {
    if have(&["strace"]) {
        for (error, cause) in [
            ("ETIMEDOUT", "timed-out"),
            ("EHOSTUNREACH", "unreachable"),
            ("ENETUNREACH", "unreachable"),
            ("ECONNABORTED", "aborted"),
            ("ENOBUFS", "error"),
            ("EIO", "error"),
        ] {
            only_one_ends("recvfrom", error, "2", cause);
        }
    }
}

#[test]
fn r12_a_connection_that_the_kernel_destroys_is_aborted() {
    if !have(&["unshare", "ip", "ss", "nsenter", "bash"]) {
        return;
    }
    let daemon = Builder::new(&[]).in_namespace().start();
    let port = daemon.address().port();
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; echo hi >&3; head -n 2 <&3");
    let mut peer = daemon.beside(&["bash", "-c", &script]).spawn().unwrap();
    daemon.wait_for_status("the line is echoed", |status| status.count("bytes_out") == 3);
    let filter = format!("sport = :{port}");
    let kill = ["ss", "-K", "-H", "-t", "state", "established", &filter];
    let killed = daemon.beside(&kill).status().unwrap().success();
    if !killed {
        peer.kill().unwrap();
    }
    peer.wait().unwrap();
    if !killed {
        lacks("a kernel with INET_DIAG_DESTROY");
        return;
    }
    let closing = daemon.wait_for_log("closed peer=");
    assert!(closing.contains("cause=aborted"), "{closing}");
    daemon.epilogue_beside();
}
