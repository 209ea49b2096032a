//! The service probe: requests, waits, and the ends that a peer asks for.

use std::time::Duration;

use super::*;
use crate::service::{PROBE, ProbeQuestion};

fn probe(reads: impl IntoIterator<Item = In>) -> Bench {
    Bench::new(PROBE, 4096, reads)
}

fn text(bench: &Bench) -> String {
    String::from_utf8(bench.sent()).unwrap()
}

/// The time of the next deadline, without timeouts.
fn next(bench: &Bench) -> Option<u64> {
    bench.connection.deadline(&Timeouts::default()).map(|(at, _)| at.0)
}

const PAUSED: &str = "probe pausing 100\n";

#[test]
fn lines_come_back_and_requests_are_answered_in_their_order() {
    let mut bench = probe([bytes("one\nprobe hello\ntwo\nprobe x\npro"), bytes("be\n")]);
    assert_eq!(bench.event(FIN), NextStep::Idle);
    let version = env!("CARGO_PKG_VERSION");
    let hello = format!("probe tcpechod {version} peer=127.0.0.1:1 local=unix\n");
    let error = "probe error: the requests are hello, name, fate, close, reset, later, pause\n";
    assert_eq!(text(&bench), format!("one\n{hello}two\n{error}probe\n"));
    assert_eq!(bench.connection.traffic().lines, 5);
    assert_eq!(bench.connection.traffic().bytes_in, 34);
    assert!(!bench.connection.deadline_moved_up(), "it has no memory of its own");
}

#[test]
fn one_request_is_answered_in_a_turn() {
    let mut bench = probe([bytes(&"probe hello\n".repeat(100))]);
    bench.connection.mark(READABLE);
    for answers in 1..=100 {
        let step = bench.connection.serve(&mut bench.shared);
        assert_eq!(step, if answers < 100 { NextStep::Yield } else { NextStep::Idle });
        assert_eq!(text(&bench).lines().count(), answers);
    }
}

#[test]
fn only_a_whole_line_is_a_request() {
    let mut unfinished = probe([bytes("probe hello"), In::End]);
    assert_eq!(unfinished.event(FIN), NextStep::Closed);
    assert_eq!(text(&unfinished), "probe hello");

    // The line is longer than the limit, so its beginning is echoed before its end has come.
    let long = "x".repeat(20_000);
    let mut piece = probe([bytes(&long), bytes("probe hello\n")]);
    piece.event(FIN);
    assert_eq!(text(&piece), format!("{long}probe hello\n"));
    assert_eq!(piece.connection.traffic().lines, 1);
}

#[test]
fn a_request_that_is_too_long_is_an_error_and_skipped_to_its_end() {
    let long = format!("probe later 1 {}\n", "x".repeat(40_000));
    for read in [1000, 16_384, 20_000, 65_536] {
        let mut bench = probe([bytes(&long), bytes("next\nprobe y\n")]);
        bench.wire.borrow_mut().read_bytes_max = read;
        bench.event(FIN);
        let text = text(&bench);
        assert!(text.starts_with("probe error: the line is too long\nnext\nprobe error"), "{text}");
        assert_eq!((text.lines().count(), bench.connection.traffic().lines), (3, 3));
    }
}

#[test]
fn a_question_waits_for_the_reactor_and_the_lines_behind_it_with_it() {
    let mut bench = probe([bytes("probe name me\nbehind\n"), bytes("unread\n")]);
    assert_eq!(bench.readable(), NextStep::Asks);
    assert!(matches!(bench.connection.question(), Some(ProbeQuestion::Name(_))));
    assert_eq!((text(&bench).as_str(), bench.readable_left()), ("", 1));
    let step = bench.connection.answer_question("probe named me\n", &mut bench.shared);
    assert_eq!((step, bench.connection.question()), (NextStep::Yield, None));
    bench.readable();
    assert_eq!(text(&bench), "probe named me\nbehind\nunread\n");
}

