//! Peers that keep the daemon waiting.

use std::thread;
use std::time::{Duration, Instant};

use super::support::{Daemon, LIMIT, Status, pattern};

#[test]
fn whoever_does_nothing_for_the_idle_timeout_is_closed() {
    let daemon = Daemon::start(&["--idle-timeout", "1s"]);
    let mut idle = daemon.connect();
    let mut busy = daemon.connect();
    idle.echo(b"a line\n");
    let opened = Instant::now();
    while daemon.log_has_no(&format!("closed peer={} ", idle.address())) {
        busy.echo(b"not idle\n");
        assert!(opened.elapsed() < LIMIT, "the idle one is still there");
    }
    assert!(opened.elapsed() > Duration::from_millis(900), "{:?}", opened.elapsed());
    assert_eq!(daemon.closing(idle.address()).cause, "idle");
    assert_eq!(idle.read_to_end(), b"");
    busy.echo(b"not idle\n");
    drop((idle, busy));
    daemon.epilogue();
}

#[test]
fn a_line_that_is_not_finished_is_not_kept_for_ever_by_more_bytes() {
    // So long a line that none of it is echoed as a piece.
    let daemon = Daemon::start(&["--line-timeout", "400ms", "--max-line", "16m"]);
    let mut patient = daemon.connect();
    patient.echo(b"whole lines only\n");
    let mut slow = daemon.connect();
    let begun = Instant::now();
    // It is never silent, and never gets to the end of its line.
    while slow.try_send(b"x") && daemon.log_has_no(&format!("closed peer={} ", slow.address())) {
        patient.echo(b"whole lines only\n");
        assert!(begun.elapsed() < LIMIT, "the line is still kept");
    }
    assert_eq!(daemon.closing(slow.address()).cause, "line-timeout");
    assert!(begun.elapsed() > Duration::from_millis(350), "{:?}", begun.elapsed());
    patient.echo(b"whole lines only\n");
    drop((patient, slow));
    daemon.epilogue();
}

#[test]
fn a_line_that_is_echoed_in_pieces_is_not_finished_by_them() {
    let daemon = Daemon::start(&["--line-timeout", "400ms", "--max-line", "16"]);
    let mut endless = daemon.connect();
    let begun = Instant::now();
    while endless.try_echo(b"x of sixteen....").is_ok() {
        assert!(begun.elapsed() < LIMIT, "the line has no end, and the connection none");
    }
    assert_eq!(daemon.closing(endless.address()).cause, "line-timeout");
    drop(endless);
    daemon.epilogue();
}

#[test]
fn a_line_that_is_finished_in_time_starts_the_next_ones_time() {
    let daemon = Daemon::start(&["--line-timeout", "1s"]);
    let mut peer = daemon.connect();
    let begun = Instant::now();
    peer.send(b"begin");
    while begun.elapsed() < Duration::from_millis(1500) {
        // Each turn finishes a line and begins another.
        peer.exchange(b"end\nbegin", b"");
        peer.recv_exact(9);
    }
    peer.send(b"end\n");
    assert_eq!(peer.recv_exact(9), b"beginend\n");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn whoever_reads_slowly_but_steadily_is_neither_stalled_nor_idle() {
    let daemon = Daemon::start(&["--stall-timeout", "500ms", "--idle-timeout", "500ms"]);
    let mut peer = daemon.connect();
    let sent = pattern(3_000_000);
    let sender = peer.send_beside(sent.clone());
    let mut echoed = Vec::new();
    while echoed.len() < sent.len() {
        let piece = (sent.len() - echoed.len()).min(8192);
        echoed.extend(peer.recv_exact(piece));
        // Slower than the daemon writes: about four seconds for all of it.
        thread::park_timeout(Duration::from_millis(10));
    }
    sender.join().unwrap().expect("everything is taken");
    assert!(echoed == sent, "everything comes back as it was");
    peer.half_close();
    assert_eq!(daemon.closing(peer.address()).cause, "finished");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn whoever_takes_nothing_of_what_is_owed_is_closed() {
    let daemon = Daemon::start(&["--stall-timeout", "500ms"]);
    let mut peer = daemon.connect_narrow();
    while peer.try_send(&pattern(60_000)) {}
    let closing = daemon.closing(peer.address());
    assert_eq!(closing.cause, "stalled");
    assert!(closing.bytes_out < closing.bytes_in, "{closing:?}");
    drop(peer);
    let ended = |status: &Status| status.alive() == 0;
    daemon.wait_for_status("nobody is left", ended);
    // Idle is not stalled.
    let mut idle = daemon.connect();
    idle.echo(b"a line\n");
    drop(idle);
    daemon.epilogue();
}
