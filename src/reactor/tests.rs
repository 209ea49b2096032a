//! The reactor's turn on a scripted kernel: no socket, no clock, every order of events.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use super::gate::PAUSE;
use super::*;
use crate::cause::Cause;
use crate::connection::script::{In, Out, Script, Wire};
use crate::connection::{LINGER, Ready, Timeouts};
use crate::line::READ_BYTES_MAX;
use crate::service::ECHO;

type Handle = Rc<RefCell<Wire>>;

/// What the kernel is going to do.
#[derive(Default)]
struct Plan {
    events: VecDeque<Vec<Event>>,
    queue: VecDeque<Result<Script, Errno>>,
    register: VecDeque<Errno>,
    now: Millis,
    listeners_closed: bool,
    timeouts: Vec<Option<Duration>>,
    registered: Vec<usize>,
    polled: Option<Errno>,
}

#[derive(Clone, Default)]
struct Scripted(Rc<RefCell<Plan>>);

impl Kernel for Scripted {
    type Stream = Script;

    fn poll(&mut self, timeout: Option<Duration>, tell: impl FnMut(Event)) -> io::Result<()> {
        let mut plan = self.0.borrow_mut();
        plan.timeouts.push(timeout);
        let events = plan.events.pop_front().unwrap_or_default();
        let polled = plan.polled.take();
        drop(plan);
        events.into_iter().for_each(tell);
        polled.map_or(Ok(()), |errno| Err(errno.into()))
    }

    fn accept(&mut self, _: usize) -> io::Result<(Script, SocketAddr)> {
        let accepted = self.0.borrow_mut().queue.pop_front();
        match accepted {
            None => Err(Errno::AGAIN.into()),
            Some(Err(errno)) => Err(errno.into()),
            Some(Ok(stream)) => Ok((stream, SocketAddr::from(([127, 0, 0, 1], 1)))),
        }
    }

    fn register(&mut self, _: &mut Script, key: usize) -> io::Result<()> {
        let mut plan = self.0.borrow_mut();
        if let Some(errno) = plan.register.pop_front() {
            return Err(errno.into());
        }
        plan.registered.push(key);
        Ok(())
    }

    fn close_listeners(&mut self) {
        self.0.borrow_mut().listeners_closed = true;
    }

    fn signals(&mut self) -> Vec<Signal> {
        vec![Signal::Status]
    }

    fn now(&self) -> Millis {
        self.0.borrow().now
    }
}

struct Bench {
    reactor: Reactor<Scripted>,
    kernel: Scripted,
}

impl Bench {
    fn new(rules: Rules) -> Self {
        let kernel = Scripted::default();
        Self { reactor: Reactor::new(kernel.clone(), 1, rules), kernel }
    }

    fn room_for(connections_max: usize, over_limit: OverLimit) -> Self {
        Self::new(Rules { connections_max, over_limit, ..rules() })
    }

    /// A connection waits in the queue.
    fn knock(&mut self, reads: impl IntoIterator<Item = In>) -> Handle {
        let (stream, wire) = Script::new(reads);
        self.kernel.0.borrow_mut().queue.push_back(Ok(stream));
        wire
    }

    fn turn(&mut self, events: impl IntoIterator<Item = Event>) {
        self.kernel.0.borrow_mut().events.push_back(events.into_iter().collect());
        self.reactor.turn().unwrap();
    }

    fn at(&mut self, now: Millis) -> &mut Self {
        self.kernel.0.borrow_mut().now = now;
        self
    }

    fn of(&self, cause: Cause) -> u64 {
        self.reactor.counters().of(cause)
    }

    /// How long the next turn would wait.
    fn patience(&mut self) -> Option<Duration> {
        self.turn([]);
        self.kernel.0.borrow().timeouts.last().copied().flatten()
    }
}

fn rules() -> Rules {
    Rules {
        service: ECHO,
        line_bytes_max: 4096,
        connections_max: 100,
        over_limit: OverLimit::Wait,
        timeouts: Timeouts::default(),
        drain: Duration::from_secs(4),
    }
}

