//! Fault injection, on the scripted `Os`.

use super::*;
use crate::reactor::{FaultKind, FaultSpec};

const DELAY: Duration = Duration::from_millis(200);

struct Bad {
    reactor: Reactor<FaultInjector<ScriptedOs>>,
    os: ScriptedOs,
    counts: FaultCounts,
}

impl Bad {
    /// Creates a reactor that injects these faults into every connection, and has one, which sends
    /// a line.
    fn new(kinds: &[FaultKind]) -> (Self, Handle) {
        Self::on(kinds, options())
    }

    fn on(kinds: &[FaultKind], options: Options) -> (Self, Handle) {
        let os = ScriptedOs::default();
        let specs = kinds.iter().map(|kind| FaultSpec { kind: *kind, probability: 1.0 }).collect();
        let sampler = FaultSampler::new(specs, 1);
        let counts = sampler.counts();
        let faulty_os = FaultInjector::new(os.clone(), sampler);
        let mut bad = Self { reactor: Reactor::new(faulty_os, CAPACITY, options), os, counts };
        let (stream, wire) = ScriptedStream::new([bytes("line\n"), bytes("more\n")]);
        bad.os.0.borrow_mut().queue.push_back(Ok(stream));
        bad.turn([LISTENER]);
        (bad, wire)
    }

    fn turn(&mut self, events: impl IntoIterator<Item = Event>) {
        self.os.0.borrow_mut().events.push_back(events.into_iter().collect());
        self.reactor.turn().unwrap();
    }

    fn of(&self, cause: Cause) -> u64 {
        self.reactor.counters().of(cause)
    }
}

#[test]
fn a_delay_holds_back_output_and_nothing_else() {
    let (mut bad, wire) = Bad::new(&[FaultKind::Delay(DELAY)]);
    bad.turn([readable(0)]);
    bad.turn([]);
    assert_eq!(wire.borrow().sent, b"");
    assert_eq!(bad.os.0.borrow().timeouts.last(), Some(&Some(DELAY)), "it is waited for");
    bad.os.0.borrow_mut().now = MonotonicMs(199);
    bad.turn([]);
    assert_eq!(wire.borrow().sent, b"");
    bad.os.0.borrow_mut().now = MonotonicMs(200);
    bad.turn([]);
    assert_eq!(wire.borrow().sent, b"line\n");
    assert_eq!(bad.counts.by_name().collect::<Vec<_>>(), [("delay", 1)]);
}

#[test]
fn an_error_of_a_delayed_connection_ends_it_at_once() {
    let (mut bad, wire) = Bad::new(&[FaultKind::Delay(DELAY)]);
    wire.borrow_mut().reads = [In::Fail(Errno::CONNRESET)].into();
    bad.turn([Event::Stream(0, Ready::READABLE.union(Ready::ERROR))]);
    bad.turn([]);
    assert_eq!(bad.of(Cause::Reset), 1);
}

#[test]
fn a_reset_comes_with_the_first_input() {
    let (mut bad, wire) = Bad::new(&[FaultKind::Reset]);
    bad.turn([]);
    assert!(!wire.borrow().dropped, "not before");
    bad.turn([readable(0)]);
    bad.turn([]);
    assert!(wire.borrow().dropped && wire.borrow().resets);
    assert_eq!((wire.borrow().sent.len(), bad.of(Cause::Aborted)), (0, 1));
}

#[test]
fn an_early_close_discards_input_that_would_make_it_a_reset() {
    let (mut bad, wire) = Bad::new(&[FaultKind::Close]);
    bad.turn([readable(0)]);
    bad.turn([]);
    let wire = wire.borrow();
    assert!(wire.dropped && !wire.resets && wire.reads.is_empty());
    assert_eq!((wire.sent.len(), bad.of(Cause::Aborted)), (0, 1));
}

#[test]
fn a_stalled_connection_is_never_read_and_its_end_is_noticed() {
    let (mut bad, wire) = Bad::new(&[FaultKind::Stall]);
    for _ in 0..3 {
        bad.turn([fin(0)]);
    }
    assert_eq!((wire.borrow().sent.len(), wire.borrow().reads.len()), (0, 2));
    wire.borrow_mut().pending_error = Some(Errno::CONNRESET);
    bad.turn([Event::Stream(0, Ready::READABLE.union(Ready::ERROR))]);
    bad.turn([]);
    assert_eq!(bad.of(Cause::Reset), 1);
}

