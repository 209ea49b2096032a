//! Requests and replies, the end of both, and errors in between.

use rustix::io::Errno;

use super::*;
use crate::service::SUM;

#[test]
fn a_connection_is_small_and_idle_owns_no_memory() {
    assert!(size_of::<Connection<u32>>() <= 80, "{}", size_of::<Connection<u32>>());
    let mut bench = Bench::echo([bytes("half a"), bytes(" line\n")]);
    bench.readable();
    assert!(bench.connection.pending.is_some());
    bench.readable();
    assert_eq!(bench.sent(), b"half a line\n");
    assert!(bench.connection.pending.is_none());
}

#[test]
fn open_answers_whole_lines() {
    let mut bench = Bench::echo([bytes("one\ntwo\nthr"), bytes("ee\n")]);
    assert_eq!(bench.readable(), NextStep::Idle);
    assert_eq!(bench.sent(), b"one\ntwo\n");
    bench.readable();
    assert_eq!(bench.sent(), b"one\ntwo\nthree\n");
    assert_eq!(bench.phase(), Phase::Open);
    assert_eq!(bench.connection.traffic(), Traffic { bytes_in: 14, bytes_out: 14, lines: 3 });
}

#[test]
fn fin_without_pending_output_finishes() {
    let mut bench = Bench::echo([bytes("a line\nand a tail"), In::End]);
    assert_eq!(bench.event(FIN), NextStep::Closed);
    assert_eq!(bench.sent(), b"a line\nand a tail", "the last line has no newline");
    assert_eq!(bench.phase(), Phase::Closed(Cause::Finished));
    assert_eq!(bench.connection.traffic().lines, 2);
}

#[test]
fn pieces_of_one_line_are_one_line() {
    let mut bench = Bench::new(ECHO, 4, [bytes("11111111"), In::End]);
    bench.event(FIN);
    assert_eq!(bench.sent(), b"11111111");
    assert_eq!(bench.connection.traffic().lines, 1);
}

#[test]
fn data_and_fin_in_one_event_need_no_second() {
    let mut bench = Bench::echo([bytes("x\n"), In::End]);
    assert_eq!(bench.event(FIN), NextStep::Closed);
    let mut hintless = Bench::echo([bytes("x\n"), In::End]);
    assert_eq!(hintless.readable(), NextStep::Idle, "a short read emptied the socket");
}

#[test]
fn fin_with_pending_output_flushes() {
    let mut bench = Bench::echo([bytes("tail without newline"), In::End]);
    bench.wire.borrow_mut().writes = [Out::Take(4), Out::Block].into();
    assert_eq!(bench.event(FIN), NextStep::Idle);
    assert_eq!(bench.phase(), Phase::Flushing);
    assert_eq!(bench.event(Ready::WRITABLE), NextStep::Closed);
    assert_eq!(bench.sent(), b"tail without newline");
    assert_eq!(bench.phase(), Phase::Closed(Cause::Finished));
}

#[test]
fn nothing_is_read_while_output_is_pending() {
    let mut bench = Bench::echo([bytes("first\n"), bytes("second\n")]);
    bench.wire.borrow_mut().writes = [Out::Take(2), Out::Block].into();
    assert_eq!(bench.event(FIN), NextStep::Idle);
    assert_eq!(bench.readable_left(), 1, "back-pressure: there was no second read");
    bench.event(Ready::WRITABLE);
    assert_eq!(bench.sent(), b"first\nsecond\n");
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
        assert_eq!(reading.event(RST), NextStep::Closed);
        assert_eq!(reading.sent(), b"data first\n");
        assert_eq!(reading.phase(), Phase::Closed(cause), "{errno:?} from a read");

        let mut writing = Bench::echo([bytes("x\n"), In::End]);
        writing.wire.borrow_mut().writes = [Out::Fail(errno)].into();
        assert_eq!(writing.event(FIN), NextStep::Closed);
        assert_eq!(writing.phase(), Phase::Closed(cause), "{errno:?} from a write");

        let mut draining = Bench::echo([In::Fail(errno)]);
        draining.connection.drain();
        assert_eq!(draining.event(Ready::NONE), NextStep::Closed);
        assert_eq!(draining.phase(), Phase::Closed(cause), "{errno:?} while draining");
    }
}

/// After FIN, a peer that waits for the end would believe that it has everything.
#[test]
fn closing_with_pending_work_sends_rst() {
    let written = |out: Out| {
        let mut bench = Bench::echo([bytes("whole\nunfinished"), In::End]);
        bench.wire.borrow_mut().writes = [out, Out::Block].into();
        bench.event(FIN);
        bench
    };
    let failed = written(Out::Fail(Errno::NOBUFS));
    assert_eq!(failed.phase(), Phase::Closed(Cause::Error));
    assert!(failed.wire.borrow().resets, "a write that failed");
    for cause in [Cause::Stalled, Cause::Idle, Cause::Evicted] {
        let mut unsent = written(Out::Block);
        unsent.connection.close(cause);
        assert!(unsent.wire.borrow().resets, "{cause}");
    }
    let mut unsent = written(Out::Block);
    unsent.connection.cut();
    assert!(unsent.wire.borrow().resets, "cut");

    let mut unanswered = Bench::echo([bytes("unfinished")]);
    unanswered.event(Ready::READABLE);
    unanswered.connection.cut();
    assert!(unanswered.wire.borrow().resets, "cut in a line");

    let mut quiet = Bench::echo([bytes("whole\n")]);
    quiet.event(Ready::READABLE);
    quiet.connection.cut();
    assert_eq!(quiet.phase(), Phase::Closed(Cause::Cut));
    assert!(quiet.wire.borrow().resets, "its next line may be on its way");

    let mut half_read = Bench::echo([bytes("unfinished"), In::Fail(Errno::NOMEM)]);
    half_read.event(FIN);
    assert!(half_read.wire.borrow().resets, "a read that failed");
    let mut paid = Bench::echo([bytes("whole\nunfinished"), In::End]);
    paid.event(FIN);
    assert_eq!(paid.phase(), Phase::Closed(Cause::Finished));
    assert!(!paid.wire.borrow().resets, "everything was written");
}