#[test]
fn a_question_waits_until_earlier_output_is_taken() {
    let mut bench = probe([bytes("echo\nprobe fate x\n")]);
    bench.wire.borrow_mut().writes = [Out::Block, Out::Take(2), Out::Block].into();
    assert_eq!(bench.readable(), NextStep::Idle);
    assert_eq!(bench.event(Ready::WRITABLE), NextStep::Idle);
    assert_eq!(bench.event(Ready::WRITABLE), NextStep::Asks);
    assert_eq!(text(&bench), "echo\n");
}

#[test]
fn nothing_is_read_in_a_pause_and_everything_after_it() {
    let mut bench = probe([bytes("probe pause 100\nheld\nprobe pause 100\n"), bytes("unread\n")]);
    assert_eq!(bench.readable(), NextStep::Idle);
    assert_eq!((text(&bench).as_str(), bench.readable_left()), (PAUSED, 1));
    assert_eq!(next(&bench), Some(100));
    assert_eq!(bench.expire(99), NextStep::Idle);
    assert_eq!(bench.readable(), NextStep::Idle, "an event ends no pause");
    assert_eq!(text(&bench), PAUSED);
    assert_eq!(bench.expire(100), NextStep::Idle);
    assert_eq!(text(&bench), format!("{PAUSED}held\n{PAUSED}"));
    assert_eq!((next(&bench), bench.readable_left()), (Some(200), 1));
    assert_eq!(bench.expire(200), NextStep::Idle);
    assert_eq!(text(&bench), format!("{PAUSED}held\n{PAUSED}unread\n"));
    assert_eq!(next(&bench), None);
}

#[test]
fn a_reset_is_noticed_in_every_wait() {
    for reads in [vec![bytes("probe pause 100\n")], vec![bytes("probe later 100 text\n"), In::End]]
    {
        let mut bench = probe(reads);
        bench.event(FIN);
        bench.wire.borrow_mut().pending_error = Some(rustix::io::Errno::CONNRESET);
        assert_eq!(bench.event(RST), NextStep::Closed);
        assert_eq!(bench.phase(), Phase::Closed(Cause::Reset));
    }
}

#[test]
fn a_late_line_is_sent_in_time_and_lines_meanwhile_come_back() {
    let mut bench = probe([bytes("probe later 100 text\nprobe later 1 no\nnow\n")]);
    assert_eq!(bench.readable(), NextStep::Idle);
    let before = "probe error: another line is due later\nnow\n";
    assert_eq!(text(&bench), before);
    assert_eq!((bench.expire(99), next(&bench)), (NextStep::Idle, Some(100)));
    assert_eq!(bench.expire(100), NextStep::Idle);
    assert_eq!((text(&bench), next(&bench)), (format!("{before}text\n"), None));
}

#[test]
fn a_late_line_is_sent_after_the_fin_of_the_peer() {
    let mut bench = probe([bytes("probe later 100 text\n"), In::End]);
    assert_eq!(bench.event(FIN), NextStep::Idle);
    assert_eq!((bench.phase(), bench.connection.input_has_ended()), (Phase::Flushing, true));
    bench.wire.borrow_mut().writes = [Out::Block].into();
    assert_eq!(bench.expire(100), NextStep::Idle, "the peer does not take it yet");
    assert_eq!(bench.event(Ready::WRITABLE), NextStep::Closed);
    assert_eq!((text(&bench).as_str(), bench.phase()), ("text\n", Phase::Closed(Cause::Finished)));
    assert!(!bench.wire.borrow().resets);
}

#[test]
fn a_drain_ends_all_waits() {
    for reads in [&["probe pause 100\nheld\n", "unread\n"][..], &["probe later 100 held\nunread\n"]]
    {
        let mut bench = probe(reads.iter().map(|read| bytes(read)));
        bench.readable();
        bench.connection.drain();
        assert_eq!(bench.event(Ready::NONE), NextStep::Idle);
        assert_eq!(bench.phase(), Phase::Lingering(Cause::Drained));
        let text = text(&bench);
        assert!(text.contains("held\n") && text.contains("unread\n"), "{text}");
    }
    let mut half_closed = probe([bytes("probe later 100 text\n"), In::End]);
    half_closed.event(FIN);
    half_closed.connection.drain();
    assert_eq!(half_closed.event(Ready::NONE), NextStep::Closed);
    assert_eq!(text(&half_closed), "text\n");
}

