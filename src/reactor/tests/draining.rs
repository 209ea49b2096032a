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