fn readable(key: usize) -> Event {
    Event::Stream(key, Ready::READABLE.union(Ready::WRITABLE))
}

fn fin(key: usize) -> Event {
    Event::Stream(key, Ready::READABLE.union(Ready::WRITABLE).union(Ready::TO_END))
}

fn bytes(text: &str) -> In {
    In::Bytes(text.as_bytes().to_vec())
}

const LISTENER: Event = Event::Listener(0);

#[test]
fn one_edge_lets_everybody_in() {
    let mut bench = Bench::room_for(1000, OverLimit::Wait);
    let wires: Vec<_> = (0..200).map(|_| bench.knock([])).collect();
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
fn a_connection_that_dies_in_the_queue_is_aborted() {
    let mut bench = Bench::new(rules());
    for errno in [Errno::CONNABORTED, Errno::PROTO, Errno::INTR, Errno::PERM, Errno::NETDOWN] {
        bench.kernel.0.borrow_mut().queue.push_back(Err(errno));
    }
    let wire = bench.knock([bytes("served\n")]);
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
        let mut bench = Bench::new(rules());
        bench.kernel.0.borrow_mut().queue.push_back(Err(errno));
        let wire = bench.knock([]);
        bench.turn([LISTENER]);
        assert_eq!(bench.reactor.counters().pauses, 1, "{errno:?}");
        assert_eq!(bench.patience(), Some(PAUSE), "neither spinning nor waiting for ever");
        assert_eq!(bench.reactor.counters().accepted, 0);
        bench.at(Millis(0).after(PAUSE)).turn([]);
        assert_eq!(bench.reactor.counters().accepted, 1);
        assert!(!wire.borrow().dropped);
    }
}

#[test]
fn exhaustion_ends_with_a_freed_slot() {
    let mut bench = Bench::new(rules());
    bench.knock([In::End]);
    bench.kernel.0.borrow_mut().queue.push_back(Err(Errno::MFILE));
    bench.knock([]);
    bench.turn([LISTENER]);
    assert_eq!(bench.reactor.counters().accepted, 1);
    bench.turn([fin(0)]);
    assert_eq!(bench.reactor.counters().accepted, 2, "in the turn in which the slot was freed");
}

#[test]
fn a_broken_listener_is_our_failure() {
    let mut bench = Bench::new(rules());
    bench.kernel.0.borrow_mut().queue.push_back(Err(Errno::INVAL));
    let error = bench.reactor.turn().unwrap_err();
    assert!(error.to_string().contains("listener"), "{error}");
    assert!(bench.kernel.0.borrow().listeners_closed);
}

#[test]
fn a_failed_registration_costs_one_connection() {
    let mut bench = Bench::new(rules());
    bench.kernel.0.borrow_mut().register.push_back(Errno::NOSPC);
    let lost = bench.knock([]);
    let wire = bench.knock([bytes("x\n")]);
    bench.turn([LISTENER]);
    assert!(lost.borrow().dropped);
    assert_eq!(bench.of(Cause::Error), 1);
    bench.turn([readable(0)]);
    assert_eq!(wire.borrow().sent, b"x\n");
}

#[test]
fn over_the_limit_wait_leaves_it_in_the_queue() {
    let mut bench = Bench::room_for(1, OverLimit::Wait);
    bench.knock([In::End]);
    bench.knock([]);
    bench.turn([LISTENER]);
    assert_eq!(bench.reactor.counters().accepted, 1);
    assert_eq!(bench.reactor.gate_word(), "full");
    assert_eq!(bench.patience(), None, "full is no reason to spin");
    bench.turn([fin(0)]);
    assert_eq!(bench.reactor.counters().accepted, 2, "without another event");
}

#[test]
fn over_the_limit_refuse_closes_at_once() {
    let mut bench = Bench::room_for(1, OverLimit::Refuse);
    let first = bench.knock([]);
    let second = bench.knock([]);
    bench.turn([LISTENER]);
    assert!(!first.borrow().dropped && second.borrow().dropped);
    assert_eq!(bench.of(Cause::Refused), 1);
}

