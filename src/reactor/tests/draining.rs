//! The end of the daemon: by signal, by deadline, by force.

use std::time::Duration;

use super::*;
use crate::connection::LINGER;

#[test]
fn drain_serves_the_queue_before_the_listener_is_closed() {
    let mut bench = Bench::room_for(1000, OverLimit::Wait);
    bench.turn([]);
    let wires: Vec<_> = (0..100).map(|_| bench.enqueue([bytes("x\n"), In::Block])).collect();
    bench.reactor.drain();
    for _ in 0..6 {
        bench.turn([]);
    }
    assert!(bench.os.0.borrow().listeners_closed);
    for wire in &wires {
        assert_eq!(wire.borrow().sent, b"x\n");
        assert!(wire.borrow().half_closed);
        wire.borrow_mut().reads = [In::End].into();
    }
    assert!(!bench.reactor.is_done());
    bench.turn((0..100).map(fin));
    bench.turn([]);
    assert!(bench.reactor.is_done());
    assert_eq!(bench.of(Cause::Drained), 100);
}

#[test]
fn drain_leaves_the_queue_of_an_inherited_listener_to_the_next_process() {
    let mut bench = Bench::with(Capacity { listeners_inherited: 1, ..CAPACITY }, options());
    bench.enqueue([bytes("x\n"), In::Block, In::End]);
    bench.turn([LISTENER]);
    bench.turn([readable(0)]);
    bench.reactor.drain();
    assert!(bench.os.0.borrow().listeners_closed);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.turn([fin(0)]);
    bench.turn([]);
    assert!(bench.reactor.is_done());
    assert_eq!(bench.of(Cause::Drained), 1);
    assert_eq!(bench.os.0.borrow().queue.len(), 1, "it was not accepted");
}

#[test]
fn lingering_ends_at_its_deadline() {
    let mut bench = Bench::new(options());
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.reactor.drain();
    bench.turn([]);
    bench.turn([]);
    assert_eq!(bench.reactor.snapshot().0, [0, 0, 0, 1, 0]);
    assert!(bench.waits_at_most(LINGER));
    bench.at(MonotonicMs(0).after(LINGER)).turn([]);
    assert_eq!(bench.of(Cause::Drained), 1, "it was given everything");
    assert!(bench.reactor.is_done());
}

#[test]
fn the_drain_deadline_cuts_connections_with_pending_output() {
    let mut bench = Bench::new(options());
    let never_reads = bench.enqueue([bytes("x\n")]);
    never_reads.borrow_mut().writes = [Out::Block; 9].into();
    let flushing = bench.enqueue([bytes("tail"), In::End]);
    flushing.borrow_mut().writes = [Out::Block; 9].into();
    bench.turn([LISTENER]);
    bench.turn([readable(0), fin(1)]);
    bench.reactor.drain();
    bench.turn([]);
    bench.turn([]);
    assert_eq!(bench.reactor.snapshot().0, [0, 1, 1, 0, 0]);
    assert!(bench.waits_at_most(Duration::from_secs(3)), "until input is over");
    bench.at(MonotonicMs(3000)).turn([]);
    bench.turn([]);
    assert!(bench.waits_at_most(Duration::from_secs(1)));
    bench.at(MonotonicMs(4000)).turn([]);
    assert_eq!(bench.of(Cause::Cut), 2);
    assert!(bench.reactor.is_done());
}

#[test]
fn a_second_signal_cuts_every_connection_now() {
    let mut bench = Bench::new(options());
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.reactor.cut();
    assert_eq!(bench.of(Cause::Cut), 1);
    assert!(bench.os.0.borrow().listeners_closed);
}

#[test]
fn a_signal_wakes_the_owner() {
    let mut bench = Bench::new(options());
    bench.os.0.borrow_mut().events.push_back(vec![Event::Signal]);
    assert_eq!(bench.reactor.turn().unwrap(), Wakeups::SIGNALS);
    assert_eq!(bench.reactor.signals(), [Signal::Status]);
    assert!(bench.reactor.turn().unwrap().is_empty());
}

#[test]
fn the_watchdog_wakes_the_owner_until_the_end() {
    let mut bench = Bench::new(options());
    let silent = bench.enqueue([]);
    silent.borrow_mut().writes = [Out::Block].into();
    bench.turn([LISTENER]);
    bench.reactor.watchdog_every(Duration::from_secs(3));
    assert_eq!(bench.patience(), Some(Duration::from_secs(3)));
    bench.at(MonotonicMs(3000));
    assert_eq!(bench.reactor.turn().unwrap(), Wakeups::WATCHDOG);
    assert!(bench.reactor.turn().unwrap().is_empty());
    bench.at(MonotonicMs(4000)).reactor.drain();
    bench.turn([]);
    bench.turn([]);
    assert!(bench.waits_at_most(Duration::from_secs(2)), "the beat, or lingering");
    bench.at(MonotonicMs(6000));
    assert_eq!(bench.reactor.turn().unwrap(), Wakeups::WATCHDOG);
}

#[test]
fn no_connection_is_evicted_while_draining() {
    let mut bench = Bench::room_for(1, OverLimit::Evict);
    let unsent = bench.enqueue([bytes("x\n")]);
    unsent.borrow_mut().writes = [Out::Block].into();
    bench.turn([LISTENER]);
    bench.turn([readable(0)]);
    bench.enqueue([]);
    bench.reactor.drain();
    bench.turn([LISTENER]);
    bench.turn([]);
    assert_eq!(bench.of(Cause::Evicted), 0);
    assert!(!unsent.borrow().dropped);
}

