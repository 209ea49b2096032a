//! Events, budgets and deadlines in a turn.

use std::time::Duration;

use rustix::io::Errno;

use super::*;
use crate::line::READ_BYTES_MAX;

#[test]
fn a_stale_event_never_reaches_the_next_owner_of_a_slot() {
    let mut bench = Bench::new(options());
    bench.enqueue([In::End]);
    bench.turn([LISTENER]);
    let newcomer = bench.enqueue([In::End]);
    // The batch names slot 0 twice and the listener; the newcomer will have slot 0.
    bench.turn([fin(0), LISTENER, fin(0)]);
    assert_eq!(bench.os.0.borrow().registered, [0, 0]);
    assert_eq!(bench.of(Cause::Finished), 1);
    assert!(!newcomer.borrow().dropped, "it was accepted after the batch");
    bench.turn([]);
    assert_eq!(bench.of(Cause::Finished), 1, "nothing was left over that would serve it");
}

#[test]
fn events_for_unknown_keys_are_ignored() {
    let mut bench = Bench::new(options());
    bench.turn([readable(7), readable(usize::MAX / 2), Event::Listener(9)]);
    assert_eq!(bench.reactor.counters().accepted, 0);
}

#[test]
fn spurious_readiness_is_no_error() {
    let mut bench = Bench::new(options());
    let wire = bench.enqueue([In::Block, In::Block]);
    bench.turn([LISTENER]);
    bench.turn([fin(0)]);
    bench.turn([readable(0)]);
    assert!(!wire.borrow().dropped);
    assert_eq!(bench.reactor.snapshot().0, [1, 0, 0, 0, 0]);
}

#[test]
fn an_interrupted_poll_is_a_turn_with_a_signal_perhaps() {
    let mut bench = Bench::new(options());
    bench.os.0.borrow_mut().polled = Some(Errno::INTR);
    let wakeups = bench.reactor.turn().unwrap();
    assert!(wakeups.contains(Wakeups::SIGNALS), "the byte that its handler writes may be lost");
    bench.os.0.borrow_mut().polled = Some(Errno::BADF);
    assert!(bench.reactor.turn().is_err(), "any other failure of the poll is ours");
}

/// Returns the echoed bytes of a bulk sender, in fillings of the read buffer.
fn fillings(wire: &Handle) -> usize {
    wire.borrow().sent.len() / READ_BYTES_MAX
}

#[test]
fn a_bulk_sender_gets_one_more_read_in_a_turn_after_all_others() {
    let mut bench = Bench::new(options());
    let flood = bench.enqueue([In::Bytes(vec![b'x'; 40 * READ_BYTES_MAX])]);
    let polite = bench.enqueue([bytes("x\n"), In::Block, bytes("y\n")]);
    bench.turn([LISTENER]);
    bench.turn([readable(0), readable(1)]);
    assert_eq!((fillings(&flood), polite.borrow().sent.as_slice()), (2, &b"x\n"[..]));
    for turn in 2..=4 {
        assert_eq!(bench.patience(), Some(Duration::ZERO), "no second edge will come");
        assert_eq!(fillings(&flood), 1 + turn);
    }
    bench.turn([readable(1)]);
    bench.turn([readable(1)]);
    assert_eq!(polite.borrow().sent, b"x\ny\n");
    assert_eq!(fillings(&flood), 7);
}

#[test]
fn a_connection_at_its_end_does_not_wait_behind_bulk_senders() {
    let mut bench = Bench::new(options());
    let flood = bench.enqueue([In::Bytes(vec![b'x'; 40 * READ_BYTES_MAX])]);
    let leaving = [0, 1, 2].map(|_| bench.enqueue([bytes("x\n"), In::End]));
    bench.turn([LISTENER]);
    bench.turn([readable(0), fin(1), fin(2), fin(3)]);
    bench.turn([]);
    assert!(leaving.iter().all(|wire| wire.borrow().dropped), "in the next turn");
    assert_eq!(fillings(&flood), 3);
}

#[test]
fn an_interrupted_write_does_not_wait_behind_bulk_senders() {
    let mut bench = Bench::new(options());
    let _flood = bench.enqueue([In::Bytes(vec![b'x'; 40 * READ_BYTES_MAX])]);
    let slow = bench.enqueue([bytes("owed\n"), In::Block]);
    slow.borrow_mut().writes = [Out::Take(2), Out::Fail(Errno::INTR)].into();
    bench.turn([LISTENER]);
    bench.turn([readable(0), readable(1)]);
    assert_eq!(slow.borrow().sent, b"ow");
    bench.turn([]);
    assert_eq!(slow.borrow().sent, b"owed\n", "in the next turn");
}

