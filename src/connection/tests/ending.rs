//! Draining, lingering, violations and deadlines.

use std::time::Duration;

use rustix::io::Errno;

use super::*;
use crate::service::{SUM, SUM_XDR};

#[test]
fn drain_answers_input_in_the_socket_then_sends_fin() {
    let mut bench = Bench::echo([bytes("line\nbegun"), In::Block]);
    assert!(bench.connection.drain(), "to be queued");
    assert_eq!(bench.event(Ready::NONE), NextStep::Idle);
    assert_eq!(bench.sent(), b"line\nbegun");
    assert!(bench.wire.borrow().half_closed);
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Drained));
}

#[test]
fn draining_writes_pending_output_before_fin() {
    let mut bench = Bench::echo([bytes("line\n")]);
    bench.wire.borrow_mut().writes = [Out::Take(1), Out::Block].into();
    bench.connection.drain();
    assert_eq!(bench.event(Ready::NONE), NextStep::Idle);
    assert_eq!(bench.phase(), Phase::Draining(Cause::Drained));
    assert!(!bench.wire.borrow().half_closed);
    bench.event(Ready::WRITABLE);
    assert_eq!(bench.sent(), b"line\n");
    assert!(bench.wire.borrow().half_closed);
}

#[test]
fn a_drain_reads_the_rest_of_a_request_before_it_answers() {
    let mut bench = Bench::new(SUM, 64, [bytes("1 2\n3"), bytes(" 4\n"), In::Block]);
    bench.wire.borrow_mut().writes = [Out::Take(1), Out::Block].into();
    bench.connection.drain();
    assert_eq!(bench.event(Ready::READ_TO_EAGAIN), NextStep::Idle);
    assert_eq!(bench.sent(), b"3");
    bench.event(Ready::WRITABLE);
    assert_eq!(bench.sent(), b"3\n7\n");
    assert!(bench.wire.borrow().half_closed);
}

#[test]
fn input_after_the_final_reply_of_a_drain_is_no_request() {
    let mut bench = Bench::new(SUM, 64, [bytes("1 2"), bytes("0\n"), In::Block]);
    bench.wire.borrow_mut().writes = [Out::Take(1), Out::Block].into();
    bench.connection.drain();
    assert_eq!(bench.event(Ready::NONE), NextStep::Idle);
    assert_eq!(bench.sent(), b"3");
    bench.event(Ready::READABLE.union(Ready::WRITABLE));
    assert_eq!(bench.sent(), b"3\n");
    assert!(bench.wire.borrow().half_closed);
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Drained));
}

#[test]
fn input_ends_in_time_for_a_slow_reader_too() {
    let flood: Vec<_> = (0..100).map(|_| bytes("line\n")).collect();
    let mut bench = Bench::echo(flood);
    bench.wire.borrow_mut().writes = [Out::Take(1), Out::Block].into();
    bench.connection.drain();
    bench.event(Ready::READ_TO_EAGAIN);
    bench.shared.read_over = true;
    bench.event(Ready::WRITABLE);
    assert_eq!((bench.sent(), bench.phase()), (b"line\n".to_vec(), Phase::Lingering(Cause::Cut)));
}

#[test]
fn a_peer_that_never_stops_sending_is_cut() {
    let flood = In::Bytes(vec![b'x'; 10 * crate::line::READ_BYTES_MAX]);
    let mut bench = Bench::echo([flood]);
    bench.shared.read_over = true;
    bench.connection.drain();
    bench.connection.serve(&mut bench.shared);
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Cut));
    assert_eq!(bench.sent().len(), crate::line::READ_BYTES_MAX, "what was read was echoed");
    assert!(!bench.wire.borrow().half_closed, "it may have half-closed: FIN would say all is well");
    while bench.connection.serve(&mut bench.shared) == NextStep::Yield {}
    bench.wire.borrow_mut().reads = [In::End].into();
    bench.event(FIN);
    assert_eq!(bench.phase(), Phase::Closed(Cause::Cut));
    assert!(bench.wire.borrow().resets);
}

