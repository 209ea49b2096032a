//! Accepted and rejected connections.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::io::Errno;

use super::*;
use crate::net::access::{self, Access};
use crate::reactor::admission::ACCEPT_PAUSE;

#[test]
fn one_edge_accepts_the_whole_queue() {
    let mut bench = Bench::room_for(1000, OverLimit::Wait);
    let wires: Vec<_> = (0..200).map(|_| bench.enqueue([])).collect();
    bench.turn([LISTENER]);
    assert_eq!(bench.reactor.counters().accepted, 64, "a turn's budget");
    for _ in 0..3 {
        assert_eq!(bench.patience(), Some(Duration::ZERO), "no second edge will come");
    }
    assert_eq!(bench.reactor.counters().accepted, 200);
    assert!(wires.iter().all(|wire| !wire.borrow().dropped));
    bench.turn([]);
    assert_eq!(bench.patience(), None, "nothing to do, no deadline: wait for an event");
}

#[test]
fn an_empty_queue_is_not_accepted_from() {
    let accepts = |waiting: usize| {
        let mut bench = Bench::room_for(1000, OverLimit::Wait);
        bench.turn([]);
        let before = bench.os.0.borrow().accepts;
        let wires: Vec<_> = (0..waiting).map(|_| bench.enqueue([])).collect();
        bench.turn([LISTENER]);
        assert_eq!((bench.patience(), wires.len()), (None, waiting), "the queue is empty");
        bench.os.0.borrow().accepts - before
    };
    assert_eq!([1, 2, 6].map(accepts), [1, 2, 6], "one call for each");
    assert_eq!([7, 20].map(accepts), [8, 21], "of many, the last finds the queue empty");
}

#[test]
fn a_connection_that_dies_in_the_queue_is_aborted() {
    let mut bench = Bench::new(options());
    for errno in [Errno::CONNABORTED, Errno::PROTO, Errno::INTR, Errno::PERM, Errno::NETDOWN] {
        bench.os.0.borrow_mut().queue.push_back(Err(errno));
    }
    let wire = bench.enqueue([bytes("served\n")]);
    bench.turn([LISTENER]);
    bench.turn([readable(0)]);
    assert_eq!(wire.borrow().sent, b"served\n", "in the same turn, without another event");
    assert_eq!(bench.of(Cause::Aborted), 2);
    let errors: BTreeMap<_, _> = bench.reactor.counters().accept_errors.clone();
    assert_eq!(errors.len(), 5);
    assert_eq!(errors.get("ECONNABORTED"), Some(&1));
}

#[test]
fn exhaustion_pauses_and_comes_back_by_time() {
    for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
        let mut bench = Bench::new(options());
        bench.os.0.borrow_mut().queue.push_back(Err(errno));
        let wire = bench.enqueue([]);
        bench.turn([LISTENER]);
        assert_eq!(bench.reactor.counters().pauses, 1, "{errno:?}");
        assert_eq!(bench.patience(), Some(ACCEPT_PAUSE), "neither spinning nor waiting for ever");
        assert_eq!(bench.reactor.counters().accepted, 0);
        bench.at(MonotonicMs(0).after(ACCEPT_PAUSE)).turn([]);
        assert_eq!(bench.reactor.counters().accepted, 1);
        assert!(!wire.borrow().dropped);
    }
}

#[test]
fn exhaustion_ends_with_a_freed_slot() {
    let mut bench = Bench::new(options());
    bench.enqueue([In::End]);
    bench.os.0.borrow_mut().queue.push_back(Err(Errno::MFILE));
    bench.enqueue([]);
    bench.turn([LISTENER]);
    assert_eq!(bench.reactor.counters().accepted, 1);
    bench.turn([fin(0)]);
    assert_eq!(bench.reactor.counters().accepted, 2, "in the turn in which the slot was freed");
}

#[test]
fn a_broken_listener_is_our_failure() {
    let mut bench = Bench::new(options());
    bench.os.0.borrow_mut().queue.push_back(Err(Errno::INVAL));
    let error = bench.reactor.turn().unwrap_err();
    assert!(error.to_string().contains("listener"), "{error}");
    assert!(bench.os.0.borrow().listeners_closed);
}

#[test]
fn a_failed_registration_costs_one_connection() {
    let mut bench = Bench::new(options());
    bench.os.0.borrow_mut().register.push_back(Errno::NOSPC);
    let lost = bench.enqueue([]);
    let wire = bench.enqueue([bytes("x\n")]);
    bench.turn([LISTENER]);
    assert!(lost.borrow().dropped);
    assert_eq!(bench.of(Cause::Error), 1);
    bench.turn([readable(0)]);
    assert_eq!(wire.borrow().sent, b"x\n");
}