#[test]
fn of_many_bulk_senders_each_has_fewer_turns_in_a_row() {
    let mut bench = Bench::room_for(1000, OverLimit::Wait);
    let reads = || In::Bytes(vec![b'x'; 20 * READ_BYTES_MAX]);
    let floods: Vec<_> = (0..64).map(|_| bench.enqueue([reads()])).collect();
    bench.turn([LISTENER]);
    bench.turn((0..64).map(readable));
    (0..15).for_each(|_| bench.turn([]));
    assert_eq!([&floods[0], &floods[1]].map(fillings), [17, 1], "sixteen in a row");
    bench.turn([]);
    assert_eq!([&floods[0], &floods[1]].map(fillings), [17, 2]);
}

#[test]
fn bulk_senders_take_turns() {
    let mut bench = Bench::new(options());
    let floods = [0, 1].map(|_| bench.enqueue([In::Bytes(vec![b'x'; 100 * READ_BYTES_MAX])]));
    bench.turn([LISTENER]);
    bench.turn([readable(0), readable(1)]);
    let echoed = |floods: &[Handle; 2]| [fillings(&floods[0]), fillings(&floods[1])];
    assert_eq!(echoed(&floods), [2, 1], "one each, and one for the first stream");
    let turns: Vec<_> = (0..128)
        .map(|_| {
            bench.turn([readable(0), readable(1)]);
            echoed(&floods)
        })
        .collect();
    assert_eq!(turns[62..65], [[65, 1], [65, 2], [65, 3]], "sixty-four in a row");
    assert_eq!(turns[126..128], [[65, 65], [66, 65]]);
}

#[test]
fn idle_time_counts_from_the_last_byte() {
    let second = Duration::from_secs(1);
    let timeouts = Timeouts { idle: Some(second), ..Timeouts::default() };
    let mut bench = Bench::new(Options { timeouts, ..options() });
    let wire = bench.enqueue([bytes("x\n"), In::Block]);
    bench.turn([LISTENER]);
    assert!(bench.waits_at_most(second));
    bench.at(MonotonicMs(900)).turn([readable(0)]);
    bench.at(MonotonicMs(1000)).turn([]);
    assert!(!wire.borrow().dropped, "looked at, and found active since");
    assert!(bench.waits_at_most(Duration::from_millis(900)));
    bench.at(MonotonicMs(1900)).turn([]);
    assert!(wire.borrow().dropped);
    assert_eq!(bench.of(Cause::Idle), 1);
}

#[test]
fn extreme_timeouts_neither_spin_nor_overflow() {
    let timeouts = Timeouts { idle: Some(Duration::MAX), ..Timeouts::default() };
    let mut bench = Bench::new(Options { timeouts, drain: Duration::MAX, ..options() });
    bench.at(MonotonicMs(1)).enqueue([]);
    bench.turn([LISTENER]);
    assert_eq!(bench.patience(), Some(Duration::from_secs(86_400)), "a poll can't wait longer");
    bench.reactor.drain();
    assert!(bench.reactor.is_draining());
    let month = Timeouts { idle: Some(Duration::from_secs(30 * 86_400)), ..timeouts };
    let mut bench = Bench::new(Options { timeouts: month, ..options() });
    bench.enqueue([]);
    bench.turn([LISTENER]);
    assert_eq!(bench.patience(), Some(Duration::from_secs(86_400)), "a poll can't wait longer");
}

#[test]
fn a_slots_next_owner_has_no_place_in_the_queue() {
    let second = Duration::from_secs(1);
    let timeouts = Timeouts { line: Some(second), ..Timeouts::default() };
    let mut bench = Bench::new(Options { timeouts, ..options() });
    bench.enqueue([In::Bytes(vec![b'x'; 4 * READ_BYTES_MAX])]);
    bench.turn([LISTENER]);
    bench.turn([readable(0)]);
    let newcomer = bench.enqueue([bytes("not asked for\n")]);
    // In one turn the bulk sender is served, wants another turn, and ends at its line's deadline.
    bench.at(MonotonicMs(1000)).turn([LISTENER]);
    assert_eq!(bench.of(Cause::LineTimeout), 1);
    assert_eq!(bench.os.0.borrow().registered, [0, 0]);
    bench.turn([]);
    assert_eq!(newcomer.borrow().reads.len(), 1, "it was served without an event");
}
