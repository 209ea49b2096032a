//! Input that came while the process was stopped: no deadline may end a peer that was in time.

use super::*;
use crate::connection::LINGER;
use crate::http::REQUEST_TIMEOUT;
use crate::net::proxy::{self, HeaderPolicy};

const SECOND: Duration = Duration::from_secs(1);

/// The first poll after the stop: interrupted, or without room for the event.
const WAITS: [Option<Errno>; 2] = [Some(Errno::INTR), None];

impl Bench {
    /// Stops the process until `now`; its first turn then sees no event. For a while before,
    /// nothing happens.
    fn stopped_until(&mut self, now: u64, wait: Option<Errno>) {
        let before = self.os.0.borrow().now;
        self.at(MonotonicMs(before.0 + (now - before.0) * 3 / 10)).turn([]);
        self.os.0.borrow_mut().polled = wait;
        self.leap(MonotonicMs(now)).turn([]);
    }
}

fn with(timeouts: Timeouts) -> Bench {
    Bench::new(Options { timeouts, ..options() })
}

#[test]
fn a_line_that_came_before_the_idle_timeout_is_echoed_after_a_stop() {
    for wait in WAITS {
        let mut bench = with(Timeouts { idle: Some(SECOND), ..Timeouts::default() });
        let in_time = bench.enqueue([]);
        let silent = bench.enqueue([]);
        bench.turn([LISTENER]);
        in_time.borrow_mut().reads = [bytes("in time\n"), In::Block].into();
        bench.stopped_until(2000, wait);
        assert_eq!(in_time.borrow().sent, b"in time\n");
        assert!(!in_time.borrow().dropped && silent.borrow().dropped);
        assert_eq!(bench.of(Cause::Idle), 1);
        bench.at(MonotonicMs(3000)).turn([]);
        assert_eq!(bench.of(Cause::Idle), 2, "a second later it is idle too");
    }
}

#[test]
fn a_line_that_was_finished_before_its_timeout_is_echoed_after_a_stop() {
    for wait in WAITS {
        let mut bench = with(Timeouts { line: Some(SECOND), ..Timeouts::default() });
        let finished = bench.enqueue([bytes("begun "), In::Block]);
        let unfinished = bench.enqueue([bytes("begun "), In::Block]);
        bench.turn([LISTENER]);
        bench.turn([readable(0), readable(1)]);
        let long = [&vec![b'x'; 3 * 65_536][..], b" and finished\n"].concat();
        finished.borrow_mut().reads = [In::Bytes(long), In::Block].into();
        unfinished.borrow_mut().reads = [bytes("and not finished"), In::Block].into();
        bench.stopped_until(2000, wait);
        assert!(finished.borrow().sent.ends_with(b"x and finished\n"));
        assert!(!finished.borrow().dropped && unfinished.borrow().dropped);
        assert_eq!(bench.of(Cause::LineTimeout), 1);
    }
}

#[test]
fn a_peer_that_made_room_before_the_stall_timeout_is_written_to_after_a_stop() {
    for wait in WAITS {
        let mut bench = with(Timeouts { stall: Some(SECOND), ..Timeouts::default() });
        let wires = [bench.enqueue([bytes("x\n")]), bench.enqueue([bytes("x\n")])];
        for wire in &wires {
            wire.borrow_mut().writes = [Out::Block].into();
        }
        bench.turn([LISTENER]);
        bench.turn([readable(0), readable(1)]);
        wires[1].borrow_mut().writes = [Out::Block].into();
        bench.stopped_until(2000, wait);
        assert_eq!(wires[0].borrow().sent, b"x\n");
        assert!(!wires[0].borrow().dropped && wires[1].borrow().dropped);
        assert_eq!(bench.of(Cause::Stalled), 1);
    }
}

#[test]
fn a_header_that_came_in_time_is_read_after_a_stop() {
    for wait in WAITS {
        let mut bench =
            Bench::new(Options { proxy_header: Some(HeaderPolicy::Required), ..options() });
        let wire = bench.enqueue([]);
        bench.turn([LISTENER]);
        let header = bytes("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nline\n");
        wire.borrow_mut().reads = [header, In::Block].into();
        let late = proxy::HEADER_TIMEOUT.as_millis().try_into().unwrap_or(u64::MAX);
        bench.stopped_until(2 * late, wait);
        assert_eq!(wire.borrow().sent, b"line\n");
        assert_eq!(bench.of(Cause::LineTimeout), 0);
    }
}

#[test]
fn an_admin_request_that_came_in_time_is_answered_after_a_stop() {
    for wait in WAITS {
        let mut bench = Bench::new(options());
        let (stream, wire) = ScriptedStream::new([]);
        let peer = SocketAddr::from(([127, 0, 0, 1], 1)).into();
        bench.os.0.borrow_mut().admin_queue.push_back(Ok((stream, peer)));
        bench.turn([Event::Admin]);
        wire.borrow_mut().reads =
            [bytes("GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"), In::Block].into();
        let late = REQUEST_TIMEOUT.as_millis().try_into().unwrap_or(u64::MAX);
        bench.stopped_until(2 * late, wait);
        assert!(wire.borrow().sent.starts_with(b"HTTP/1.1 200 "));
    }
}

