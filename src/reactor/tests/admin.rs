//! The admin endpoint, and its effect on the peers.

use super::*;
use crate::http::REQUEST_TIMEOUT;
use crate::reactor::admin::{ADMIN_CONNECTIONS_MAX, ADMIN_KEY_BASE};
use crate::reactor::admission::ACCEPT_PAUSE;

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n";

impl Bench {
    /// Queues an admin connection.
    fn connect_admin(&mut self, reads: impl IntoIterator<Item = In>) -> Handle {
        self.connect_admin_from(1, reads)
    }

    /// Queues an admin connection from 127.0.0.`host`.
    fn connect_admin_from(&mut self, host: u8, reads: impl IntoIterator<Item = In>) -> Handle {
        let (stream, wire) = ScriptedStream::new(reads);
        let peer = SocketAddr::from(([127, 0, 0, host], 1)).into();
        self.os.0.borrow_mut().admin_queue.push_back(Ok((stream, peer)));
        wire
    }
}

fn admin_connection(number: usize) -> Event {
    readable(ADMIN_KEY_BASE + number)
}

#[test]
fn an_admin_request_is_answered_and_counts_as_no_connection() {
    let mut bench = Bench::new(options());
    let wire = bench.connect_admin([bytes(GET)]);
    bench.turn([Event::Admin]);
    assert_eq!(bench.reactor.admin_connections(), 1);
    bench.turn([admin_connection(0)]);
    assert_eq!(bench.patience(), Some(Duration::ZERO), "the answer is written at once");
    assert!(wire.borrow().sent.ends_with(b"\r\n\r\n/metrics\n"));
    assert!(wire.borrow().half_closed);
    wire.borrow_mut().reads.push_back(In::End);
    bench.turn([admin_connection(0)]);
    assert_eq!((bench.reactor.admin_connections(), bench.reactor.counters().accepted), (0, 0));
    assert!(wire.borrow().dropped);
    bench.at(MonotonicMs(0).after(REQUEST_TIMEOUT / 4)).turn([]);
    assert_eq!(bench.patience(), None, "and then nothing is waited for but events");
}

#[test]
fn a_request_is_answered_in_the_turn_that_reads_it() {
    let mut bench = Bench::new(options());
    let wire = bench.connect_admin([bytes(GET)]);
    bench.turn([Event::Admin]);
    bench.turn([admin_connection(0)]);
    assert!(wire.borrow().sent.ends_with(b"/metrics\n"));
}

#[test]
fn without_a_handler_the_service_is_unavailable() {
    let mut bench = Bench::new(options());
    bench.reactor.admin_handler = None;
    let wire = bench.connect_admin([bytes(GET)]);
    bench.turn([Event::Admin]);
    bench.turn([admin_connection(0)]);
    assert!(wire.borrow().sent.starts_with(b"HTTP/1.1 503 "));
}

#[test]
fn a_slow_admin_connection_ends_at_its_deadline() {
    let mut bench = Bench::new(options());
    let wires = [bench.connect_admin([bytes("GET /")]), bench.connect_admin([])];
    bench.turn([Event::Admin]);
    bench.turn([admin_connection(0)]);
    bench.turn([]);
    assert!(bench.waits_at_most(REQUEST_TIMEOUT / 4));
    bench.at(MonotonicMs(0).after(REQUEST_TIMEOUT)).turn([]);
    bench.turn([]);
    assert!(wires[0].borrow().sent.starts_with(b"HTTP/1.1 408 "));
    assert!(wires[1].borrow().dropped, "the silent one");
    bench.at(MonotonicMs(0).after(REQUEST_TIMEOUT * 2)).turn([]);
    assert!(wires[0].borrow().dropped, "a peer that does not close is closed");
}

/// Accepts all waiting admin connections, four in a turn, and reads their requests.
fn let_in(bench: &mut Bench) {
    for _ in 0..3 * ADMIN_CONNECTIONS_MAX {
        bench.turn([Event::Admin]);
    }
}

fn gone(wires: &[Handle]) -> Vec<usize> {
    let gone = wires.iter().enumerate().filter(|(_, wire)| wire.borrow().dropped);
    gone.map(|(number, _)| number).collect()
}

fn rejected(bench: &Bench, reason: &str) -> u64 {
    bench.reactor.counters().admin_rejected.get(reason).copied().unwrap_or_default()
}

#[test]
fn the_oldest_silent_admin_connection_of_the_busiest_address_is_evicted() {
    let mut bench = Bench::new(options());
    let probe = bench.connect_admin_from(2, []);
    let silent: Vec<_> = (1..ADMIN_CONNECTIONS_MAX).map(|_| bench.connect_admin([])).collect();
    let_in(&mut bench);
    assert_eq!(bench.reactor.admin_connections(), ADMIN_CONNECTIONS_MAX);
    let more: Vec<_> = (0..3).map(|_| bench.connect_admin([])).collect();
    let_in(&mut bench);
    assert_eq!((gone(&silent), gone(&more)), (vec![0, 1, 2], vec![]));
    assert!(!probe.borrow().dropped, "it came first, and from another address");
    probe.borrow_mut().reads = [bytes(GET)].into();
    bench.turn([admin_connection(0)]);
    bench.turn([]);
    assert!(probe.borrow().sent.ends_with(b"/metrics\n"));
    assert_eq!(rejected(&bench, "evicted"), 3);
}

#[test]
fn an_answered_connection_makes_room_first_and_that_is_no_rejection() {
    let mut bench = Bench::new(options());
    let silent: Vec<_> = (1..ADMIN_CONNECTIONS_MAX).map(|_| bench.connect_admin([])).collect();
    let answered = bench.connect_admin_from(2, [bytes(GET)]);
    let_in(&mut bench);
    bench.connect_admin([]);
    let_in(&mut bench);
    assert!(answered.borrow().dropped && gone(&silent).is_empty());
    assert_eq!(rejected(&bench, "evicted"), 0);
}

