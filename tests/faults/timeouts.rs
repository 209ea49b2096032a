//! Timeouts of silent and slow peers.

use std::thread;
use std::time::{Duration, Instant};

use super::support::{Daemon, LIMIT, Status, pattern};

#[test]
fn a_peer_silent_for_the_idle_timeout_is_closed() {
    let daemon = Daemon::start(&["--idle-timeout", "1s"]);
    let mut idle = daemon.connect();
    let mut busy = daemon.connect();
    idle.echo(b"a line\n");
    let opened = Instant::now();
    while daemon.log_has_no(&format!("closed peer={} ", idle.address())) {
        busy.echo(b"not idle\n");
        assert!(opened.elapsed() < LIMIT, "the idle peer is still connected");
    }
    assert!(opened.elapsed() > Duration::from_millis(900), "{:?}", opened.elapsed());
    assert_eq!(daemon.closing(idle.address()).cause, "idle");
    assert_eq!(idle.read_to_end(), b"");
    busy.echo(b"not idle\n");
    drop((idle, busy));
    daemon.epilogue();
}

#[test]
fn more_bytes_of_an_unfinished_line_do_not_extend_its_timeout() {
    // The limit is so high that no piece of the line is echoed.
    let daemon = Daemon::start(&["--line-timeout", "400ms", "--max-line", "16m"]);
    let mut patient = daemon.connect();
    patient.echo(b"whole lines only\n");
    let mut slow = daemon.connect();
    let begun = Instant::now();
    // The peer is never silent, and never finishes its line.
    while slow.try_send(b"x") && daemon.log_has_no(&format!("closed peer={} ", slow.address())) {
        patient.echo(b"whole lines only\n");
        assert!(begun.elapsed() < LIMIT, "the unfinished line is still kept");
    }
    assert_eq!(daemon.closing(slow.address()).cause, "line-timeout");
    assert!(begun.elapsed() > Duration::from_millis(350), "{:?}", begun.elapsed());
    patient.echo(b"whole lines only\n");
    drop((patient, slow));
    daemon.epilogue();
}

#[test]
fn echoed_pieces_of_an_unfinished_line_do_not_extend_its_timeout() {
    let daemon = Daemon::start(&["--line-timeout", "400ms", "--max-line", "16"]);
    let mut endless = daemon.connect();
    let begun = Instant::now();
    while endless.try_echo(b"x of sixteen....").is_ok() {
        assert!(begun.elapsed() < LIMIT, "the endless line has no timeout");
    }
    assert_eq!(daemon.closing(endless.address()).cause, "line-timeout");
    drop(endless);
    daemon.epilogue();
}

#[test]
fn a_line_finished_in_time_starts_the_timeout_of_the_next_line() {
    let daemon = Daemon::start(&["--line-timeout", "1s"]);
    let mut peer = daemon.connect();
    let begun = Instant::now();
    peer.send(b"begin");
    while begun.elapsed() < Duration::from_millis(1500) {
        // Each round finishes a line and begins another.
        peer.exchange(b"end\nbegin", b"");
        peer.recv_exact(9);
    }
    peer.send(b"end\n");
    assert_eq!(peer.recv_exact(9), b"beginend\n");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn a_slow_but_steady_reader_is_neither_stalled_nor_idle() {
    let daemon = Daemon::start(&["--stall-timeout", "2s", "--idle-timeout", "2s"]);
    let mut peer = daemon.connect();
    let sent = pattern(3_000_000);
    let sender = peer.send_beside(sent.clone());
    let mut echoed = Vec::new();
    while echoed.len() < sent.len() {
        let piece = (sent.len() - echoed.len()).min(8192);
        echoed.extend(peer.recv_exact(piece));
        // Slower than the daemon writes: about four seconds in total.
        thread::park_timeout(Duration::from_millis(10));
    }
    sender.join().unwrap().expect("the daemon reads everything");
    assert!(echoed == sent, "everything comes back as it was");
    peer.half_close();
    assert_eq!(daemon.closing(peer.address()).cause, "finished");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn a_peer_that_reads_no_pending_output_is_closed() {
    let daemon = Daemon::start(&["--stall-timeout", "500ms"]);
    let mut peer = daemon.connect_narrow();
    while peer.try_send(&pattern(60_000)) {}
    let closing = daemon.closing(peer.address());
    assert_eq!(closing.cause, "stalled");
    assert!(closing.bytes_out < closing.bytes_in, "{closing:?}");
    drop(peer);
    let ended = |status: &Status| status.alive() == 0;
    daemon.wait_for_status("no connection is left", ended);
    // An idle peer without pending output is not stalled.
    let mut idle = daemon.connect();
    idle.echo(b"a line\n");
    drop(idle);
    daemon.epilogue();
}
