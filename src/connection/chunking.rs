//! The output is the same however the input is divided into reads, and the output into writes.

use proptest::collection::vec;
use proptest::prelude::*;
use rustix::io::Errno;

use super::script::{In, Out, ScriptedStream};
use super::*;
use crate::num;
use crate::service::{CHARGEN, DISCARD, ECHO, PROBE, RAW, Reply, SUM, SUM_XDR, Service};

/// Runs a connection on these reads and writes to its end; returns its output, its last phase and
/// its traffic.
fn run(
    service: Service,
    line_bytes_max: usize,
    reads: impl IntoIterator<Item = In>,
    writes: impl IntoIterator<Item = Out>,
) -> (Vec<u8>, Phase, Traffic) {
    run_draining(service, line_bytes_max, reads, writes, usize::MAX)
}

/// The same, with a drain that begins before turn `drain_at`.
fn run_draining(
    service: Service,
    line_bytes_max: usize,
    reads: impl IntoIterator<Item = In>,
    writes: impl IntoIterator<Item = Out>,
    drain_at: usize,
) -> (Vec<u8>, Phase, Traffic) {
    let (stream, wire) = ScriptedStream::new(reads);
    wire.borrow_mut().writes = writes.into_iter().collect();
    let peer = Peer::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
    let mut shared = Shared::new(service, line_bytes_max);
    let mut connection = Connection::new(stream, peer, shared.listener(0), None, MonotonicMs(0));
    let hints = Ready::READABLE.union(Ready::WRITABLE).union(Ready::READ_TO_EAGAIN);
    for turn in 0..1_000_000 {
        if turn == drain_at {
            connection.drain();
        }
        connection.mark(hints);
        if connection.serve(&mut shared) == NextStep::Closed {
            let sent = wire.borrow().sent.clone();
            return (sent, connection.phase(), connection.traffic());
        }
    }
    panic!("the connection never ends");
}

/// Computes the replies of `sum` from the whole input at once: obviously right, and obviously slow.
fn sum_of_all(input: &[u8], line_bytes_max: usize) -> Vec<u8> {
    let Reply::Line(answer) = SUM.reply else { panic!("sum answers lines") };
    let mut reply = Vec::new();
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if text.len() >= line_bytes_max {
            let refusal = format!("error: this line is longer than {line_bytes_max} bytes\n");
            reply.extend_from_slice(refusal.as_bytes());
        } else {
            answer(text, &mut reply);
        }
    }
    reply
}

/// Lines of every length below 40, empty ones among them, and a tail without newline.
fn lines() -> Vec<u8> {
    let mut input = Vec::new();
    for length in 0..40_u8 {
        input.extend((0..length).map(|place| b'!' + (place.wrapping_mul(7) ^ length) % 90));
        input.extend_from_slice(b"\n1 2\n");
    }
    input.extend_from_slice(b"a tail");
    input
}

/// The input in pieces of `read` bytes.
fn reads(input: &[u8], read: usize) -> impl Iterator<Item = In> {
    input.chunks(read).map(|bytes| In::Bytes(bytes.to_vec())).chain([In::End])
}

/// Writes that take `write` bytes, each followed by would-block.
fn writes(input: &[u8], write: usize) -> impl Iterator<Item = Out> {
    (0..input.len() * 2).flat_map(move |_| [Out::Take(write), Out::Block])
}

#[test]
fn every_chunking_of_input_and_output_gives_the_same_bytes() {
    let input = lines();
    let sums = sum_of_all(&input, 16);
    for read in 1..=64 {
        for write in 1..=65 {
            let (sent, phase, tally) = run(ECHO, 7, reads(&input, read), writes(&input, write));
            assert_eq!(sent, input, "echo, read {read}, write {write}");
            assert_eq!(phase, Phase::Closed(Cause::Finished));
            assert_eq!((tally.bytes_in, tally.lines), (tally.bytes_out, 81));
            let (sent, _, tally) = run(SUM, 16, reads(&input, read), writes(&input, write));
            assert_eq!(sent, sums, "sum, read {read}, write {write}");
            assert_eq!(tally.lines, 81);
        }
    }
}