#[test]
fn input_behind_our_fin_is_read_after_a_stop_before_close() {
    for wait in WAITS {
        let mut bench = Bench::new(options());
        let wire = bench.enqueue([]);
        bench.turn([LISTENER]);
        bench.reactor.drain();
        bench.turn([]);
        bench.turn([]);
        assert!(wire.borrow().half_closed);
        wire.borrow_mut().reads = [bytes("one"), bytes("two"), In::End].into();
        let late = LINGER.as_millis().try_into().unwrap_or(u64::MAX);
        bench.stopped_until(late, wait);
        assert_eq!(wire.borrow().reads.len(), 1, "only the end is left, which is no input");
        assert_eq!(bench.of(Cause::Drained), 1);
    }
}

#[test]
fn a_line_that_came_before_input_was_over_is_echoed_by_a_drain_after_a_stop() {
    for (wait, stop) in [(WAITS[0], 3500), (WAITS[1], 3500), (WAITS[0], 9000), (WAITS[1], 9000)] {
        let mut bench = Bench::new(options());
        let wire = bench.enqueue([bytes("x\n")]);
        wire.borrow_mut().writes = [Out::Block].into();
        bench.turn([LISTENER]);
        bench.turn([readable(0)]);
        bench.reactor.drain();
        bench.turn([]);
        wire.borrow_mut().reads = [bytes("in time\n"), In::Block].into();
        bench.stopped_until(stop, wait);
        bench.turn([]);
        bench.turn([]);
        assert_eq!(wire.borrow().sent, b"x\nin time\n");
        assert!(wire.borrow().half_closed);
        wire.borrow_mut().reads = [In::End].into();
        bench.turn([fin(0)]);
        assert_eq!((bench.of(Cause::Drained), bench.of(Cause::Cut)), (1, 0));
    }
}

#[test]
fn a_peer_that_took_everything_before_the_drains_end_is_not_cut_after_a_stop() {
    for wait in WAITS {
        let mut bench = Bench::new(options());
        let wire = bench.enqueue([bytes("tail"), In::End]);
        wire.borrow_mut().writes = [Out::Block, Out::Block, Out::Block].into();
        bench.turn([LISTENER]);
        bench.turn([fin(0)]);
        bench.reactor.drain();
        bench.turn([]);
        bench.at(MonotonicMs(3000)).turn([]);
        wire.borrow_mut().writes.clear();
        bench.stopped_until(5000, wait);
        assert_eq!(wire.borrow().sent, b"tail");
        assert_eq!((bench.of(Cause::Finished), bench.of(Cause::Cut)), (1, 0));
    }
}

#[test]
fn a_queue_that_filled_before_input_was_over_is_served_by_a_drain_after_a_stop() {
    let mut bench = Bench::room_for(1000, OverLimit::Wait);
    bench.turn([]);
    bench.reactor.drain();
    let wires: Vec<_> = (0..200).map(|_| bench.enqueue([bytes("line\n"), In::End])).collect();
    bench.stopped_until(9000, Some(Errno::INTR));
    for _ in 0..3 {
        bench.turn([]);
    }
    assert!(wires.iter().all(|wire| wire.borrow().sent == b"line\n"));
}

#[test]
fn children_have_a_quarter_of_the_drain_between_term_and_kill_after_a_stop() {
    let mut bench = Bench::new(Options { exec: true, ..options() });
    bench.os.0.borrow_mut().events.push_back(vec![Event::Signal]);
    bench.enqueue([]);
    bench.reactor.turn().unwrap();
    bench.reactor.drain();
    assert!(bench.os.0.borrow().signalled.is_empty(), "it came from the queue");
    bench.stopped_until(9000, None);
    assert_eq!(bench.os.0.borrow().signalled, [(child(0), StopSignal::Terminate)]);
    bench.at(MonotonicMs(9999)).turn([]);
    assert_eq!(bench.os.0.borrow().signalled.len(), 1);
    bench.at(MonotonicMs(10_000)).turn([]);
    assert_eq!(bench.os.0.borrow().signalled.last(), Some(&(child(0), StopSignal::Kill)));
}

#[test]
fn activity_behind_a_stop_in_the_middle_of_a_turn_counts_from_its_end() {
    let timeouts = Timeouts { idle: Some(SECOND), line: Some(SECOND), stall: Some(SECOND) };
    let mut bench = with(timeouts);
    let echoed = bench.enqueue([bytes("x\n"), In::Block]);
    let begun = bench.enqueue([bytes("begun"), In::Block]);
    let unsent = bench.enqueue([bytes("x\n")]);
    unsent.borrow_mut().writes = [Out::Block; 9].into();
    bench.turn([LISTENER]);
    // By the clock of this turn they are served at 500, in reality just before 3000.
    bench.at(MonotonicMs(500)).turn([readable(0), readable(1), readable(2)]);
    for now in [3000, 3900] {
        if now == 3000 { bench.leap(MonotonicMs(now)) } else { bench.at(MonotonicMs(now)) }
            .turn([]);
        let dropped = [&echoed, &begun, &unsent].map(|wire| wire.borrow().dropped);
        assert_eq!(dropped, [false; 3], "at {now}");
    }
    for now in [4000, 4001] {
        bench.at(MonotonicMs(now)).turn([]);
    }
    assert!([&echoed, &begun, &unsent].iter().all(|wire| wire.borrow().dropped));
}
