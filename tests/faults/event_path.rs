//! Faults of the event loop and of its events.

use std::io::ErrorKind;

use super::support::{BEGIN, Builder, Daemon, TcpState, WAIT, have};

#[test]
fn e01_an_interrupted_wait_is_only_another_turn() {
    if !have(&["strace"]) {
        return;
    }
    let daemon = Builder::new(&["--idle-timeout", "300ms"]).injected(WAIT, "EINTR", "1+2").start();
    let mut peers = daemon.connect_many(3);
    for peer in &mut peers {
        peer.echo(b"a line\n");
    }
    for peer in &mut peers {
        assert_eq!(peer.read_to_end(), b"");
        assert_eq!(daemon.closing(peer.address()).cause, "idle", "deadlines still expire");
    }
    drop(peers);
    daemon.epilogue();
}

#[test]
fn e01_a_stopped_daemon_continues() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    peer.echo(b"before\n");
    daemon.stopped(|| ());
    peer.echo(b"after\n");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn e06_a_reset_is_noticed_though_nothing_is_read() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect_narrow();
    daemon.leave_pending(&mut peer);
    let address = peer.address();
    daemon.stopped(|| {
        peer.half_close();
        peer.reset();
        daemon.wait_for_state(address, None);
    });
    let closing = daemon.closing(address);
    assert!(["reset", "broken-pipe"].contains(&closing.cause.as_str()), "{closing:?}");
    daemon.epilogue();
}

#[test]
fn e07_a_fin_that_comes_while_nothing_is_read_is_seen_afterwards() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect_narrow();
    let sent = daemon.leave_pending(&mut peer);
    peer.half_close();
    daemon.wait_for_state(peer.address(), Some(TcpState::CloseWait));
    let status = daemon.status();
    assert_eq!((status.count("open"), status.count("closed")), (1, 0), "{status:?}");
    assert!(peer.read_to_end() == sent, "everything, then FIN");
    assert_eq!(daemon.closing(peer.address()).cause, "finished");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn e09_a_failed_system_call_at_the_start_is_one_error_line() {
    if !have(&["strace"]) {
        return;
    }
    let listening = [
        ("socket", "EMFILE", "1"),
        ("bind", "EADDRINUSE", "1"),
        ("listen", "EADDRINUSE", "1"),
        ("socketpair", "EMFILE", "1"),
    ];
    for &(call, error, when) in listening.iter().chain(BEGIN) {
        let daemon = Builder::new(&[]).listen("127.0.0.1:0").env("RUST_LOG", "error");
        let ended = daemon.injected(call, error, when).run_to_end();
        assert_eq!(ended.code, Some(1), "{call}: {ended:?}");
        assert!(ended.stderr.starts_with("tcpechod: cannot "), "{call}: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{call}: {ended:?}");
    }
}

#[test]
fn e10_timeouts_of_any_size_neither_overflow_nor_spin() {
    if !have(&["strace"]) {
        return;
    }
    for timeout in ["1ms", "25days", "100years"] {
        let arguments =
            ["--idle-timeout", timeout, "--line-timeout", timeout, "--stall-timeout", timeout];
        let daemon = Builder::new(&arguments).traced(WAIT).start();
        let mut peer = daemon.connect();
        if timeout == "1ms" {
            peer.wait_for_end();
            assert_eq!(daemon.closing(peer.address()).cause, "idle");
        } else {
            for _ in 0..20 {
                peer.echo(b"a line\n");
            }
        }
        drop(peer);
        let waits = daemon.trace().matches(&format!("{WAIT}(")).count();
        assert!(waits < 200, "a busy loop: {waits} waits with {timeout}");
        if timeout == "1ms" {
            // The timeout is too short for the new peer of the epilogue.
            daemon.terminate();
            daemon.epilogue_ended(0);
        } else {
            daemon.epilogue();
        }
    }
}

#[test]
fn e12_a_poll_that_keeps_failing_cuts_connections_and_ends_the_daemon() {
    if !have(&["strace"]) {
        return;
    }
    let mut daemon = Builder::new(&[]).injected(WAIT, "EINVAL", "20+1").start();
    let mut peer = daemon.connect();
    let mut lines = (0..40).map(|_| peer.try_echo(b"a line\n"));
    let failed = lines.find_map(Result::err).expect("the poll is broken by now");
    assert_eq!(failed.kind(), ErrorKind::ConnectionReset, "a reset, not a clean end");
    assert_eq!(daemon.closing(peer.address()).cause, "cut");
    daemon.wait_for_exit();
    let log = daemon.log();
    let last: Vec<_> = log.lines().rev().take(3).collect();
    assert!(last[0].starts_with("tcpechod: the poll is broken: "), "{log}");
    assert!(last[1].contains("ended with connections cut: 1"), "{log}");
    assert!(last[2].contains("] status open=0 "), "{log}");
    daemon.epilogue_ended(1);
}