#[test]
fn over_the_limit_evict_ends_the_longest_idle() {
    let mut bench = Bench::room_for(3, OverLimit::Evict);
    let wires: Vec<_> = (0..3).map(|_| bench.knock([bytes("x\n"), In::Block])).collect();
    bench.turn([LISTENER]);
    bench.at(Millis(10)).turn([readable(0)]);
    bench.at(Millis(20)).turn([readable(2)]);
    bench.at(Millis(30));
    bench.knock([]);
    bench.knock([]);
    bench.turn([LISTENER]);
    bench.turn([]);
    let gone: Vec<_> = wires.iter().map(|wire| wire.borrow().dropped).collect();
    assert_eq!(gone, [true, true, false], "1 never did anything, 0 was before 2");
    assert_eq!(bench.of(Cause::Evicted), 2);
}

#[test]
fn every_phase_can_be_evicted() {
    let mut bench = Bench::room_for(1, OverLimit::Evict);
    let flushing = bench.knock([bytes("tail"), In::End]);
    flushing.borrow_mut().writes = [Out::Block].into();
    bench.turn([LISTENER]);
    bench.turn([fin(0)]);
    bench.turn([]);
    assert_eq!(bench.reactor.census().0, [0, 1, 0, 0]);
    bench.knock([]);
    bench.turn([LISTENER]);
    bench.turn([]);
    assert_eq!(bench.of(Cause::Evicted), 1);
}

#[test]
fn a_stale_event_never_reaches_the_next_owner_of_a_slot() {
    let mut bench = Bench::new(rules());
    bench.knock([In::End]);
    bench.turn([LISTENER]);
    let newcomer = bench.knock([In::End]);
    // The batch names slot 0 twice and the listener; the newcomer will have slot 0.
    bench.turn([fin(0), LISTENER, fin(0)]);
    assert_eq!(bench.kernel.0.borrow().registered, [0, 0]);
    assert_eq!(bench.of(Cause::Finished), 1);
    assert!(!newcomer.borrow().dropped, "it was accepted after the batch");
    bench.turn([]);
    assert_eq!(bench.of(Cause::Finished), 1, "nothing was left over that would serve it");
}

#[test]
fn events_for_nobody_are_ignored() {
    let mut bench = Bench::new(rules());
    bench.turn([readable(7), readable(usize::MAX / 2), Event::Listener(9)]);
    assert_eq!(bench.reactor.counters().accepted, 0);
}

#[test]
fn spurious_readiness_is_no_error() {
    let mut bench = Bench::new(rules());
    let wire = bench.knock([In::Block, In::Block]);
    bench.turn([LISTENER]);
    bench.turn([fin(0)]);
    bench.turn([readable(0)]);
    assert!(!wire.borrow().dropped);
    assert_eq!(bench.reactor.census().0, [1, 0, 0, 0]);
}

#[test]
fn an_interrupted_poll_is_an_empty_turn() {
    let mut bench = Bench::new(rules());
    bench.kernel.0.borrow_mut().polled = Some(Errno::INTR);
    bench.turn([]);
    bench.kernel.0.borrow_mut().polled = Some(Errno::BADF);
    assert!(bench.reactor.turn().is_err(), "any other failure of the poll is ours");
}

#[test]
fn a_flood_gets_one_read_in_a_turn() {
    let mut bench = Bench::new(rules());
    let flood = bench.knock([In::Bytes(vec![b'x'; 4 * READ_BYTES_MAX])]);
    let polite = bench.knock([bytes("x\n")]);
    bench.turn([LISTENER]);
    bench.turn([readable(0), readable(1)]);
    assert_eq!(flood.borrow().sent.len(), READ_BYTES_MAX);
    assert_eq!(polite.borrow().sent, b"x\n");
    for turn in 2..=4 {
        assert_eq!(bench.patience(), Some(Duration::ZERO), "no second edge will come");
        assert_eq!(flood.borrow().sent.len(), turn * READ_BYTES_MAX);
    }
}

