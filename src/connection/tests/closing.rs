//! Closing from every phase: by a deadline, by eviction, by a cut.

use std::time::Duration;

use super::*;

/// A connection with output that the peer does not take.
fn stalled(reads: impl IntoIterator<Item = In>) -> Bench {
    let bench = Bench::echo(reads);
    bench.wire.borrow_mut().writes = [Out::Block; 9].into();
    bench
}

fn open() -> Bench {
    let mut bench = stalled([bytes("x\n")]);
    bench.readable();
    assert_eq!(bench.phase(), Phase::Open);
    bench
}

fn flushing() -> Bench {
    let mut bench = stalled([bytes("tail"), In::End]);
    bench.event(FIN);
    assert_eq!(bench.phase(), Phase::Flushing);
    bench
}

fn draining() -> Bench {
    let mut bench = open();
    bench.connection.drain();
    bench.event(Ready::NONE);
    assert_eq!(bench.phase(), Phase::Draining(Cause::Drained));
    bench
}

fn lingering() -> Bench {
    let mut bench = Bench::echo([]);
    bench.connection.drain();
    bench.event(Ready::NONE);
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Drained));
    bench
}

#[test]
fn a_deadline_closes_a_connection_in_every_phase() {
    let second = Some(Duration::from_secs(1));
    let off = Timeouts::default();
    let [idle, line, stall] = [
        Timeouts { idle: second, ..off },
        Timeouts { line: second, ..off },
        Timeouts { stall: second, ..off },
    ];
    let begun = || {
        let mut bench = Bench::echo([bytes("begun")]);
        bench.readable();
        bench
    };
    for (mut bench, timeouts, cause) in [
        (Bench::echo([]), idle, Cause::Idle),
        (begun(), line, Cause::LineTimeout),
        (open(), stall, Cause::Stalled),
        (flushing(), idle, Cause::Idle),
        (flushing(), stall, Cause::Stalled),
        (draining(), idle, Cause::Idle),
        (draining(), stall, Cause::Stalled),
    ] {
        bench.shared.now = MonotonicMs(999);
        assert_eq!(bench.connection.expire(&timeouts, &mut bench.shared), NextStep::Idle);
        bench.shared.now = MonotonicMs(1000);
        assert_eq!(bench.connection.expire(&timeouts, &mut bench.shared), NextStep::Closed);
        assert_eq!(bench.phase(), Phase::Closed(cause));
    }
}

#[test]
fn a_connection_can_be_evicted_in_every_phase() {
    for mut bench in [open(), flushing(), draining(), lingering()] {
        bench.connection.close(Cause::Evicted);
        assert_eq!(bench.phase(), Phase::Closed(Cause::Evicted));
    }
}

#[test]
fn a_cut_closes_a_connection_in_every_phase() {
    for mut bench in [open(), flushing(), draining()] {
        bench.connection.cut();
        assert_eq!(bench.phase(), Phase::Closed(Cause::Cut));
        assert!(bench.wire.borrow().resets, "its replies are not complete");
    }
    let mut lingering = lingering();
    lingering.connection.cut();
    assert_eq!(lingering.phase(), Phase::Closed(Cause::Drained), "it has all its replies");
}