#[test]
fn no_wait_begins_in_a_drain() {
    let mut bench = probe([]);
    let request = "probe pause 100\nprobe later 100 text\nprobe close\nrest\n";
    bench.wire.borrow_mut().reads.push_back(bytes(request));
    bench.connection.drain();
    assert_eq!(bench.event(READABLE), NextStep::Idle);
    assert_eq!(text(&bench), format!("{PAUSED}text\nrest\n"));
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Drained));
}

#[test]
fn a_close_that_was_asked_for_sends_fin_and_counts_input_until_fin() {
    let mut bench =
        probe([bytes("probe later 99 text\na\nprobe close\nb\n"), bytes("c\nd"), In::End]);
    bench.wire.borrow_mut().writes = [Out::Take(1), Out::Block].into();
    assert_eq!(bench.readable(), NextStep::Idle);
    assert!(!bench.wire.borrow().half_closed, "output comes first");
    assert_eq!(bench.event(FIN), NextStep::Closed);
    assert!(bench.wire.borrow().half_closed && !bench.wire.borrow().resets);
    assert_eq!(
        (text(&bench).as_str(), bench.phase()),
        ("a\ntext\n", Phase::Closed(Cause::Finished))
    );
    assert_eq!(bench.connection.traffic().bytes_in, 39);
}

#[test]
fn a_close_that_was_asked_for_waits_ten_seconds_for_fin() {
    let mut bench = probe([bytes("probe close\n"), bytes("more"), In::Block]);
    assert_eq!(bench.readable(), NextStep::Idle);
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Finished));
    assert_eq!(next(&bench), Some(10_000));
    let mut cut = probe([bytes("probe close\n")]);
    cut.readable();
    cut.connection.cut();
    assert_eq!(bench.expire(9999), NextStep::Idle);
    assert_eq!(bench.expire(10_000), NextStep::Closed);
    for bench in [bench, cut] {
        assert_eq!(bench.phase(), Phase::Closed(Cause::Idle), "no FIN, so it has not finished");
    }
}

#[test]
fn a_reset_that_was_asked_for_is_sent_at_once() {
    let mut bench = probe([bytes("a\nprobe reset\nb\n")]);
    bench.wire.borrow_mut().writes = [Out::Block].into();
    assert_eq!(bench.readable(), NextStep::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::Aborted));
    assert!(bench.wire.borrow().resets && bench.sent().is_empty());
}

#[test]
fn the_idle_and_line_timeouts_count_from_the_end_of_a_wait() {
    let second = Some(Duration::from_secs(1));
    let timeouts = Timeouts { idle: second, line: second, stall: second };
    let deadline = |bench: &Bench| bench.connection.deadline(&timeouts).map(|(at, _)| at.0);
    for request in ["probe pause 5000\nbegun", "probe later 5000 text\n"] {
        let mut bench = probe([bytes(request)]);
        bench.readable();
        assert_eq!(deadline(&bench), Some(5000));
        bench.shared.now = MonotonicMs(5000);
        assert_eq!(bench.connection.expire(&timeouts, &mut bench.shared), NextStep::Idle);
        assert_ne!(bench.phase(), Phase::Closed(Cause::Idle), "{request}");
        assert_eq!(deadline(&bench), Some(6000));
    }
}

#[test]
fn a_peer_that_takes_no_answer_is_stalled_in_a_pause_too() {
    let timeouts = Timeouts { stall: Some(Duration::from_secs(1)), ..Timeouts::default() };
    let mut bench = probe([bytes("probe pause 5000\n")]);
    bench.wire.borrow_mut().writes = [Out::Block; 9].into();
    bench.readable();
    bench.shared.now = MonotonicMs(1000);
    assert_eq!(bench.connection.expire(&timeouts, &mut bench.shared), NextStep::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::Stalled));
}
