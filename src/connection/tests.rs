//! Every transition on a scripted stream, each test a row of `docs/states.md`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use super::script::{In, Out, Script, Wire};
use super::*;
use crate::service::{ECHO, SUM, SUM_XDR, Service};

/// A connection, its wire, and what the reactor would lend it.
struct Bench {
    connection: Connection<Script>,
    wire: Rc<RefCell<Wire>>,
    lent: Lent,
}

impl Bench {
    fn new(service: Service, line_bytes_max: usize, reads: impl IntoIterator<Item = In>) -> Self {
        let (stream, wire) = Script::new(reads);
        let peer = Peer::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
        let connection = Connection::new(stream, peer, Millis(0));
        Self { connection, wire, lent: Lent::new(service, line_bytes_max) }
    }

    fn echo(reads: impl IntoIterator<Item = In>) -> Self {
        Self::new(ECHO, 4096, reads)
    }

    /// An event, and the turns it takes until there is nothing to do.
    fn event(&mut self, ready: Ready) -> Served {
        self.connection.mark(ready);
        for _ in 0..10_000 {
            let served = self.connection.serve(&mut self.lent);
            if served != Served::Again {
                return served;
            }
        }
        panic!("the connection never comes to rest");
    }

    fn readable(&mut self) -> Served {
        self.event(READABLE)
    }

    fn sent(&self) -> Vec<u8> {
        self.wire.borrow().sent.clone()
    }

    fn phase(&self) -> Phase {
        self.connection.phase()
    }
}

const READABLE: Ready = Ready::READABLE.union(Ready::WRITABLE);
const FIN: Ready = READABLE.union(Ready::TO_END);
const RST: Ready = FIN.union(Ready::ERROR);

fn bytes(text: &str) -> In {
    In::Bytes(text.as_bytes().to_vec())
}

#[test]
fn a_connection_is_small_and_idle_owns_no_memory() {
    assert!(size_of::<Connection<u32>>() <= 80, "{}", size_of::<Connection<u32>>());
    let mut bench = Bench::echo([bytes("half a"), bytes(" line\n")]);
    bench.readable();
    assert!(bench.connection.held.is_some());
    bench.readable();
    assert_eq!(bench.sent(), b"half a line\n");
    assert!(bench.connection.held.is_none());
}

#[test]
fn open_answers_whole_lines() {
    let mut bench = Bench::echo([bytes("one\ntwo\nthr"), bytes("ee\n")]);
    assert_eq!(bench.readable(), Served::Idle);
    assert_eq!(bench.sent(), b"one\ntwo\n");
    bench.readable();
    assert_eq!(bench.sent(), b"one\ntwo\nthree\n");
    assert_eq!(bench.phase(), Phase::Open);
    assert_eq!(bench.connection.tally(), Tally { bytes_in: 14, bytes_out: 14, lines: 3 });
}

#[test]
fn fin_with_nothing_owed_finishes() {
    let mut bench = Bench::echo([bytes("a line\nand a tail"), In::End]);
    assert_eq!(bench.event(FIN), Served::Closed);
    assert_eq!(bench.sent(), b"a line\nand a tail", "the last line has no newline");
    assert_eq!(bench.phase(), Phase::Closed(Cause::Finished));
    assert_eq!(bench.connection.tally().lines, 2);
}

#[test]
fn data_and_fin_in_one_event_need_no_second() {
    let mut bench = Bench::echo([bytes("x\n"), In::End]);
    assert_eq!(bench.event(FIN), Served::Closed);
    let mut hintless = Bench::echo([bytes("x\n"), In::End]);
    assert_eq!(hintless.readable(), Served::Idle, "a short read emptied the socket");
}

#[test]
fn fin_with_replies_owed_flushes() {
    let mut bench = Bench::echo([bytes("tail without newline"), In::End]);
    bench.wire.borrow_mut().writes = [Out::Take(4), Out::Block].into();
    assert_eq!(bench.event(FIN), Served::Idle);
    assert_eq!(bench.phase(), Phase::Flushing);
    assert_eq!(bench.event(Ready::WRITABLE), Served::Closed);
    assert_eq!(bench.sent(), b"tail without newline");
    assert_eq!(bench.phase(), Phase::Closed(Cause::Finished));
}

#[test]
fn nothing_is_read_while_output_is_owed() {
    let mut bench = Bench::echo([bytes("first\n"), bytes("second\n")]);
    bench.wire.borrow_mut().writes = [Out::Take(2), Out::Block].into();
    assert_eq!(bench.event(FIN), Served::Idle);
    assert_eq!(bench.readable_left(), 1, "back-pressure: the second read was not asked for");
    bench.event(Ready::WRITABLE);
    assert_eq!(bench.sent(), b"first\nsecond\n");
}

