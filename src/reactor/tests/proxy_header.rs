//! Connections through a proxy, admitted once a PROXY header has named the client.

use std::time::Duration;

use super::*;
use crate::net::proxy::{self, HeaderPolicy, Version};
use crate::reactor::Banner;

fn header(client: &str) -> Vec<u8> {
    let client = format!("{client}:4711").parse().unwrap();
    proxy::header(Version::V2, Some((client, SocketAddr::from(([127, 0, 0, 1], 9877)))))
}

fn from(client: &str, input: &[u8]) -> In {
    In::Bytes([&header(client)[..], input].concat())
}

fn proxied(demand: HeaderPolicy) -> Options {
    Options { proxy_header: Some(demand), ..options() }
}

/// Returns the number of connections that wait for a header.
fn introducing(bench: &Bench) -> usize {
    bench.reactor.snapshot().0[4]
}

#[test]
fn the_client_of_a_proxy_header_counts_for_the_limit() {
    let mut bench = Bench::new(Options {
        per_peer_max: Some(PeerLimit::of(1)),
        ..proxied(HeaderPolicy::Required)
    });
    let first = bench.enqueue([from("192.0.2.1", b"first\n"), In::Block]);
    let second = bench.enqueue([from("192.0.2.1", b"second\n"), In::Block]);
    let other = bench.enqueue([from("192.0.2.2", b"other\n"), In::Block]);
    bench.turn([LISTENER]);
    bench.turn([]);
    assert_eq!(first.borrow().sent, b"first\n");
    assert_eq!(other.borrow().sent, b"other\n", "the proxy itself may have any number");
    assert_eq!(second.borrow().sent, b"", "refused before anything was echoed");
    assert!(second.borrow().dropped);
    assert_eq!(bench.of(Cause::Refused), 1);
    first.borrow_mut().reads = [In::End].into();
    bench.turn([fin(0)]);
    let third = bench.enqueue([from("192.0.2.1", b"third\n")]);
    bench.turn([LISTENER]);
    assert_eq!(third.borrow().sent, b"third\n", "there is room again");
}

#[test]
fn silent_connections_of_one_address_take_no_more_places_than_it_may_have() {
    for demand in [HeaderPolicy::Optional, HeaderPolicy::Required] {
        let per_peer_max = Some(PeerLimit::of(2));
        let mut bench = Bench::with_room(50, Options { per_peer_max, ..proxied(demand) });
        let silent: Vec<_> = (0..40).map(|_| bench.enqueue([])).collect();
        bench.turn([LISTENER]);
        bench.turn([]);
        let left = silent.iter().filter(|wire| !wire.borrow().dropped).count();
        assert_eq!((left, introducing(&bench), bench.of(Cause::Refused)), (2, 2, 38));
        // When they end, and when their headers come, their places are free again.
        silent[0].borrow_mut().reads = [In::End].into();
        silent[1].borrow_mut().reads = [from("192.0.2.1", b"late\n")].into();
        bench.turn([fin(0), readable(1)]);
        assert_eq!(silent[1].borrow().sent, b"late\n");
        let more: Vec<_> = (0..3).map(|_| bench.enqueue([])).collect();
        bench.turn([LISTENER]);
        bench.turn([]);
        assert_eq!(more.iter().filter(|wire| !wire.borrow().dropped).count(), 2);
    }
}

#[test]
fn silent_newcomers_evict_each_other_and_no_client_that_is_known() {
    let options = Options { over_limit: OverLimit::Evict, ..proxied(HeaderPolicy::Required) };
    let mut bench = Bench::with_room(20, options);
    let clients: Vec<_> = (0..20)
        .map(|host| bench.enqueue([from(&format!("192.0.2.{host}"), b"here\n"), In::Block]))
        .collect();
    bench.turn([LISTENER]);
    bench.turn((0..20).map(readable));
    assert!(clients.iter().all(|wire| wire.borrow().sent == b"here\n"));
    let silent: Vec<_> = (0..200).map(|_| bench.enqueue([])).collect();
    for now in 1..60 {
        bench.at(MonotonicMs(now)).turn([LISTENER]);
    }
    assert!(clients.iter().all(|wire| !wire.borrow().dropped));
    let left = silent.iter().filter(|wire| !wire.borrow().dropped).count();
    assert_eq!((left, introducing(&bench)), (8, 8), "all came in, and the last ones are there");
    // An identified connection evicts the client that has been idle the longest.
    let known = bench.enqueue([from("198.51.100.1", b"me too\n"), In::Block]);
    bench.at(MonotonicMs(100)).turn([LISTENER]);
    let key = *bench.os.0.borrow().registered.last().unwrap();
    bench.turn([readable(key)]);
    bench.turn([]);
    assert_eq!(known.borrow().sent, b"me too\n");
    assert_eq!(clients.iter().filter(|wire| wire.borrow().dropped).count(), 1);
}

#[test]
fn only_counted_connections_are_released() {
    let mut bench = Bench::new(Options {
        per_peer_max: Some(PeerLimit::of(1)),
        ..proxied(HeaderPolicy::Required)
    });
    let local = || In::Bytes(proxy::header(Version::V1, None));
    let counted = bench.enqueue([local()]);
    let check = bench.enqueue([In::End]);
    bench.turn([LISTENER]);
    bench.turn([readable(0), fin(1)]);
    assert!(check.borrow().dropped && !counted.borrow().dropped);
    let one_more = bench.enqueue([local()]);
    bench.turn([LISTENER]);
    bench.turn([readable(1)]);
    assert!(one_more.borrow().dropped, "an unnamed client counts as the proxy");
    assert_eq!((bench.of(Cause::Finished), bench.of(Cause::Refused)), (1, 1));
}