#[test]
fn a_slow_reader_that_sends_no_more_is_drained_however_late() {
    for (input, phase) in
        [(In::End, Phase::Closed(Cause::Drained)), (In::Block, Phase::Lingering(Cause::Drained))]
    {
        let mut bench = Bench::echo([bytes("line\n"), input]);
        bench.wire.borrow_mut().writes = [Out::Take(1), Out::Block].into();
        bench.event(Ready::READABLE);
        bench.connection.drain();
        bench.event(Ready::NONE);
        bench.shared.read_over = true;
        bench.event(Ready::WRITABLE);
        assert_eq!((bench.sent(), bench.phase()), (b"line\n".to_vec(), phase));
        assert!(!bench.wire.borrow().resets, "everything was given to it");
    }
}

#[test]
fn closing_in_an_unfinished_line_sends_rst() {
    let mut bench = Bench::echo([bytes("begun")]);
    bench.event(Ready::READABLE);
    bench.connection.close(Cause::Evicted);
    assert!(bench.wire.borrow().resets, "its FIN may wait to be read");
    let mut whole = Bench::echo([bytes("whole\n")]);
    whole.event(Ready::READABLE);
    whole.connection.close(Cause::Idle);
    assert!(!whole.wire.borrow().resets);
}

#[test]
fn fin_while_draining_ends_it() {
    let mut bench = Bench::echo([bytes("tail"), In::End]);
    bench.connection.drain();
    assert_eq!(bench.event(Ready::READ_TO_EAGAIN), NextStep::Closed);
    assert_eq!(bench.sent(), b"tail");
    assert_eq!(bench.phase(), Phase::Closed(Cause::Drained));
}

#[test]
fn fin_while_draining_still_flushes() {
    let mut bench = Bench::echo([bytes("tail"), In::End]);
    bench.wire.borrow_mut().writes = [Out::Block].into();
    bench.connection.drain();
    assert_eq!(bench.event(Ready::READ_TO_EAGAIN), NextStep::Idle);
    assert_eq!(bench.phase(), Phase::Flushing);
    assert_eq!(bench.event(Ready::WRITABLE), NextStep::Closed);
    assert_eq!(bench.sent(), b"tail");
}

#[test]
fn lingering_discards_until_fin() {
    let mut bench = Bench::echo([In::Block, bytes("too late\n"), In::End]);
    bench.connection.drain();
    bench.event(Ready::NONE);
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Drained));
    assert_eq!(bench.event(FIN), NextStep::Closed);
    assert_eq!(bench.sent(), b"");
    assert_eq!(bench.phase(), Phase::Closed(Cause::Drained));
    assert_eq!(bench.connection.traffic().bytes_in, 9);
}

#[test]
fn a_reset_while_lingering_is_the_cause() {
    let mut bench = Bench::echo([In::Block, In::Fail(Errno::CONNRESET)]);
    bench.connection.drain();
    bench.event(Ready::NONE);
    assert_eq!(bench.event(RST), NextStep::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::Reset));
}

#[test]
fn a_violation_ends_after_earlier_replies() {
    let good = [1_i64.to_be_bytes(), 2_i64.to_be_bytes()].concat();
    let overflow = [i64::MAX.to_be_bytes(), 1_i64.to_be_bytes()].concat();
    let input = [good.clone(), overflow, good.clone()].concat();
    let mut bench = Bench::new(SUM_XDR, 4096, [In::Bytes(input), In::Block]);
    bench.wire.borrow_mut().writes = [Out::Take(3), Out::Block].into();
    assert_eq!(bench.readable(), NextStep::Idle);
    assert_eq!(bench.phase(), Phase::Draining(Cause::Protocol));
    bench.event(Ready::WRITABLE);
    assert_eq!(bench.sent(), 3_i64.to_be_bytes());
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Protocol));
    bench.wire.borrow_mut().reads = [In::Bytes(good), In::End].into();
    assert_eq!(bench.event(FIN), NextStep::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::Protocol));
}

