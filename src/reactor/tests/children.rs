//! Children in the place of a service, on a scripted `Os` that starts none.

use std::time::Duration;

use super::*;

/// Creates a reactor that serves its connections with children.
fn bench(connections_max: usize, over_limit: OverLimit) -> Bench {
    Bench::with_room(connections_max, Options { exec: true, over_limit, ..options() })
}

impl Bench {
    /// Ends children, with one SIGCHLD for all.
    fn end(&mut self, children: impl IntoIterator<Item = (usize, ExitStatus)>) {
        let ended = children.into_iter().map(|(number, ended)| (child(number), ended));
        self.os.0.borrow_mut().ended.extend(ended);
        self.reactor.reap_children();
    }

    /// Returns the signals sent to children since the last call.
    fn signalled(&mut self) -> Vec<(Pid, StopSignal)> {
        let mut signalled = std::mem::take(&mut self.os.0.borrow_mut().signalled);
        signalled.sort_by_key(|(id, _)| id.as_raw_nonzero());
        signalled
    }

    fn assert_balanced(&self) {
        let counters = self.reactor.counters();
        let (phases, _) = self.reactor.snapshot();
        let alive = phases.iter().sum::<usize>() + self.reactor.children();
        assert_eq!(counters.accepted, counters.closed_total() + u64::try_from(alive).unwrap());
    }
}

#[test]
fn a_child_has_the_connection_and_the_reactor_does_not() {
    let mut bench = bench(100, OverLimit::Wait);
    let wire = bench.enqueue([bytes("not ours to read\n")]);
    bench.turn([LISTENER]);
    assert!(wire.borrow().dropped, "our copy is closed at once");
    assert!(bench.os.0.borrow().registered.is_empty(), "no event of it will come");
    assert_eq!((bench.reactor.children(), bench.reactor.counters().accepted), (1, 1));
    assert_eq!(bench.patience(), None);
    bench.assert_balanced();
}

#[test]
fn one_signal_reaps_every_child_that_has_ended() {
    let mut bench = bench(100, OverLimit::Wait);
    for _ in 0..6 {
        bench.enqueue([]);
    }
    bench.turn([LISTENER]);
    bench.end((0..5).map(|number| (number, ExitStatus::Exited(0))));
    assert_eq!((bench.reactor.children(), bench.of(Cause::Exec)), (1, 5));
    bench.assert_balanced();
    bench.end([(5, ExitStatus::Signalled(9))]);
    bench.end([]);
    assert_eq!((bench.reactor.children(), bench.of(Cause::Exec)), (0, 6));
}

#[test]
fn an_unknown_child_is_reaped_and_not_counted() {
    let mut bench = bench(100, OverLimit::Wait);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.end([(77, ExitStatus::Exited(1)), (0, ExitStatus::Exited(1))]);
    assert_eq!((bench.reactor.children(), bench.of(Cause::Exec)), (0, 1));
    bench.assert_balanced();
}

#[test]
fn a_command_that_cannot_be_started_refuses_and_warns() {
    let mut bench = bench(100, OverLimit::Wait);
    bench.os.0.borrow_mut().unstartable = [Errno::NOENT, Errno::AGAIN].into();
    let wires = [bench.enqueue([]), bench.enqueue([]), bench.enqueue([])];
    bench.turn([LISTENER]);
    assert!(wires.iter().all(|wire| wire.borrow().dropped));
    assert_eq!((bench.reactor.children(), bench.of(Cause::Exec)), (1, 2), "the third was started");
    bench.assert_balanced();
}

#[test]
fn children_count_for_the_limit_and_a_reaped_one_frees_a_slot() {
    let mut bench = bench(2, OverLimit::Wait);
    for _ in 0..3 {
        bench.enqueue([]);
    }
    bench.turn([LISTENER]);
    assert_eq!((bench.reactor.children(), bench.reactor.listener_state()), (2, "full"));
    assert_eq!(bench.patience(), None, "full is no reason to spin");
    bench.end([(0, ExitStatus::Exited(0))]);
    assert_eq!(bench.patience(), Some(Duration::ZERO), "no second edge will come");
    assert_eq!((bench.reactor.children(), bench.reactor.counters().accepted), (2, 3));
    let mut bench = self::bench(1, OverLimit::Refuse);
    bench.enqueue([]);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    assert_eq!((bench.reactor.children(), bench.of(Cause::Refused)), (1, 1));
}

#[test]
fn a_reaped_child_ends_a_pause() {
    let mut bench = bench(100, OverLimit::Wait);
    bench.enqueue([]);
    bench.os.0.borrow_mut().queue.push_back(Err(Errno::NFILE));
    bench.enqueue([]);
    bench.turn([LISTENER]);
    assert_eq!(bench.reactor.listener_state(), "paused");
    bench.end([(0, ExitStatus::Exited(0))]);
    bench.turn([]);
    assert_eq!(bench.reactor.counters().accepted, 2);
}

