//! The service probe across connections, and its waits in the turn.

use super::*;
use crate::service::PROBE;

fn bench() -> Bench {
    Bench::new(Options { service: PROBE, ..options() })
}

fn take(wire: &Handle) -> String {
    String::from_utf8(std::mem::take(&mut wire.borrow_mut().sent)).unwrap()
}

#[test]
fn a_connection_asks_for_the_fate_of_another() {
    let mut bench = bench();
    let named = bench.enqueue([bytes("probe name one\nline\n")]);
    let asks = bench.enqueue([bytes("probe fate one\nprobe fate two\nthen\n")]);
    bench.turn([LISTENER]);
    bench.turn([readable(0)]);
    bench.turn([]);
    assert_eq!(take(&named), "probe named one\nline\n");
    bench.turn([readable(1)]);
    bench.turn([]);
    bench.turn([]);
    let open = "probe fate one open bytes_in=20 input=open\n";
    assert_eq!(take(&asks), format!("{open}probe fate two unknown\nthen\n"));
    assert_eq!(bench.patience(), None, "there is no work left");

    named.borrow_mut().reads.push_back(In::Fail(Errno::CONNRESET));
    bench.turn([readable(0)]);
    assert!(named.borrow().dropped);
    asks.borrow_mut().reads.push_back(bytes("probe fate one\n"));
    bench.at(MonotonicMs(70)).turn([readable(1)]);
    assert_eq!(take(&asks), "probe fate one reset bytes_in=20 age_ms=70\n");
}

#[test]
fn a_name_stays_with_its_connection_when_the_key_is_used_again() {
    let mut bench = bench();
    let first = bench.enqueue([bytes("probe name a\n"), In::End]);
    bench.turn([LISTENER]);
    bench.turn([fin(0)]);
    bench.turn([]);
    assert!(first.borrow().dropped);
    let second = bench.enqueue([bytes("probe name b\nprobe fate a\nprobe fate b\n")]);
    bench.turn([LISTENER]);
    bench.turn([readable(0)]);
    bench.turn([]);
    bench.turn([]);
    let fates = "probe fate a finished bytes_in=13 age_ms=0\nprobe fate b open bytes_in=39";
    assert_eq!(take(&second), format!("probe named b\n{fates} input=open\n"));
}

#[test]
fn a_peer_that_has_sent_fin_is_seen_while_its_line_is_due() {
    let mut bench = bench();
    let half = bench.enqueue([bytes("probe name h\nprobe later 100 text\n"), In::End]);
    let asks = bench.enqueue([bytes("probe fate h\n")]);
    bench.turn([LISTENER]);
    bench.turn([fin(0)]);
    bench.turn([]);
    bench.turn([]);
    bench.turn([readable(1)]);
    assert_eq!(take(&asks), "probe fate h open bytes_in=34 input=fin\n");
    assert!(bench.waits_at_most(Duration::from_millis(100)));
    bench.at(MonotonicMs(100)).turn([]);
    assert_eq!(take(&half), "probe named h\ntext\n");
    assert!(half.borrow().dropped && bench.of(Cause::Finished) == 1);
}

#[test]
fn a_pause_ends_in_time_without_an_event() {
    let mut bench = bench();
    let wire = bench.enqueue([bytes("probe pause 100\nheld\n"), bytes("unread\n")]);
    bench.turn([LISTENER]);
    bench.turn([readable(0)]);
    assert_eq!(take(&wire), "probe pausing 100\n");
    assert!(bench.waits_at_most(Duration::from_millis(100)), "it does not spin");
    bench.at(MonotonicMs(100)).turn([]);
    bench.turn([]);
    assert_eq!(take(&wire), "held\nunread\n");
}

#[test]
fn a_question_in_the_last_read_of_a_drain_is_answered() {
    let mut bench = bench();
    let wire = bench.enqueue([bytes("probe name x\nprobe fate x\nprobe pause 60000\nrest\n")]);
    bench.turn([LISTENER]);
    bench.turn([]);
    bench.reactor.drain();
    (0..6).for_each(|_| bench.turn([]));
    let fate = "probe fate x open bytes_in=49 input=open";
    assert_eq!(take(&wire), format!("probe named x\n{fate}\nprobe pausing 60000\nrest\n"));
    assert!(wire.borrow().half_closed);
}