#[test]
fn a_truncated_record_at_fin_is_a_violation() {
    let mut bench = Bench::new(SUM_XDR, 1, [In::Bytes(vec![0; 15]), In::End]);
    assert_eq!(bench.event(FIN), NextStep::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::Protocol));
    assert_eq!(bench.sent(), b"");
}

#[test]
fn an_unfinished_record_while_draining_is_a_violation() {
    let mut bench = Bench::new(SUM_XDR, 1, [In::Bytes(vec![0; 15])]);
    bench.connection.drain();
    bench.event(Ready::NONE);
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Protocol));
    assert!(bench.wire.borrow().half_closed);
}

#[test]
fn deadlines_count_from_the_last_byte_the_line_or_the_last_write() {
    let second = Some(Duration::from_secs(1));
    let off = Timeouts::default();
    let mut begun = Bench::echo([bytes("begun"), bytes(" more")]);
    begun.shared.now = MonotonicMs(100);
    begun.readable();
    begun.shared.now = MonotonicMs(600);
    begun.readable();
    let deadline = |timeouts| begun.connection.deadline(&timeouts);
    assert_eq!(deadline(off), None);
    assert_eq!(deadline(Timeouts { idle: second, ..off }), Some((MonotonicMs(1600), Cause::Idle)));
    let line = Timeouts { line: second, idle: second, stall: second };
    assert_eq!(
        deadline(line),
        Some((MonotonicMs(1100), Cause::LineTimeout)),
        "bytes put nothing off"
    );

    let mut pieces = Bench::new(ECHO, 4, [bytes("x\nabcd"), bytes("efgh"), bytes("i\n")]);
    pieces.shared.now = MonotonicMs(100);
    pieces.readable();
    pieces.shared.now = MonotonicMs(600);
    pieces.readable();
    assert_eq!(pieces.sent(), b"x\nabcdefgh");
    let finished_by = pieces.connection.deadline(&Timeouts { line: second, ..off });
    assert_eq!(
        finished_by,
        Some((MonotonicMs(1100), Cause::LineTimeout)),
        "pieces put nothing off"
    );
    pieces.readable();
    assert_eq!(pieces.connection.deadline(&Timeouts { line: second, ..off }), None);
    assert!(pieces.connection.pending.is_none());

    let mut refused = Bench::new(SUM, 4, [bytes("12345"), bytes("678"), bytes("\n")]);
    refused.readable();
    refused.shared.now = MonotonicMs(600);
    refused.readable();
    let finished_by = refused.connection.deadline(&Timeouts { line: second, ..off });
    assert_eq!(
        finished_by,
        Some((MonotonicMs(1000), Cause::LineTimeout)),
        "nor does what is skipped"
    );
    refused.readable();
    assert!(refused.connection.pending.is_none());
}

#[test]
fn a_peer_that_takes_no_output_is_stalled_and_its_next_line_is_not_late() {
    let second = Some(Duration::from_secs(1));
    let off = Timeouts::default();
    let mut unsent = Bench::echo([bytes("line\nbegun")]);
    unsent.wire.borrow_mut().writes = [Out::Block].into();
    unsent.readable();
    let line = Timeouts { line: second, ..off };
    assert_eq!(unsent.connection.deadline(&line), None, "we do not read: its end may be there");
    unsent.shared.now = MonotonicMs(700);
    unsent.event(Ready::WRITABLE);
    assert_eq!(unsent.connection.deadline(&line), Some((MonotonicMs(1700), Cause::LineTimeout)));

    let mut stalled = Bench::echo([bytes("line\n")]);
    stalled.wire.borrow_mut().writes = [Out::Block, Out::Take(1), Out::Block].into();
    stalled.readable();
    let stall = Timeouts { stall: second, line: second, ..off };
    assert_eq!(stalled.connection.deadline(&stall), Some((MonotonicMs(1000), Cause::Stalled)));
    stalled.shared.now = MonotonicMs(700);
    stalled.event(Ready::WRITABLE);
    assert_eq!(stalled.connection.deadline(&stall), Some((MonotonicMs(1700), Cause::Stalled)));
    stalled.connection.close(Cause::Stalled);
    assert_eq!(stalled.phase(), Phase::Closed(Cause::Stalled));
}