#[test]
fn drain_terminates_children_and_gives_those_from_the_queues_more_time() {
    let mut bench = bench(100, OverLimit::Wait);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.enqueue([]);
    bench.at(MonotonicMs(1000)).turn([LISTENER, Event::Signal]);
    bench.enqueue([]);
    bench.reactor.drain();
    assert_eq!(
        bench.signalled(),
        [(child(0), StopSignal::Terminate)],
        "the second came with the signal"
    );
    bench.turn([]);
    bench.turn([]);
    assert!(bench.os.0.borrow().listeners_closed, "the queue was served first");
    assert_eq!(bench.reactor.children(), 3);
    assert!(bench.waits_at_most(Duration::from_secs(3)));
    bench.at(MonotonicMs(4000)).turn([]);
    let others = [(child(1), StopSignal::Terminate), (child(2), StopSignal::Terminate)];
    assert_eq!(bench.signalled(), others, "and no second one to the first");
    assert!(bench.waits_at_most(Duration::from_secs(1)));
    bench.end((0..3).map(|number| (number, ExitStatus::Signalled(15))));
    assert!(bench.reactor.is_done());
    assert_eq!((bench.of(Cause::Exec), bench.of(Cause::Cut)), (3, 0));
}

#[test]
fn a_child_started_after_the_input_deadline_gets_sigterm_at_once() {
    let mut bench = bench(1, OverLimit::Wait);
    bench.enqueue([]);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.reactor.drain();
    bench.turn([]);
    bench.signalled();
    bench.end([(0, ExitStatus::Exited(0))]);
    bench.at(MonotonicMs(3000)).turn([]);
    assert_eq!(bench.signalled(), [(child(1), StopSignal::Terminate)]);
    assert!(bench.os.0.borrow().listeners_closed);
}

#[test]
fn the_drain_deadline_kills_children() {
    let mut bench = bench(100, OverLimit::Wait);
    for _ in 0..2 {
        bench.enqueue([]);
    }
    bench.turn([LISTENER]);
    bench.reactor.drain();
    bench.at(MonotonicMs(3000)).turn([]);
    bench.signalled();
    // One has ended, and its SIGCHLD is not handled yet: it is not cut.
    bench.os.0.borrow_mut().ended.push_back((child(0), ExitStatus::Signalled(15)));
    bench.at(MonotonicMs(4000)).turn([]);
    assert_eq!(bench.signalled(), [(child(1), StopSignal::Kill)]);
    assert_eq!((bench.of(Cause::Exec), bench.of(Cause::Cut)), (1, 1));
    assert!(bench.reactor.is_done());
}

#[test]
fn a_second_signal_kills_children_now() {
    let mut bench = bench(100, OverLimit::Wait);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.reactor.drain();
    bench.reactor.cut();
    assert_eq!(
        bench.signalled(),
        [(child(0), StopSignal::Terminate), (child(0), StopSignal::Kill)]
    );
    assert_eq!((bench.reactor.children(), bench.of(Cause::Cut)), (0, 1));
}

#[test]
fn orphans_of_a_child_are_signalled_with_the_other_children() {
    let mut bench = bench(100, OverLimit::Wait);
    bench.enqueue([]);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.os.0.borrow_mut().lingering = vec![child(0), child(1)];
    bench.end([(0, ExitStatus::Exited(7)), (1, ExitStatus::Exited(0))]);
    assert_eq!((bench.reactor.children(), bench.of(Cause::Exec)), (2, 0), "they hold connections");
    bench.os.0.borrow_mut().lingering = vec![child(1)];
    bench.end([]);
    assert_eq!((bench.reactor.children(), bench.of(Cause::Exec)), (1, 1));
    bench.reactor.drain();
    assert_eq!(bench.signalled(), [(child(1), StopSignal::Terminate)]);
    assert!(!bench.reactor.is_done());
    bench.at(MonotonicMs(3000)).turn([]);
    bench.at(MonotonicMs(4000)).turn([]);
    assert_eq!(bench.signalled(), [(child(1), StopSignal::Kill)]);
    assert_eq!((bench.of(Cause::Exec), bench.of(Cause::Cut)), (1, 1));
    bench.assert_balanced();
    assert!(bench.reactor.is_done());
}

#[test]
fn a_process_id_that_is_given_again_is_another_childs() {
    let mut bench = bench(100, OverLimit::Wait);
    bench.enqueue([]);
    bench.turn([LISTENER]);
    bench.os.0.borrow_mut().lingering = vec![child(0)];
    bench.end([(0, ExitStatus::Exited(0))]);
    // Its orphans ended without a SIGCHLD, and the next child gets the same id.
    bench.os.0.borrow_mut().lingering.clear();
    bench.os.0.borrow_mut().spawned.clear();
    bench.enqueue([]);
    bench.turn([LISTENER]);
    assert_eq!((bench.reactor.children(), bench.of(Cause::Exec)), (1, 1));
    bench.end([]);
    assert_eq!((bench.reactor.children(), bench.of(Cause::Exec)), (1, 1));
    bench.end([(0, ExitStatus::Exited(0))]);
    assert_eq!((bench.reactor.children(), bench.of(Cause::Exec)), (0, 2));
}