#[test]
fn a_stalled_connection_does_not_outlive_the_drain() {
    let (mut bad, _wire) = Bad::new(&[FaultKind::Stall]);
    bad.reactor.drain();
    bad.turn([]);
    bad.turn([]);
    for now in (25..=4025).step_by(25) {
        bad.os.0.borrow_mut().now = MonotonicMs(now);
        bad.turn([]);
    }
    assert!(bad.reactor.is_done());
}

#[test]
fn slices_are_of_one_byte_and_lose_none() {
    let (mut bad, wire) = Bad::new(&[FaultKind::Slice]);
    let long = "x".repeat(999) + "\n";
    wire.borrow_mut().reads = [bytes(&long)].into();
    wire.borrow_mut().writes = vec![Out::Take(1000); 2000].into();
    for _ in 0..20 {
        bad.turn([readable(0)]);
    }
    assert_eq!(wire.borrow().sent, long.as_bytes());
    assert_eq!(wire.borrow().writes.len(), 1000, "one write each");
}

#[test]
fn a_refused_connection_is_closed_at_once_with_that_cause() {
    let (bad, wire) = Bad::on(
        &[FaultKind::Refuse],
        Options { per_peer_max: Some(PeerLimit::of(1)), ..options() },
    );
    assert!(wire.borrow().dropped);
    assert_eq!(bad.of(Cause::Refused), 1);
    assert!(bad.os.0.borrow().registered.is_empty());
    let (stream, wire) = ScriptedStream::new([]);
    bad.os.0.borrow_mut().queue.push_back(Ok(stream));
    let mut bad = bad;
    bad.turn([LISTENER]);
    assert!(wire.borrow().dropped, "and takes none of its peer's room");
    assert_eq!(bad.of(Cause::Refused), 2);
}

#[test]
fn the_same_seed_injects_the_same_faults() {
    let accepted = |seed| {
        let os = ScriptedOs::default();
        let specs = vec![FaultSpec { kind: FaultKind::Refuse, probability: 0.25 }];
        let faulty_os = FaultInjector::new(os.clone(), FaultSampler::new(specs, seed));
        let mut reactor =
            Reactor::new(faulty_os, Capacity { connections_max: 999, ..CAPACITY }, options());
        let wires: Vec<_> = (0..800).map(|_| ScriptedStream::new([])).collect();
        let (streams, wires): (Vec<_>, Vec<_>) = wires.into_iter().unzip();
        os.0.borrow_mut().queue.extend(streams.into_iter().map(Ok));
        os.0.borrow_mut().events.push_back(vec![LISTENER]);
        for _ in 0..20 {
            reactor.turn().unwrap();
        }
        wires.iter().map(|wire| wire.borrow().dropped).collect::<Vec<_>>()
    };
    let first = accepted(7);
    assert_eq!(first, accepted(7));
    assert_ne!(first, accepted(8));
    let refused = first.iter().filter(|dropped| **dropped).count();
    assert!((150..250).contains(&refused), "a quarter of 800: {refused}");
}

#[test]
fn a_peer_is_greeted_before_anything_else() {
    let banner = Banner::parse("hello {peer}").unwrap();
    let mut bench = Bench::new(Options { banner: Some(banner), ..options() });
    let wire = bench.enqueue([bytes("line\n")]);
    bench.turn([LISTENER]);
    bench.turn([readable(0)]);
    assert_eq!(wire.borrow().sent, b"hello 127.0.0.1:1\nline\n");
    let narrow = bench.enqueue([In::End]);
    narrow.borrow_mut().writes = [Out::Take(3), Out::Block].into();
    bench.turn([LISTENER]);
    bench.turn([fin(1)]);
    bench.turn([fin(1)]);
    bench.turn([]);
    assert_eq!(
        narrow.borrow().sent,
        b"hello 127.0.0.1:1\n",
        "whole, though it did not fit at once"
    );
    assert_eq!(bench.of(Cause::Finished), 1);
}