#[test]
fn an_answer_that_is_not_taken_makes_room_if_there_is_nothing_else() {
    let mut bench = Bench::new(options());
    let askers: Vec<_> =
        (0..ADMIN_CONNECTIONS_MAX).map(|_| bench.connect_admin([bytes(GET)])).collect();
    for wire in &askers {
        wire.borrow_mut().writes = [Out::Block].into();
    }
    let_in(&mut bench);
    let_in(&mut bench);
    let probe = bench.connect_admin_from(2, [bytes(GET)]);
    let_in(&mut bench);
    assert_eq!(gone(&askers), [0]);
    bench.turn([]);
    assert!(probe.borrow().sent.ends_with(b"/metrics\n"));
}

#[test]
fn an_address_that_may_not_ask_is_closed_at_once() {
    let metrics_access = Access::of(&["127.0.0.2/32".parse().unwrap()], &[]);
    let mut bench = Bench::new(Options { metrics_access, ..options() });
    let wires =
        [bench.connect_admin_from(1, [bytes(GET)]), bench.connect_admin_from(2, [bytes(GET)])];
    let_in(&mut bench);
    assert_eq!(gone(&wires), [0]);
    assert_eq!(rejected(&bench, "refused"), 1);
    assert!(wires[1].borrow().sent.ends_with(b"/metrics\n"));
}

#[test]
fn few_admin_connections_are_served_in_a_turn() {
    let mut bench = Bench::new(options());
    let wires: Vec<_> = (0..ADMIN_CONNECTIONS_MAX).map(|_| bench.connect_admin([])).collect();
    let_in(&mut bench);
    for wire in &wires {
        wire.borrow_mut().reads = [bytes(GET)].into();
    }
    bench.turn((0..ADMIN_CONNECTIONS_MAX).map(admin_connection));
    let answered = wires.iter().filter(|wire| !wire.borrow().sent.is_empty()).count();
    assert_eq!(answered, 4, "the peers' events wait meanwhile");
    assert_eq!(bench.patience(), Some(Duration::ZERO));
}

#[test]
fn an_admin_listener_that_only_fails_pauses() {
    let mut bench = Bench::new(options());
    bench.os.0.borrow_mut().admin_queue.extend((0..9).map(|_| Err(Errno::PERM)));
    bench.turn([Event::Admin]);
    bench.turn([]);
    assert_eq!(bench.patience(), Some(ACCEPT_PAUSE));
}

#[test]
fn admin_connections_wait_for_descriptors_without_spinning() {
    let mut bench = Bench::new(options());
    bench.os.0.borrow_mut().admin_queue.push_back(Err(Errno::MFILE));
    let wire = bench.connect_admin([]);
    bench.turn([Event::Admin]);
    bench.turn([]);
    assert_eq!(bench.patience(), Some(ACCEPT_PAUSE));
    bench.at(MonotonicMs(0).after(ACCEPT_PAUSE)).turn([]);
    assert_eq!(bench.reactor.admin_connections(), 1, "without another event");
    assert!(!wire.borrow().dropped);
    // A connection that can't be registered is closed.
    bench.os.0.borrow_mut().register.push_back(Errno::NOMEM);
    let refused = bench.connect_admin([]);
    bench.turn([Event::Admin]);
    assert!(refused.borrow().dropped);
}

#[test]
fn admin_requests_are_answered_while_draining_and_do_not_delay_the_end() {
    let mut bench = Bench::new(options());
    bench.enqueue([]);
    let wire = bench.connect_admin([bytes(GET)]);
    bench.turn([LISTENER, Event::Admin]);
    bench.reactor.drain();
    bench.turn([admin_connection(0)]);
    assert!(bench.reactor.is_draining());
    assert!(wire.borrow().sent.ends_with(b"/metrics\n"));
    bench.turn([fin(0)]);
    let slow = bench.connect_admin([bytes(GET)]);
    slow.borrow_mut().writes = [Out::Block].into();
    bench.turn([Event::Admin]);
    bench.turn([]);
    bench.at(MonotonicMs(0).after(Duration::from_secs(4))).turn([]);
    assert!(bench.reactor.is_done());
    assert_eq!(bench.reactor.admin_connections(), 1, "the slow reader");
}

#[test]
fn an_event_for_a_closed_admin_connection_is_ignored() {
    let mut bench = Bench::new(options());
    bench.turn([admin_connection(3), readable(7)]);
    assert_eq!(bench.patience(), None);
}

#[test]
fn slow_iterations_are_counted() {
    let mut bench = Bench::new(options());
    let wires: Vec<_> = (0..40).map(|_| bench.enqueue([bytes("x\n")])).collect();
    bench.turn([LISTENER]);
    bench.turn((0..40).map(readable));
    assert_eq!(bench.reactor.counters().iterations, 2);
    assert_eq!(bench.reactor.counters().slow_iterations, 0, "by a clock that stands still");
    bench.os.0.borrow_mut().slow = Some(MonotonicMs(51));
    for wire in &wires {
        wire.borrow_mut().reads.push_back(bytes("y\n"));
    }
    bench.turn((0..40).map(readable));
    let counters = bench.reactor.counters();
    assert_eq!(counters.slow_iterations, 1);
    assert_eq!(counters.longest_turn, Duration::from_millis(51));
    let turns: Vec<_> = counters.turns().ranges().map(|(_, count)| count).collect();
    assert_eq!(turns.get(..4), Some(&[2, 0, 0, 1][..]), "51 ms are more than 50");
}