impl Bench {
    fn readable_left(&self) -> usize {
        self.wire.borrow().reads.len()
    }
}

#[test]
fn the_first_fault_is_the_cause() {
    for (errno, cause) in [
        (Errno::CONNRESET, Cause::Reset),
        (Errno::PIPE, Cause::BrokenPipe),
        (Errno::TIMEDOUT, Cause::TimedOut),
        (Errno::HOSTUNREACH, Cause::Unreachable),
        (Errno::CONNABORTED, Cause::Aborted),
        (Errno::IO, Cause::Error),
    ] {
        let mut reading = Bench::echo([bytes("data first\n"), In::Fail(errno), In::End]);
        assert_eq!(reading.event(RST), Served::Closed);
        assert_eq!(reading.sent(), b"data first\n");
        assert_eq!(reading.phase(), Phase::Closed(cause), "{errno:?} from a read");

        let mut writing = Bench::echo([bytes("x\n"), In::End]);
        writing.wire.borrow_mut().writes = [Out::Fail(errno)].into();
        assert_eq!(writing.event(FIN), Served::Closed);
        assert_eq!(writing.phase(), Phase::Closed(cause), "{errno:?} from a write");

        let mut draining = Bench::echo([In::Fail(errno)]);
        draining.connection.drain();
        assert_eq!(draining.event(Ready::NONE), Served::Closed);
        assert_eq!(draining.phase(), Phase::Closed(cause), "{errno:?} while draining");
    }
}

#[test]
fn fin_and_then_reset_is_no_clean_end() {
    let mut bench = Bench::echo([In::End]);
    bench.wire.borrow_mut().pending_error = Some(Errno::PIPE);
    assert_eq!(bench.event(RST), Served::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::BrokenPipe));
}

#[test]
fn a_reset_while_flushing_is_noticed() {
    let mut bench = Bench::echo([bytes("tail"), In::End]);
    bench.wire.borrow_mut().writes = [Out::Block, Out::Fail(Errno::CONNRESET)].into();
    bench.event(FIN);
    assert_eq!(bench.phase(), Phase::Flushing);
    assert_eq!(bench.event(RST), Served::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::Reset));
}

#[test]
fn signals_between_calls_lose_nothing() {
    let mut bench =
        Bench::echo([In::Fail(Errno::INTR), bytes("line\n"), In::Fail(Errno::INTR), In::End]);
    bench.wire.borrow_mut().writes =
        [Out::Fail(Errno::INTR), Out::Take(2), Out::Fail(Errno::INTR)].into();
    assert_eq!(bench.event(FIN), Served::Closed);
    assert_eq!(bench.sent(), b"line\n");
    assert_eq!(bench.phase(), Phase::Closed(Cause::Finished));
}

#[test]
fn drain_answers_what_is_there_then_sends_fin() {
    let mut bench = Bench::echo([bytes("line\nbegun"), In::Block]);
    assert!(bench.connection.drain(), "to be queued");
    assert_eq!(bench.event(Ready::NONE), Served::Idle);
    assert_eq!(bench.sent(), b"line\nbegun");
    assert!(bench.wire.borrow().half_closed);
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Drained));
}

#[test]
fn draining_writes_what_is_owed_before_fin() {
    let mut bench = Bench::echo([bytes("line\n")]);
    bench.wire.borrow_mut().writes = [Out::Take(1), Out::Block].into();
    bench.connection.drain();
    assert_eq!(bench.event(Ready::NONE), Served::Idle);
    assert_eq!(bench.phase(), Phase::Draining(Cause::Drained));
    assert!(!bench.wire.borrow().half_closed);
    bench.event(Ready::WRITABLE);
    assert_eq!(bench.sent(), b"line\n");
    assert!(bench.wire.borrow().half_closed);
}

#[test]
fn a_peer_that_never_stops_sending_is_drained_all_the_same() {
    let flood = In::Bytes(vec![b'x'; 10 * crate::line::READ_BYTES_MAX]);
    let mut bench = Bench::echo([flood]);
    bench.lent.input_until = Millis(0);
    bench.connection.drain();
    bench.connection.serve(&mut bench.lent);
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Drained));
    assert_eq!(bench.sent().len(), crate::line::READ_BYTES_MAX, "what was read was echoed");
}

#[test]
fn fin_while_draining_ends_it() {
    let mut bench = Bench::echo([bytes("tail"), In::End]);
    bench.connection.drain();
    assert_eq!(bench.event(Ready::TO_END), Served::Closed);
    assert_eq!(bench.sent(), b"tail");
    assert_eq!(bench.phase(), Phase::Closed(Cause::Drained));
}

