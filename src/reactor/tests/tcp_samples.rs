//! The samples of round-trip times and retransmissions: of which connections, how often.

use super::*;
use crate::net::tcp_info::TcpInfo;
use crate::num;

impl Bench {
    /// Opens a connection for each of these round-trip times, all with two retransmissions.
    fn open_with_rtts(&mut self, rtts: impl IntoIterator<Item = u32>) -> Vec<Handle> {
        let rtts = rtts.into_iter();
        let wires = rtts.map(|rtt_us| {
            let wire = self.enqueue([]);
            wire.borrow_mut().tcp_info = Some(TcpInfo { rtt_us, retransmits: 2 });
            wire
        });
        let wires = wires.collect();
        while !self.os.0.borrow().queue.is_empty() {
            self.turn([LISTENER]);
        }
        wires
    }

    fn samples(&self) -> &TcpSamples {
        self.reactor.listeners().next().unwrap().samples
    }
}

fn looks(wires: &[Handle]) -> Vec<usize> {
    wires.iter().map(|wire| wire.borrow().tcp_looks).collect()
}

#[test]
fn a_sample_is_of_a_hundred_connections_and_each_gets_its_turn() {
    let mut bench = Bench::with_room(150, options());
    let wires = bench.open_with_rtts(1..=150);
    for (second, expected) in [[1, 1, 0], [2, 1, 1], [2, 2, 2]].into_iter().enumerate() {
        bench.at(MonotonicMs(num::to_u64(second) * 1000)).turn([]);
        bench.reactor.sample_tcp();
        assert_eq!(looks(&wires), expected.map(|count| [count; 50]).concat());
    }
    assert_eq!((bench.samples().connections, bench.samples().retransmits), (300, 600));
}

#[test]
fn samples_are_a_second_apart_however_often_they_are_asked_for() {
    let mut bench = Bench::new(options());
    let wires = bench.open_with_rtts([40]);
    for now in (0..2500).step_by(25) {
        bench.at(MonotonicMs(now)).turn([]);
        bench.reactor.sample_tcp();
        bench.reactor.sample_tcp();
    }
    assert_eq!(looks(&wires), [3]);
}

/// Neither by a turn nor by a closing line that is not logged: a look is a system call.
#[test]
fn without_a_request_no_connection_is_looked_at() {
    let mut bench = Bench::new(options());
    let wires = bench.open_with_rtts([40, 50]);
    wires[0].borrow_mut().reads = [bytes("a line\n"), In::End].into();
    bench.turn([fin(0)]);
    bench.at(MonotonicMs(5000)).turn([]);
    assert_eq!(bench.of(Cause::Finished), 1);
    assert_eq!(looks(&wires), [0, 0]);
}

#[test]
fn the_median_is_that_of_the_latest_sample() {
    let mut bench = Bench::new(options());
    let wires = bench.open_with_rtts([900, 20, 30]);
    assert_eq!(bench.samples().median_rtt_us(), None);
    bench.reactor.sample_tcp();
    assert_eq!(bench.samples().median_rtt_us(), Some(30));
    for (key, wire) in wires.iter().enumerate() {
        wire.borrow_mut().reads = [In::End].into();
        bench.turn([fin(key)]);
    }
    bench.at(MonotonicMs(1000)).turn([]);
    bench.reactor.sample_tcp();
    assert_eq!(bench.samples().median_rtt_us(), None, "no connection is left");
    assert_eq!((bench.samples().rtts.count(), bench.samples().rtts.sum()), (3, 950));
}

#[test]
fn a_round_trip_time_that_was_not_measured_is_no_time_of_zero() {
    let mut bench = Bench::new(options());
    let wires = bench.open_with_rtts([0, 10]);
    wires[1].borrow_mut().tcp_info = None;
    bench.reactor.sample_tcp();
    let samples = bench.samples();
    assert_eq!((samples.connections, samples.retransmits, samples.rtts.count()), (1, 2, 0));
}
