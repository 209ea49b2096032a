//! Those who watch over the daemon, and what the peers notice of them.

use super::*;
use crate::http::{PATIENCE, Response};
use crate::reactor::desk::{FIRST_KEY, VISITORS_MAX};
use crate::reactor::gate::PAUSE;

const GET: &str = "GET /metrics HTTP/1.1\r\n\r\n";

impl Bench {
    /// Somebody comes to the visitors' listener.
    fn visit(&mut self, reads: impl IntoIterator<Item = In>) -> Handle {
        let (stream, wire) = Script::new(reads);
        self.kernel.0.borrow_mut().visitors.push_back(Ok(stream));
        wire
    }

    fn answer_all(&mut self) {
        for question in self.reactor.questions() {
            let path = question.request.path.clone();
            self.reactor.answer(&question, Response::text(200, &path));
        }
    }
}

fn visitor(number: usize) -> Event {
    readable(FIRST_KEY + number)
}

#[test]
fn a_visitor_is_answered_and_is_no_connection() {
    let mut bench = Bench::new(rules());
    let wire = bench.visit([bytes(GET)]);
    bench.turn([Event::Desk]);
    assert_eq!(bench.reactor.visitors(), 1);
    bench.turn([visitor(0)]);
    bench.answer_all();
    assert_eq!(bench.patience(), Some(Duration::ZERO), "the answer is written at once");
    assert!(wire.borrow().sent.ends_with(b"\r\n\r\n/metrics\n"));
    assert!(wire.borrow().half_closed);
    wire.borrow_mut().reads.push_back(In::End);
    bench.turn([visitor(0)]);
    assert_eq!((bench.reactor.visitors(), bench.reactor.counters().accepted), (0, 0));
    assert!(wire.borrow().dropped);
    assert_eq!(bench.patience(), None, "and then nothing is waited for but events");
}

#[test]
fn a_turn_tells_of_a_question() {
    let mut bench = Bench::new(rules());
    bench.visit([bytes(GET)]);
    bench.turn([Event::Desk]);
    bench.kernel.0.borrow_mut().events.push_back(vec![visitor(0)]);
    assert_eq!(bench.reactor.turn().unwrap(), News::QUESTIONS);
    assert_eq!(bench.reactor.questions().len(), 1);
    assert!(bench.reactor.turn().unwrap().is_empty(), "it is told once");
}

#[test]
fn a_slow_visitor_has_its_time_and_no_more() {
    let mut bench = Bench::new(rules());
    let wires = [bench.visit([bytes("GET /")]), bench.visit([])];
    bench.turn([Event::Desk]);
    bench.turn([visitor(0)]);
    bench.turn([]);
    assert_eq!(bench.patience(), Some(PATIENCE));
    bench.at(Millis(0).after(PATIENCE)).turn([]);
    bench.turn([]);
    assert!(wires[0].borrow().sent.starts_with(b"HTTP/1.1 408 "));
    assert!(wires[1].borrow().dropped, "who said nothing");
    bench.at(Millis(0).after(PATIENCE * 2)).turn([]);
    assert!(wires[0].borrow().dropped, "who does not close is closed");
}

#[test]
fn too_many_visitors_make_the_oldest_go() {
    let mut bench = Bench::new(rules());
    let first = bench.visit([]);
    bench.turn([Event::Desk]);
    // All at the same time of a coarse clock.
    let others: Vec<_> = (0..VISITORS_MAX).map(|_| bench.visit([])).collect();
    for _ in 0..VISITORS_MAX {
        bench.turn([Event::Desk]);
    }
    assert_eq!(bench.reactor.visitors(), VISITORS_MAX);
    assert!(first.borrow().dropped && others.iter().all(|wire| !wire.borrow().dropped));
    bench.visit([]);
    bench.turn([Event::Desk]);
    let gone = others.iter().map(|wire| wire.borrow().dropped).collect::<Vec<_>>();
    assert!(gone[0] && !gone[1..].contains(&true), "the next oldest, whatever its key");
}

#[test]
fn an_answer_is_for_who_has_asked_and_not_for_who_has_its_place() {
    let mut bench = Bench::new(rules());
    let asker = bench.visit([bytes(GET)]);
    let _others: Vec<_> = (1..VISITORS_MAX).map(|_| bench.visit([])).collect();
    for _ in 0..VISITORS_MAX {
        bench.turn([Event::Desk]);
    }
    // It asks, and in the same turn has to make room.
    let newcomer = bench.visit([]);
    bench.turn([visitor(0), Event::Desk]);
    assert!(asker.borrow().dropped);
    bench.answer_all();
    bench.turn([]);
    assert_eq!(newcomer.borrow().sent, b"");
}

#[test]
fn a_door_at_which_every_accept_fails_is_not_spun_at() {
    let mut bench = Bench::new(rules());
    bench.kernel.0.borrow_mut().visitors.extend((0..9).map(|_| Err(Errno::PERM)));
    bench.turn([Event::Desk]);
    bench.turn([]);
    assert_eq!(bench.patience(), Some(PAUSE));
}

#[test]
fn visitors_that_cannot_be_let_in_are_waited_for_without_spinning() {
    let mut bench = Bench::new(rules());
    bench.kernel.0.borrow_mut().visitors.push_back(Err(Errno::MFILE));
    let wire = bench.visit([]);
    bench.turn([Event::Desk]);
    bench.turn([]);
    assert_eq!(bench.patience(), Some(PAUSE));
    bench.at(Millis(0).after(PAUSE)).turn([]);
    assert_eq!(bench.reactor.visitors(), 1, "without another event");
    assert!(!wire.borrow().dropped);
    // One whose registration fails is closed.
    bench.kernel.0.borrow_mut().register.push_back(Errno::NOMEM);
    let refused = bench.visit([]);
    bench.turn([Event::Desk]);
    assert!(refused.borrow().dropped);
}

#[test]
fn visitors_are_answered_while_draining_and_do_not_delay_the_end() {
    let mut bench = Bench::new(rules());
    bench.knock([]);
    bench.visit([bytes(GET)]);
    bench.turn([LISTENER, Event::Desk]);
    bench.reactor.drain();
    bench.turn([visitor(0)]);
    assert!(bench.reactor.is_draining());
    assert_eq!(bench.reactor.questions().len(), 1);
    bench.turn([fin(0)]);
    bench.at(Millis(0).after(Duration::from_secs(4))).turn([]);
    assert!(bench.reactor.is_done());
    assert_eq!(bench.reactor.visitors(), 1);
}

#[test]
fn an_event_for_a_visitor_that_has_gone_is_ignored() {
    let mut bench = Bench::new(rules());
    bench.turn([visitor(3), readable(7)]);
    assert_eq!(bench.patience(), None);
}

#[test]
fn long_turns_are_measured() {
    let mut bench = Bench::new(rules());
    let wires: Vec<_> = (0..40).map(|_| bench.knock([bytes("x\n")])).collect();
    bench.turn([LISTENER]);
    bench.turn((0..40).map(readable));
    assert_eq!(bench.reactor.counters().turns, 2);
    assert_eq!(bench.reactor.counters().longest_turn, Duration::ZERO, "by a clock that stands");
    bench.kernel.0.borrow_mut().slow = Some(Millis(12));
    for wire in &wires {
        wire.borrow_mut().reads.push_back(bytes("y\n"));
    }
    bench.turn((0..40).map(readable));
    assert_eq!(bench.reactor.counters().longest_turn, Duration::from_millis(12));
}