#[test]
fn idle_time_counts_from_the_last_byte() {
    let second = Duration::from_secs(1);
    let timeouts = Timeouts { idle: Some(second), ..Timeouts::default() };
    let mut bench = Bench::new(Rules { timeouts, ..rules() });
    let wire = bench.knock([bytes("x\n"), In::Block]);
    bench.turn([LISTENER]);
    assert_eq!(bench.patience(), Some(second));
    bench.at(Millis(900)).turn([readable(0)]);
    bench.at(Millis(1000)).turn([]);
    assert!(!wire.borrow().dropped, "looked at, and found active since");
    assert_eq!(bench.patience(), Some(Duration::from_millis(900)));
    bench.at(Millis(1900)).turn([]);
    assert!(wire.borrow().dropped);
    assert_eq!(bench.of(Cause::Idle), 1);
}

#[test]
fn extreme_timeouts_neither_spin_nor_overflow() {
    let timeouts = Timeouts { idle: Some(Duration::MAX), ..Timeouts::default() };
    let mut bench = Bench::new(Rules { timeouts, drain: Duration::MAX, ..rules() });
    bench.at(Millis(1)).knock([]);
    bench.turn([LISTENER]);
    assert_eq!(bench.patience(), None);
    let month = Timeouts { idle: Some(Duration::from_secs(30 * 86_400)), ..timeouts };
    let mut bench = Bench::new(Rules { timeouts: month, ..rules() });
    bench.knock([]);
    bench.turn([LISTENER]);
    assert_eq!(bench.patience(), Some(Duration::from_secs(86_400)), "a poll can't wait longer");
}

#[test]
fn drain_serves_the_queue_before_the_listener_is_closed() {
    let mut bench = Bench::room_for(1000, OverLimit::Wait);
    bench.turn([]);
    let wires: Vec<_> = (0..100).map(|_| bench.knock([bytes("x\n"), In::Block])).collect();
    bench.reactor.drain();
    for _ in 0..6 {
        bench.turn([]);
    }
    assert!(bench.kernel.0.borrow().listeners_closed);
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
fn lingering_ends_at_its_deadline() {
    let mut bench = Bench::new(rules());
    bench.knock([]);
    bench.turn([LISTENER]);
    bench.reactor.drain();
    bench.turn([]);
    bench.turn([]);
    assert_eq!(bench.reactor.census().0, [0, 0, 0, 1]);
    assert_eq!(bench.patience(), Some(LINGER));
    bench.at(Millis(0).after(LINGER)).turn([]);
    assert_eq!(bench.of(Cause::Drained), 1, "it was given everything");
    assert!(bench.reactor.is_done());
}

#[test]
fn the_drain_deadline_cuts_who_is_owed() {
    let mut bench = Bench::new(rules());
    let never_reads = bench.knock([bytes("x\n")]);
    never_reads.borrow_mut().writes = [Out::Block].into();
    let flushing = bench.knock([bytes("tail"), In::End]);
    flushing.borrow_mut().writes = [Out::Block].into();
    bench.turn([LISTENER]);
    bench.turn([readable(0), fin(1)]);
    bench.reactor.drain();
    bench.turn([]);
    bench.turn([]);
    assert_eq!(bench.reactor.census().0, [0, 1, 1, 0]);
    assert_eq!(bench.patience(), Some(Duration::from_secs(4)));
    bench.at(Millis(4000)).turn([]);
    assert_eq!(bench.of(Cause::Cut), 2);
    assert!(bench.reactor.is_done());
}

#[test]
fn a_second_signal_cuts_everybody_now() {
    let mut bench = Bench::new(rules());
    bench.knock([]);
    bench.turn([LISTENER]);
    bench.reactor.cut();
    assert_eq!(bench.of(Cause::Cut), 1);
    assert!(bench.kernel.0.borrow().listeners_closed);
}

#[test]
fn a_signal_is_told_to_the_owner() {
    let mut bench = Bench::new(rules());
    bench.kernel.0.borrow_mut().events.push_back(vec![Event::Signal]);
    assert!(bench.reactor.turn().unwrap());
    assert_eq!(bench.reactor.signals(), [Signal::Status]);
    assert!(!bench.reactor.turn().unwrap());
}