#[test]
fn fin_while_draining_still_flushes() {
    let mut bench = Bench::echo([bytes("tail"), In::End]);
    bench.wire.borrow_mut().writes = [Out::Block].into();
    bench.connection.drain();
    assert_eq!(bench.event(Ready::TO_END), Served::Idle);
    assert_eq!(bench.phase(), Phase::Flushing);
    assert_eq!(bench.event(Ready::WRITABLE), Served::Closed);
    assert_eq!(bench.sent(), b"tail");
}

#[test]
fn lingering_discards_until_fin() {
    let mut bench = Bench::echo([In::Block, bytes("too late\n"), In::End]);
    bench.connection.drain();
    bench.event(Ready::NONE);
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Drained));
    assert_eq!(bench.event(FIN), Served::Closed);
    assert_eq!(bench.sent(), b"");
    assert_eq!(bench.phase(), Phase::Closed(Cause::Drained));
    assert_eq!(bench.connection.tally().bytes_in, 9);
}

#[test]
fn a_reset_while_lingering_is_told() {
    let mut bench = Bench::echo([In::Block, In::Fail(Errno::CONNRESET)]);
    bench.connection.drain();
    bench.event(Ready::NONE);
    assert_eq!(bench.event(RST), Served::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::Reset));
}

#[test]
fn a_violation_ends_after_earlier_replies() {
    let good = [1_i64.to_be_bytes(), 2_i64.to_be_bytes()].concat();
    let overflow = [i64::MAX.to_be_bytes(), 1_i64.to_be_bytes()].concat();
    let input = [good.clone(), overflow, good.clone()].concat();
    let mut bench = Bench::new(SUM_XDR, 4096, [In::Bytes(input), In::Block]);
    bench.wire.borrow_mut().writes = [Out::Take(3), Out::Block].into();
    assert_eq!(bench.readable(), Served::Idle);
    assert_eq!(bench.phase(), Phase::Draining(Cause::Protocol));
    bench.event(Ready::WRITABLE);
    assert_eq!(bench.sent(), 3_i64.to_be_bytes());
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Protocol));
    bench.wire.borrow_mut().reads = [In::Bytes(good), In::End].into();
    assert_eq!(bench.event(FIN), Served::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::Protocol));
}

#[test]
fn a_truncated_record_at_fin_is_a_violation() {
    let mut bench = Bench::new(SUM_XDR, 1, [In::Bytes(vec![0; 15]), In::End]);
    assert_eq!(bench.event(FIN), Served::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::Protocol));
    assert_eq!(bench.sent(), b"");
}

#[test]
fn deadlines_end_a_connection_with_their_cause() {
    let second = Some(Duration::from_secs(1));
    let off = Timeouts::default();
    let mut begun = Bench::echo([bytes("begun"), bytes(" more")]);
    begun.lent.now = Millis(100);
    begun.readable();
    begun.lent.now = Millis(600);
    begun.readable();
    let deadline = |timeouts| begun.connection.deadline(&timeouts);
    assert_eq!(deadline(off), None);
    assert_eq!(deadline(Timeouts { idle: second, ..off }), Some((Millis(1600), Cause::Idle)));
    let line = Timeouts { line: second, idle: second, stall: second };
    assert_eq!(deadline(line), Some((Millis(1100), Cause::LineTimeout)), "bytes put nothing off");

    let mut stalled = Bench::echo([bytes("line\n")]);
    stalled.wire.borrow_mut().writes = [Out::Block, Out::Take(1), Out::Block].into();
    stalled.readable();
    let stall = Timeouts { stall: second, line: second, ..off };
    assert_eq!(stalled.connection.deadline(&stall), Some((Millis(1000), Cause::Stalled)));
    stalled.lent.now = Millis(700);
    stalled.event(Ready::WRITABLE);
    assert_eq!(stalled.connection.deadline(&stall), Some((Millis(1700), Cause::Stalled)));
    stalled.connection.close(Cause::Stalled);
    assert_eq!(stalled.phase(), Phase::Closed(Cause::Stalled));
}

#[test]
fn an_endless_line_is_refused_once_and_skipped() {
    let endless = vec![b'1'; 1000];
    let mut bench = Bench::new(
        SUM,
        16,
        [In::Bytes(endless.clone()), In::Bytes(endless), bytes("\n1 2\n"), In::Block],
    );
    bench.readable();
    bench.readable();
    bench.readable();
    assert_eq!(bench.sent(), b"error: this line is longer than 16 bytes\n3\n");
    assert_eq!(bench.connection.tally().lines, 2);
}

#[test]
fn a_second_event_does_not_queue_twice() {
    let mut bench = Bench::echo([]);
    assert!(bench.connection.mark(Ready::READABLE));
    assert!(!bench.connection.mark(Ready::WRITABLE));
    bench.connection.serve(&mut bench.lent);
    assert!(bench.connection.mark(Ready::READABLE));
}
