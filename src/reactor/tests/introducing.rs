//! Connections that come through a proxy, and are admitted when it has said for whom.

use std::time::Duration;

use super::*;
use crate::banner::Banner;
use crate::proxy::{self, Demand, Version};

fn header(client: &str) -> Vec<u8> {
    let client = format!("{client}:4711").parse().unwrap();
    proxy::header(Version::V2, Some((client, SocketAddr::from(([127, 0, 0, 1], 9877)))))
}

fn from(client: &str, input: &[u8]) -> In {
    In::Bytes([&header(client)[..], input].concat())
}

fn proxied(demand: Demand) -> Rules {
    Rules { proxied: Some(demand), ..rules() }
}

/// How many await a header.
fn introducing(bench: &Bench) -> usize {
    bench.reactor.census().0[4]
}

#[test]
fn what_a_proxy_says_counts_for_the_limit() {
    let mut bench = Bench::new(Rules { per_peer_max: Some(1), ..proxied(Demand::Required) });
    let first = bench.knock([from("192.0.2.1", b"first\n")]);
    let second = bench.knock([from("192.0.2.1", b"second\n")]);
    let other = bench.knock([from("192.0.2.2", b"other\n")]);
    bench.turn([LISTENER]);
    assert_eq!(introducing(&bench), 3, "the proxy itself may have any number");
    bench.turn([readable(0), readable(1), readable(2)]);
    assert_eq!(first.borrow().sent, b"first\n");
    assert_eq!(other.borrow().sent, b"other\n");
    assert_eq!(second.borrow().sent, b"", "refused before anything was echoed");
    assert!(second.borrow().dropped);
    assert_eq!(bench.of(Cause::Refused), 1);
    first.borrow_mut().reads = [In::End].into();
    bench.turn([fin(0)]);
    let third = bench.knock([from("192.0.2.1", b"third\n")]);
    bench.turn([LISTENER]);
    bench.turn([readable(0)]);
    bench.turn([readable(1)]);
    assert_eq!(third.borrow().sent, b"third\n", "there is room again");
}

#[test]
fn only_who_was_counted_is_given_back() {
    let mut bench = Bench::new(Rules { per_peer_max: Some(1), ..proxied(Demand::Required) });
    let local = || In::Bytes(proxy::header(Version::V1, None));
    let counted = bench.knock([local()]);
    let check = bench.knock([In::End]);
    bench.turn([LISTENER]);
    bench.turn([readable(0), fin(1)]);
    assert!(check.borrow().dropped && !counted.borrow().dropped);
    let one_more = bench.knock([local()]);
    bench.turn([LISTENER]);
    bench.turn([readable(1)]);
    assert!(one_more.borrow().dropped, "who is not named is counted as the proxy");
    assert_eq!((bench.of(Cause::Finished), bench.of(Cause::Refused)), (1, 1));
}

#[test]
fn a_header_that_does_not_come_ends_a_connection_only_where_it_has_to() {
    let mut required = Bench::new(proxied(Demand::Required));
    let wire = required.knock([]);
    required.turn([LISTENER]);
    assert!(required.waits_at_most(proxy::PATIENCE));
    required.at(Millis(5000)).turn([]);
    assert!(wire.borrow().dropped);
    assert_eq!(required.of(Cause::LineTimeout), 1);

    let banner = Banner::parse("hello").ok();
    let mut optional = Bench::new(Rules { banner, ..proxied(Demand::Optional) });
    let wire = optional.knock([bytes("PROXY "), bytes("of what?\n")]);
    let silent = optional.knock([]);
    optional.turn([LISTENER]);
    assert!(optional.waits_at_most(proxy::PATIENCE));
    optional.turn([readable(0)]);
    optional.at(Millis(5000)).turn([]);
    assert!(!wire.borrow().dropped && !silent.borrow().dropped);
    assert_eq!((introducing(&optional), optional.reactor.census().0[0]), (0, 2));
    optional.turn([readable(0)]);
    optional.turn([]);
    assert_eq!(silent.borrow().sent, b"hello\n", "it may have waited for that");
    assert_eq!(wire.borrow().sent, b"hello\nPROXY of what?\n");
}

#[test]
fn a_header_that_comes_with_its_deadline_is_in_time() {
    let mut bench = Bench::new(proxied(Demand::Required));
    let wire = bench.knock([from("192.0.2.1", b"just\n")]);
    bench.turn([LISTENER]);
    bench.at(Millis(5000)).turn([readable(0)]);
    assert_eq!(wire.borrow().sent, b"just\n");
    assert!(!wire.borrow().dropped);
}

#[test]
fn who_is_not_introduced_can_be_idle_evicted_and_cut() {
    let timeouts = Timeouts { idle: Some(Duration::from_secs(1)), ..Timeouts::default() };
    for demand in [Demand::Optional, Demand::Required] {
        let mut idle = Bench::new(Rules { timeouts, ..proxied(demand) });
        idle.knock([]);
        idle.turn([LISTENER]);
        idle.at(Millis(1000)).turn([]);
        assert_eq!(idle.of(Cause::Idle), 1);

        let over_limit = OverLimit::Evict;
        let mut full = Bench::new(Rules { over_limit, connections_max: 1, ..proxied(demand) });
        full.knock([]);
        full.turn([LISTENER]);
        full.knock([]);
        full.turn([LISTENER]);
        full.turn([]);
        assert_eq!((full.of(Cause::Evicted), introducing(&full)), (1, 1));
        full.reactor.cut();
        assert_eq!(full.of(Cause::Cut), 1);
    }
}

#[test]
fn a_drain_serves_who_has_said_everything_in_the_queue() {
    for demand in [Demand::Optional, Demand::Required] {
        let mut bench = Bench::new(Rules { per_peer_max: Some(1), ..proxied(demand) });
        bench.turn([]);
        let complete = bench.knock([from("192.0.2.1", b"all of it\n")]);
        let refused = bench.knock([from("192.0.2.1", b"one too many\n")]);
        let silent = bench.knock([]);
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
fn who_has_more_to_say_behind_its_header_gets_another_turn() {
    let mut bench = Bench::new(proxied(Demand::Required));
    let wire = bench.knock([from("192.0.2.1", b"one\n"), bytes("two\n"), In::End]);
    wire.borrow_mut().writes = [Out::Take(1), Out::Block].into();
    bench.turn([LISTENER]);
    bench.turn([fin(0)]);
    assert_eq!(wire.borrow().sent, b"o", "the rest is owed");
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
        let mut bench = Bench::new(Rules { banner, ..proxied(Demand::Required) });
        let wire = bench.knock([from("192.0.2.1", b"one\ntw"), bytes("o\n")]);
        wire.borrow_mut().writes = writes.into();
        bench.turn([LISTENER]);
        bench.turn([]);
        assert_eq!(wire.borrow().sent, b"", "nobody knows yet whom to greet");
        for _ in 0..4 {
            bench.turn([readable(0)]);
        }
        let sent = String::from_utf8(wire.borrow().sent.clone()).unwrap();
        assert_eq!(sent, "hello 192.0.2.1:4711\none\ntwo\n");
    }
}