#[test]
fn the_longest_line_makes_no_difference_to_the_echo() {
    let input = lines();
    for line_bytes_max in [1, 2, 3, 16, 40, 41, 4096] {
        for read in 1..=64 {
            let reads = reads(&input, read);
            let (sent, phase, tally) = run(ECHO, line_bytes_max, reads, writes(&input, 13));
            assert_eq!(sent, input, "read {read}, max {line_bytes_max}");
            assert_eq!(phase, Phase::Closed(Cause::Finished));
            assert_eq!(tally.lines, 81, "read {read}, max {line_bytes_max}");
        }
    }
}

#[test]
fn services_without_lines_answer_every_chunking_alike() {
    let input = lines();
    let Reply::Stream(pattern) = CHARGEN.reply else { panic!("chargen streams") };
    for read in 1..=64 {
        for write in [1, 13, 64] {
            let (sent, phase, tally) = run(RAW, 7, reads(&input, read), writes(&input, write));
            assert!(sent == input && tally.lines == 80, "raw, read {read}, write {write}");
            assert_eq!(phase, Phase::Closed(Cause::Finished));
            let (sent, phase, tally) = run(DISCARD, 7, reads(&input, read), []);
            assert_eq!((sent.len(), tally.bytes_in), (0, num::to_u64(input.len())), "read {read}");
            assert_eq!(phase, Phase::Closed(Cause::Finished));
            let (sent, phase, _) = run(CHARGEN, 7, reads(&input, read), writes(&input, write));
            assert_eq!(phase, Phase::Closed(Cause::Finished));
            let expected = pattern.iter().cycle().take(sent.len());
            assert!(!sent.is_empty() && sent.iter().eq(expected), "chargen, read {read}");
        }
    }
}

#[test]
fn requests_to_the_daemon_are_found_in_every_chunking() {
    let (mut input, mut expected) = (b"probe\n".to_vec(), b"probe\n".to_vec());
    for (request, answer) in [
        ("probe pause 0\n", "probe pausing 0\n"),
        (" probe pause 0\n\n", " probe pause 0\n\n"),
        ("probe later 0 text\n", "text\n"),
        ("probe pause\n", "probe error: MS is a number of milliseconds from 0 to 60000\n"),
        ("probe name !\r\n", "probe error: a NAME has 1 to 32 letters, digits and -\n"),
        ("probe pause 0", "probe pause 0"),
    ] {
        input.extend_from_slice(request.as_bytes());
        expected.extend_from_slice(answer.as_bytes());
    }
    for read in 1..=input.len() {
        for write in [1, 2, 13, 200] {
            let (sent, phase, tally) = run(PROBE, 7, reads(&input, read), writes(&input, write));
            let sent = String::from_utf8(sent).unwrap();
            assert_eq!(sent.as_bytes(), expected, "{sent:?}, read {read}, write {write}");
            assert_eq!(phase, Phase::Closed(Cause::Finished));
            assert_eq!((tally.bytes_in, tally.lines), (num::to_u64(input.len()), 8));
        }
    }
}

#[test]
fn a_stream_goes_on_where_its_peer_stopped_taking() {
    let (stream, wire) = ScriptedStream::new([In::Bytes(b"ignored".to_vec())]);
    wire.borrow_mut().writes = [Out::Take(10), Out::Block, Out::Block, Out::Take(5)].into();
    let mut shared = Shared::new(CHARGEN, 7);
    let mut connection =
        Connection::new(stream, Peer::unix(1), shared.listener(0), None, MonotonicMs(0));
    connection.mark(Ready::READABLE.union(Ready::WRITABLE));
    let mut steps = (0..4).map(|_| connection.serve(&mut shared));
    assert!(steps.any(|step| step == NextStep::Idle), "it waits for the peer");
    assert_eq!(wire.borrow().sent, b" !\"#$%&'()");
    connection.mark(Ready::WRITABLE);
    assert_eq!(connection.serve(&mut shared), NextStep::Idle, "and no longer than for an event");
    connection.mark(Ready::WRITABLE);
    connection.serve(&mut shared);
    assert!(wire.borrow().sent.starts_with(b" !\"#$%&'()*+,-."), "nothing is missing");
}