#[test]
fn over_the_limit_wait_leaves_it_in_the_queue() {
    let mut bench = Bench::room_for(1, OverLimit::Wait);
    bench.enqueue([In::End]);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    assert_eq!(bench.reactor.counters().accepted, 1);
    assert_eq!(bench.reactor.listener_state(), "full");
    assert_eq!(bench.patience(), None, "full is no reason to spin");
    bench.turn([fin(0)]);
    assert_eq!(bench.reactor.counters().accepted, 2, "without another event");
}

#[test]
fn over_the_limit_refuse_closes_at_once() {
    let mut bench = Bench::room_for(1, OverLimit::Refuse);
    let first = bench.enqueue([]);
    let second = bench.enqueue([]);
    bench.turn([LISTENER]);
    assert!(!first.borrow().dropped && second.borrow().dropped);
    assert_eq!(bench.of(Cause::Refused), 1);
}

#[test]
fn a_denied_peer_is_closed_at_once() {
    let access = Access::of(&[], &[access::network("127.0.0.0/8").unwrap()]);
    let over_limit = OverLimit::Evict;
    let mut bench = Bench::with_room(1, Options { over_limit, access, ..options() });
    let wires = [bench.enqueue([]), bench.enqueue([])];
    bench.turn([LISTENER]);
    assert!(wires.iter().all(|wire| wire.borrow().dropped));
    assert_eq!((bench.of(Cause::Refused), bench.of(Cause::Evicted)), (2, 0), "none was evicted");
    assert!(bench.os.0.borrow().registered.is_empty());
}

#[test]
fn a_peer_has_no_more_connections_than_it_may() {
    let mut bench = Bench::new(Options { per_peer_max: Some(PeerLimit::of(1)), ..options() });
    bench.os.0.borrow_mut().register.push_back(Errno::NOMEM);
    let wires = [bench.enqueue([]), bench.enqueue([In::End]), bench.enqueue([])];
    bench.turn([LISTENER]);
    let dropped = wires.each_ref().map(|wire| wire.borrow().dropped);
    assert_eq!(dropped, [true, false, true], "the first was not registered, and does not count");
    assert_eq!((bench.of(Cause::Error), bench.of(Cause::Refused)), (1, 1));
    bench.turn([fin(0)]);
    let next = bench.enqueue([]);
    bench.turn([LISTENER]);
    assert!(!next.borrow().dropped, "there is room again");
}

#[test]
fn over_the_limit_evict_ends_the_longest_idle() {
    let mut bench = Bench::room_for(3, OverLimit::Evict);
    let wires: Vec<_> = (0..3).map(|_| bench.enqueue([bytes("x\n"), In::Block])).collect();
    bench.turn([LISTENER]);
    bench.at(MonotonicMs(10)).turn([readable(0)]);
    bench.at(MonotonicMs(20)).turn([readable(2)]);
    bench.at(MonotonicMs(30));
    bench.enqueue([]);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.turn([]);
    let gone: Vec<_> = wires.iter().map(|wire| wire.borrow().dropped).collect();
    assert_eq!(gone, [true, true, false], "1 never did anything, 0 was before 2");
    assert_eq!(bench.of(Cause::Evicted), 2);
}

#[test]
fn a_flushing_connection_can_be_evicted() {
    let mut bench = Bench::room_for(1, OverLimit::Evict);
    let flushing = bench.enqueue([bytes("tail"), In::End]);
    flushing.borrow_mut().writes = [Out::Block].into();
    bench.turn([LISTENER]);
    bench.turn([fin(0)]);
    bench.turn([]);
    assert_eq!(bench.reactor.snapshot().0, [0, 1, 0, 0, 0]);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.turn([]);
    assert_eq!(bench.of(Cause::Evicted), 1);
}

#[test]
fn nothing_but_failures_is_a_pause_and_no_busy_loop() {
    let mut bench = Bench::new(options());
    for _ in 0..100 {
        bench.os.0.borrow_mut().queue.push_back(Err(Errno::PERM));
    }
    bench.turn([LISTENER]);
    assert_eq!(bench.reactor.counters().pauses, 1);
    assert_eq!(bench.patience(), Some(ACCEPT_PAUSE));
}

#[test]
fn a_limit_beyond_all_memory_reserves_none() {
    let mut bench = Bench::room_for(usize::MAX - 64, OverLimit::Wait);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    assert_eq!(bench.reactor.counters().accepted, 1);
}
