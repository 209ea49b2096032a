//! The look at every connection: transitions, addresses, durations.

use super::*;
use crate::connection::PhaseKind;
use crate::net::proxy::{self, HeaderPolicy, Version};

const QUEUED: PhaseKind = PhaseKind::Queued;
const CLOSED: PhaseKind = PhaseKind::Closed;

fn transitions(bench: &Bench) -> Vec<((PhaseKind, PhaseKind), u64)> {
    bench.reactor.survey().transitions.into_iter().collect()
}

#[test]
fn the_transitions_of_open_and_of_ended_connections_are_counted() {
    let mut bench = Bench::new(options());
    bench.enqueue([bytes("x\n"), In::Block]);
    bench.enqueue([bytes("y\n"), In::End]);
    bench.turn([LISTENER]);
    bench.turn([readable(0), fin(1)]);
    bench.turn([]);
    let open = PhaseKind::Open;
    assert_eq!(transitions(&bench), [((QUEUED, open), 2), ((open, CLOSED), 1)]);
    let survey = bench.reactor.survey();
    assert_eq!((survey.phases, survey.traffic.lines), ([1, 0, 0, 0, 0], 2));
}

#[test]
fn a_rejected_connection_goes_straight_to_closed() {
    let mut bench = Bench::room_for(1, OverLimit::Refuse);
    bench.enqueue([]);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    assert_eq!(transitions(&bench), [((QUEUED, PhaseKind::Open), 1), ((QUEUED, CLOSED), 1)]);
}

#[test]
fn the_transitions_of_children_are_counted() {
    let mut bench = Bench::new(Options { exec: true, ..options() });
    bench.enqueue([]);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.os.0.borrow_mut().ended.push_back((child(0), ExitStatus::Exited(0)));
    bench.reactor.reap_children();
    let kind = PhaseKind::Child;
    assert_eq!(transitions(&bench), [((QUEUED, kind), 2), ((kind, CLOSED), 1)]);
    assert_eq!(bench.reactor.survey().peers, [("127.0.0.1".to_owned(), 1)]);
}

#[test]
fn the_ten_busiest_addresses_are_those_of_clients_in_order() {
    let mut bench = Bench::new(Options { proxy_header: Some(HeaderPolicy::Required), ..options() });
    let server = SocketAddr::from(([127, 0, 0, 1], 9877));
    for client in 1..=12 {
        for port in 0..u16::from(client) {
            let addresses = (SocketAddr::from(([192, 0, 2, client], 1 + port)), server);
            let header = proxy::header(Version::V2, Some(addresses));
            bench.enqueue([In::Bytes(header), In::Block]);
        }
    }
    for _ in 0..4 {
        bench.turn([LISTENER]);
    }
    bench.turn((0..78).map(readable));
    bench.turn([]);
    let survey = bench.reactor.survey();
    let expected: Vec<_> = (3..=12).rev().map(|n| (format!("192.0.2.{n}"), n)).collect();
    assert_eq!((survey.peers, survey.peers_estimated), (expected, false));
}

#[test]
fn lifetimes_and_lines_are_those_of_ended_connections() {
    let mut bench = Bench::new(options());
    let wire = bench.enqueue([bytes("one\n"), In::Block]);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.turn([readable(0)]);
    wire.borrow_mut().reads = [bytes("two\n"), In::End].into();
    bench.at(MonotonicMs(500)).turn([fin(0)]);
    bench.turn([]);
    let counters = bench.reactor.counters();
    assert_eq!((counters.lifetimes.count(), counters.lifetimes.sum()), (1, 500));
    assert_eq!((counters.lines.count(), counters.lines.sum()), (1, 2));
}