#[test]
fn every_split_of_records_gives_the_same_sums() {
    let numbers: Vec<i64> = (0..20).map(|n| n * 1_000_000_007 - 5).collect();
    let input: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
    let sums: Vec<u8> =
        numbers.chunks(2).flat_map(|pair| (pair[0] + pair[1]).to_be_bytes()).collect();
    for read in 1..=input.len() {
        let reads = input.chunks(read).map(|bytes| In::Bytes(bytes.to_vec())).chain([In::End]);
        let (sent, phase, tally) = run(SUM_XDR, 1, reads, []);
        assert_eq!(sent, sums, "read {read}");
        assert_eq!(phase, Phase::Closed(Cause::Finished));
        assert_eq!(tally.lines, 10);
    }
}

fn a_read() -> impl Strategy<Value = In> {
    prop_oneof![
        6 => vec(prop_oneof![Just(b'\n'), any::<u8>()], 1..80).prop_map(In::Bytes),
        1 => Just(In::Block),
        1 => Just(In::Fail(Errno::INTR)),
    ]
}

fn a_write() -> impl Strategy<Value = Out> {
    prop_oneof![
        4 => (1_usize..100).prop_map(Out::Take),
        1 => Just(Out::Block),
        1 => Just(Out::Fail(Errno::INTR)),
    ]
}

fn input_of(reads: &[In]) -> Vec<u8> {
    let bytes = reads.iter().filter_map(|read| match read {
        In::Bytes(bytes) => Some(bytes.as_slice()),
        In::Block | In::End | In::Fail(_) => None,
    });
    bytes.collect::<Vec<_>>().concat()
}

proptest! {
    #[test]
    fn any_sequence_of_reads_and_writes_loses_no_byte(
        reads in vec(a_read(), 0..60),
        writes in vec(a_write(), 0..120),
        line_bytes_max in 1_usize..100,
    ) {
        let input = input_of(&reads);
        let script = reads.iter().cloned().chain([In::End]);
        let (sent, phase, _) = run(ECHO, line_bytes_max, script.clone(), writes.clone());
        prop_assert_eq!(&sent, &input);
        prop_assert_eq!(phase, Phase::Closed(Cause::Finished));
        for service in [RAW, PROBE] {
            let (sent, _, _) = run(service, line_bytes_max, script.clone(), writes.clone());
            prop_assert_eq!(&sent, &input);
        }
        let (sums, _, _) = run(SUM, line_bytes_max, script, writes);
        prop_assert_eq!(sums, sum_of_all(&input, line_bytes_max));
    }

    #[test]
    fn a_drain_at_any_moment_neither_cuts_a_request_nor_mixes_replies(
        pieces in vec(vec(prop_oneof![Just(b'\n'), Just(b' '), b'0'..=b'9'], 1..40), 0..40),
        writes in vec(a_write(), 0..120),
        drain_at in 0_usize..60,
    ) {
        let input = pieces.concat();
        // The whole input is in the socket from the start: a drain sends FIN once the socket is
        // empty.
        let script = || pieces.iter().cloned().map(In::Bytes).chain([In::End]);
        for service in [ECHO, RAW, PROBE] {
            let (sent, _, _) = run_draining(service, 64, script(), writes.clone(), drain_at);
            prop_assert_eq!(&sent, &input);
        }
        let (sums, _, _) = run_draining(SUM, 64, script(), writes, drain_at);
        prop_assert_eq!(sums, sum_of_all(&input, 64));
    }

    #[test]
    fn a_fault_at_any_place_ends_it_with_its_cause_and_a_prefix(
        reads in vec(a_read(), 0..30),
        writes in vec(a_write(), 0..30),
        at in 0_usize..30,
        reading in any::<bool>(),
    ) {
        let input = input_of(&reads);
        let mut reads = reads;
        let mut writes = writes;
        reads.push(In::Bytes(b"the last\n".to_vec()));
        if reading {
            reads.insert(at.min(reads.len()), In::Fail(Errno::CONNRESET));
        } else {
            writes.insert(at.min(writes.len()), Out::Fail(Errno::CONNRESET));
        }
        reads.push(In::End);
        let (sent, phase, _) = run(ECHO, 64, reads, writes);
        let whole = [input, b"the last\n".to_vec()].concat();
        prop_assert!(whole.starts_with(&sent), "what came out is the beginning of what went in");
        if phase == Phase::Closed(Cause::Finished) {
            // The error is in a write that never happened.
            prop_assert!(!reading && sent == whole);
        } else {
            prop_assert_eq!(phase, Phase::Closed(Cause::Reset));
        }
    }
}