#[test]
fn a_header_that_does_not_come_ends_a_connection_only_where_it_has_to() {
    let mut required = Bench::new(proxied(HeaderPolicy::Required));
    let wire = required.enqueue([]);
    required.turn([LISTENER]);
    assert!(required.waits_at_most(proxy::HEADER_TIMEOUT));
    required.at(MonotonicMs(5000)).turn([]);
    assert!(wire.borrow().dropped);
    assert_eq!(required.of(Cause::LineTimeout), 1);

    let banner = Banner::parse("hello").ok();
    let mut optional = Bench::new(Options { banner, ..proxied(HeaderPolicy::Optional) });
    let wire = optional.enqueue([bytes("PROXY "), bytes("of what?\n")]);
    let silent = optional.enqueue([]);
    optional.turn([LISTENER]);
    assert!(optional.waits_at_most(proxy::HEADER_TIMEOUT));
    optional.turn([readable(0)]);
    optional.at(MonotonicMs(5000)).turn([]);
    assert!(!wire.borrow().dropped && !silent.borrow().dropped);
    assert_eq!((introducing(&optional), optional.reactor.snapshot().0[0]), (0, 2));
    optional.turn([readable(0)]);
    optional.turn([]);
    assert_eq!(silent.borrow().sent, b"hello\n", "it may have waited for that");
    assert_eq!(wire.borrow().sent, b"hello\nPROXY of what?\n");
}

#[test]
fn a_header_that_comes_with_its_deadline_is_in_time() {
    let mut bench = Bench::new(proxied(HeaderPolicy::Required));
    let wire = bench.enqueue([from("192.0.2.1", b"just\n")]);
    bench.turn([LISTENER]);
    bench.at(MonotonicMs(5000)).turn([readable(0)]);
    assert_eq!(wire.borrow().sent, b"just\n");
    assert!(!wire.borrow().dropped);
}

#[test]
fn an_unidentified_connection_can_be_idle_evicted_and_cut() {
    let timeouts = Timeouts { idle: Some(Duration::from_secs(1)), ..Timeouts::default() };
    for demand in [HeaderPolicy::Optional, HeaderPolicy::Required] {
        let mut idle = Bench::new(Options { timeouts, ..proxied(demand) });
        idle.enqueue([]);
        idle.turn([LISTENER]);
        idle.at(MonotonicMs(1000)).turn([]);
        assert_eq!(idle.of(Cause::Idle), 1);

        let over_limit = OverLimit::Evict;
        let mut full = Bench::with_room(1, Options { over_limit, ..proxied(demand) });
        for _ in 0..11 {
            full.enqueue([]);
        }
        full.turn([LISTENER]);
        full.turn([]);
        assert_eq!((full.of(Cause::Evicted), introducing(&full)), (2, 9));
        full.reactor.cut();
        assert_eq!(full.of(Cause::Cut), 9);
    }
}

#[test]
fn a_drain_serves_complete_input_in_the_queue() {
    for demand in [HeaderPolicy::Optional, HeaderPolicy::Required] {
        let mut bench =
            Bench::new(Options { per_peer_max: Some(PeerLimit::of(1)), ..proxied(demand) });
        bench.turn([]);
        let complete = bench.enqueue([from("192.0.2.1", b"all of it\n")]);
        let refused = bench.enqueue([from("192.0.2.1", b"one too many\n")]);
        let silent = bench.enqueue([]);
        bench.reactor.drain();
        for _ in 0..4 {
            bench.turn([]);
        }
        for (wire, sent) in [(&complete, &b"all of it\n"[..]), (&silent, b"")] {
            assert_eq!(wire.borrow().sent, sent);
            assert!(wire.borrow().half_closed);
            wire.borrow_mut().reads = [In::End].into();
        }
        let refusals = u64::from(refused.borrow().dropped) + u64::from(complete.borrow().dropped);
        assert_eq!(refusals, 1);
        bench.turn([fin(0), fin(1), fin(2)]);
        bench.turn([]);
        assert!(bench.reactor.is_done());
        assert_eq!((bench.of(Cause::Drained), bench.of(Cause::Refused)), (2, 1));
    }
}

#[test]
fn more_input_behind_a_header_gets_another_turn() {
    let mut bench = Bench::new(proxied(HeaderPolicy::Required));
    let wire = bench.enqueue([from("192.0.2.1", b"one\n"), bytes("two\n"), In::End]);
    wire.borrow_mut().writes = [Out::Take(1), Out::Block].into();
    bench.turn([LISTENER]);
    bench.turn([fin(0)]);
    assert_eq!(wire.borrow().sent, b"o", "the rest is pending");
    bench.turn([fin(0)]);
    for _ in 0..3 {
        bench.turn([]);
    }
    assert_eq!(wire.borrow().sent, b"one\ntwo\n");
    assert_eq!(bench.of(Cause::Finished), 1);
}

#[test]
fn the_greeting_goes_to_the_client_and_before_any_echo() {
    for writes in [vec![], vec![Out::Block], vec![Out::Take(3), Out::Block]] {
        let banner = Some(Banner::parse("hello {peer}").unwrap());
        let mut bench = Bench::new(Options { banner, ..proxied(HeaderPolicy::Required) });
        let wire = bench.enqueue([from("192.0.2.1", b"one\ntw"), bytes("o\n")]);
        wire.borrow_mut().writes = writes.into();
        bench.turn([LISTENER]);
        bench.turn([]);
        assert_eq!(wire.borrow().sent, b"", "the client is not known yet");
        for _ in 0..4 {
            bench.turn([readable(0)]);
        }
        let sent = String::from_utf8(wire.borrow().sent.clone()).unwrap();
        assert_eq!(sent, "hello 192.0.2.1:4711\none\ntwo\n");
    }
}