#[test]
fn the_final_pass_ends_when_input_ends() {
    let mut bench = Bench::room_for(1, OverLimit::Wait);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.enqueue([]);
    bench.reactor.drain();
    bench.turn([LISTENER]);
    assert!(!bench.os.0.borrow().listeners_closed, "a connection waits, and no slot is free");
    bench.at(MonotonicMs(3000)).turn([]);
    assert!(bench.os.0.borrow().listeners_closed);
}

/// A drain with four steps of grace, of 250 ms each.
fn graceful() -> Options {
    Options { drain_grace: Duration::from_secs(1), ..options() }
}

#[test]
fn the_grace_serves_a_busy_connection_and_ends_a_quiet_one() {
    let mut bench = Bench::new(graceful());
    let [busy, quiet] = [0, 1].map(|_| bench.enqueue([bytes("x\n"), In::Block]));
    bench.turn([LISTENER]);
    bench.turn([readable(0), readable(1)]);
    bench.reactor.drain();
    bench.turn([]);
    assert!(bench.waits_at_most(Duration::from_millis(250)));
    bench.at(MonotonicMs(200));
    busy.borrow_mut().reads = [bytes("y\n"), In::Block].into();
    bench.turn([readable(0)]);
    bench.at(MonotonicMs(300)).turn([]);
    assert!(quiet.borrow().half_closed);
    assert!(!busy.borrow().half_closed, "it moved bytes 100 ms ago");
    busy.borrow_mut().reads = [bytes("z\n"), In::End].into();
    bench.turn([fin(0)]);
    bench.turn([]);
    assert_eq!(busy.borrow().sent, b"x\ny\nz\n");
    assert_eq!(bench.of(Cause::Finished), 1, "the peer closed first");
}

#[test]
fn the_grace_waits_for_a_first_line_and_for_the_end_of_a_line() {
    let mut bench = Bench::new(graceful());
    let first = bench.enqueue([]);
    let partial = bench.enqueue([bytes("half"), In::Block]);
    bench.turn([LISTENER]);
    bench.turn([readable(1)]);
    bench.reactor.drain();
    bench.at(MonotonicMs(975)).turn([]);
    assert!(!first.borrow().half_closed && !partial.borrow().half_closed);
    bench.at(MonotonicMs(1000)).turn([]);
    bench.turn([]);
    assert!(first.borrow().half_closed && partial.borrow().half_closed, "the grace is over");
    assert_eq!(partial.borrow().sent, b"half");
}

#[test]
fn the_grace_accepts_the_queue_and_serves_it_as_before() {
    let mut bench = Bench::new(graceful());
    bench.turn([]);
    let wire = bench.enqueue([bytes("x\n"), In::Block]);
    bench.reactor.drain();
    bench.turn([]);
    bench.turn([readable(0)]);
    bench.turn([]);
    assert!(bench.os.0.borrow().listeners_closed, "no handshake is expected");
    assert_eq!(wire.borrow().sent, b"x\n");
    assert!(!wire.borrow().half_closed);
}

#[test]
fn the_grace_waits_for_handshakes_where_connections_came_before() {
    let mut bench =
        Bench::with(Capacity { listeners: 2, listeners_inherited: 1, ..CAPACITY }, graceful());
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.at(MonotonicMs(500)).reactor.drain();
    bench.turn([]);
    assert_eq!(bench.os.0.borrow().handshakes_stopped, Some(1), "not at the inherited one");
    bench.at(MonotonicMs(740));
    let late = bench.enqueue([bytes("x\n"), In::Block]);
    bench.turn([Event::Listener(1)]);
    bench.turn([readable(1)]);
    assert!(!bench.os.0.borrow().listeners_closed);
    bench.at(MonotonicMs(750)).turn([]);
    assert!(bench.os.0.borrow().listeners_closed);
    assert_eq!(late.borrow().sent, b"x\n");
    assert!(!late.borrow().half_closed, "it has the rest of the grace");
}

#[test]
fn the_grace_is_at_most_half_of_the_drain() {
    let mut bench = Bench::new(Options { drain_grace: Duration::from_secs(60), ..options() });
    let silent = bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.reactor.drain();
    bench.at(MonotonicMs(1975)).turn([]);
    assert!(!silent.borrow().half_closed);
    bench.at(MonotonicMs(2000)).turn([]);
    bench.turn([]);
    assert!(silent.borrow().half_closed);
}

/// The peer may have sent a line meanwhile, which the next turn reads.
#[test]
fn a_stop_of_the_process_in_the_grace_makes_no_connection_quiet() {
    let mut bench = Bench::new(graceful());
    let wire = bench.enqueue([bytes("x\n"), In::Block]);
    bench.turn([LISTENER]);
    bench.turn([readable(0)]);
    bench.reactor.drain();
    bench.at(MonotonicMs(100));
    wire.borrow_mut().reads = [bytes("y\n"), In::Block].into();
    bench.turn([readable(0)]);
    bench.leap(MonotonicMs(400)).turn([]);
    bench.turn([]);
    assert!(!wire.borrow().half_closed, "the process was stopped for most of the time");
    bench.at(MonotonicMs(700)).turn([]);
    assert!(wire.borrow().half_closed);
}