#[test]
#[should_panic = "mid > len"]
fn a_stream_that_claims_more_than_it_was_given_drops_no_byte_in_silence() {
    let mut bench = Bench::echo([bytes("line\n")]);
    bench.wire.borrow_mut().writes = [Out::Claim(6)].into();
    bench.readable();
}

#[test]
fn a_connection_reset_by_its_peer_is_not_reset_again() {
    for errno in [Errno::CONNRESET, Errno::PIPE, Errno::TIMEDOUT] {
        let mut gone = Bench::echo([In::Fail(errno)]);
        assert_eq!(gone.event(RST), NextStep::Closed);
        assert!(!gone.wire.borrow().resets, "its socket is closed already: {errno:?}");
        let mut perhaps = Bench::echo([In::Fail(errno)]);
        assert_eq!(perhaps.event(READABLE), NextStep::Closed);
        assert!(perhaps.wire.borrow().resets, "no event has said so: {errno:?}");
    }
    let mut reset = Bench::echo([bytes("unfinished")]);
    reset.event(READABLE);
    reset.connection.mark(RST);
    reset.connection.cut();
    assert!(!reset.wire.borrow().resets, "reported, and cut before its turn");
}

#[test]
fn fin_and_then_reset_is_no_clean_end() {
    let mut bench = Bench::echo([In::End]);
    bench.wire.borrow_mut().pending_error = Some(Errno::PIPE);
    assert_eq!(bench.event(RST), NextStep::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::BrokenPipe));
}

#[test]
fn a_reset_while_flushing_is_noticed() {
    let mut bench = Bench::echo([bytes("tail"), In::End]);
    bench.wire.borrow_mut().writes = [Out::Block, Out::Fail(Errno::CONNRESET)].into();
    bench.event(FIN);
    assert_eq!(bench.phase(), Phase::Flushing);
    assert_eq!(bench.event(RST), NextStep::Closed);
    assert_eq!(bench.phase(), Phase::Closed(Cause::Reset));
}

#[test]
fn signals_between_calls_lose_nothing() {
    let mut bench =
        Bench::echo([In::Fail(Errno::INTR), bytes("line\n"), In::Fail(Errno::INTR), In::End]);
    bench.wire.borrow_mut().writes =
        [Out::Fail(Errno::INTR), Out::Take(2), Out::Fail(Errno::INTR)].into();
    assert_eq!(bench.event(FIN), NextStep::Closed);
    assert_eq!(bench.sent(), b"line\n");
    assert_eq!(bench.phase(), Phase::Closed(Cause::Finished));
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
    assert_eq!(bench.connection.traffic().lines, 2);
}

#[test]
fn a_second_event_does_not_queue_twice() {
    let mut bench = Bench::echo([]);
    assert!(bench.connection.mark(Ready::READABLE));
    assert!(!bench.connection.mark(Ready::WRITABLE));
    bench.connection.serve(&mut bench.shared);
    assert!(bench.connection.mark(Ready::READABLE));
}

/// A stream on a system without an event for the urgent byte, such as kqueue.
struct WithoutUrgentEvents(ScriptedStream);

impl Stream for WithoutUrgentEvents {
    const SHORT_READ_EMPTIES: bool = false;

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.0.half_close()
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        self.0.take_error()
    }

    fn close_with_reset(&self) -> io::Result<()> {
        self.0.close_with_reset()
    }
}

/// A read stops at the urgent byte, and the event for the bytes behind it has come before.
#[test]
fn input_behind_an_urgent_byte_is_read_without_an_event() {
    let reads = ["before\n", "behind\n"].map(bytes);
    let later = [In::Block].into_iter().chain(["before again\n", "behind again\n"].map(bytes));
    let (stream, wire) = ScriptedStream::new(reads.into_iter().chain(later));
    let peer = Peer::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
    let mut shared = Shared::new(ECHO, 4096);
    let mut connection = Connection::new(
        WithoutUrgentEvents(stream),
        peer,
        shared.listener(0),
        None,
        MonotonicMs(0),
    );
    for echoed in ["before\nbehind\n", "before\nbehind\nbefore again\nbehind again\n"] {
        connection.mark(READABLE);
        while connection.serve(&mut shared) == NextStep::Yield {}
        assert_eq!(wire.borrow().sent, echoed.as_bytes());
    }
}
