//! PROXY headers: whole, in pieces, missing, and malformed.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use rustix::io::Errno;

use super::*;
use crate::line::READ_BYTES_MAX;
use crate::net::proxy::{self, Version};
use crate::service::{SUM, SUM_XDR};

pub(super) const CLIENT: &str = "192.0.2.7:4711";

pub(super) fn header(version: Version) -> Vec<u8> {
    let to = SocketAddr::from(([127, 0, 0, 1], 9877));
    proxy::header(version, Some((CLIENT.parse().unwrap(), to)))
}

/// Creates a connection that waits for a header and reads these pieces.
pub(super) fn introduced_by(service: Service, policy: HeaderPolicy, pieces: &[&[u8]]) -> Bench {
    let reads = pieces.iter().filter(|piece| !piece.is_empty());
    let (stream, wire) = ScriptedStream::new(reads.map(|piece| In::Bytes(piece.to_vec())));
    let peer = Peer::from(SocketAddr::from(([127, 0, 0, 1], 1)));
    let shared = Shared::new(service, 4096);
    let connection =
        Connection::new(stream, peer, shared.listener(0), Some(policy), MonotonicMs(0));
    Bench { connection, wire, shared }
}

impl Bench {
    /// Marks an event and serves all that follows; admits the connection once it is identified.
    pub(super) fn admitted(&mut self, ready: Ready) -> NextStep {
        let mut step = self.event(ready);
        while step == NextStep::Identified {
            step = self.connection.answer_buffered(&mut self.shared);
            if step == NextStep::Yield {
                step = self.event(Ready::NONE);
            }
        }
        step
    }

    pub(super) fn end(&mut self) {
        self.wire.borrow_mut().reads.push_back(In::End);
    }

    pub(super) fn peer(&self) -> String {
        self.connection.peer().to_string()
    }
}

#[test]
fn every_split_of_a_header_names_the_client_and_loses_nothing() {
    let input = b"one\ntwo\nand a tail";
    for policy in [HeaderPolicy::Optional, HeaderPolicy::Required] {
        for version in [Version::V1, Version::V2] {
            let all = [&header(version)[..], input].concat();
            for split in 0..=all.len() {
                for ready in [READABLE, FIN] {
                    let mut bench = introduced_by(ECHO, policy, &[&all[..split], &all[split..]]);
                    bench.admitted(ready);
                    bench.admitted(ready);
                    bench.end();
                    assert_eq!(bench.admitted(FIN), NextStep::Closed, "split {split}");
                    assert_eq!(bench.sent(), input, "{version:?}, split {split}");
                    assert_eq!(bench.peer(), CLIENT);
                    assert_eq!(bench.phase(), Phase::Closed(Cause::Finished));
                    let tally = Traffic { bytes_in: 18, bytes_out: 18, lines: 3 };
                    assert_eq!(bench.connection.traffic(), tally, "the header does not count");
                }
            }
        }
    }
}

#[test]
fn a_header_in_single_bytes_and_much_behind_it_are_read() {
    let line = [vec![b'x'; 99], vec![b'\n']].concat();
    let input = line.repeat(3 * READ_BYTES_MAX / line.len());
    for version in [Version::V1, Version::V2] {
        let header = header(version);
        let mut pieces: Vec<_> = header.chunks(1).collect();
        pieces.push(&input);
        let mut bench = introduced_by(ECHO, HeaderPolicy::Required, &pieces);
        while bench.readable_left() > 0 {
            bench.admitted(FIN);
        }
        assert!(bench.sent() == input);
        assert_eq!(bench.peer(), CLIENT);
        assert!(bench.connection.pending.is_none());
    }
}

#[test]
fn other_services_have_headers_too() {
    let records = [1_i64.to_be_bytes(), 2_i64.to_be_bytes()].concat();
    for (service, input, reply) in
        [(SUM, &b"1 2\n3 4\n"[..], &b"3\n7\n"[..]), (SUM_XDR, &records, &3_i64.to_be_bytes())]
    {
        for split in 1..input.len() {
            let first = [&header(Version::V2)[..], &input[..split]].concat();
            let mut bench =
                introduced_by(service, HeaderPolicy::Required, &[&first, &input[split..]]);
            bench.admitted(FIN);
            assert_eq!(bench.sent(), reply, "{} split {split}", service.name);
        }
    }
}

#[test]
fn a_violation_right_behind_a_header_ends_it() {
    let overflow = [i64::MAX.to_be_bytes(), 1_i64.to_be_bytes()].concat();
    let all = [&header(Version::V1)[..], &overflow].concat();
    let mut bench = introduced_by(SUM_XDR, HeaderPolicy::Required, &[&all]);
    bench.admitted(READABLE);
    assert_eq!(bench.phase(), Phase::Lingering(Cause::Protocol));
}

#[test]
fn where_a_header_is_optional_anything_else_is_input() {
    for input in [
        &b"at once\n"[..],
        b"PROXX\n",
        b"\r\n\r\n\0\r\nQUIZ\n",
        b"PROXY TCP4 localhost\r\n",
        b"PROXY protocol is what this is about, and it is a line like any other, only too long \
          for a header's\n",
    ] {
        let mut bench = introduced_by(ECHO, HeaderPolicy::Optional, &[input]);
        bench.admitted(READABLE);
        assert_eq!(bench.sent(), input, "{}", String::from_utf8_lossy(input));
        assert_eq!((bench.phase(), bench.peer().as_str()), (Phase::Open, "127.0.0.1:1"));
    }
    for ambiguous in [&b"\r\n"[..], b"P", b"PROXY ", b"PROXY TCP4 192.0.2.1", b"\r\n\r\n\0"] {
        for split in 0..ambiguous.len() {
            let pieces = [&ambiguous[..split], &ambiguous[split..]];
            let mut at_fin = introduced_by(ECHO, HeaderPolicy::Optional, &pieces);
            at_fin.admitted(READABLE);
            assert_eq!(at_fin.phase(), Phase::ProxyHeader(HeaderPolicy::Optional));
            at_fin.end();
            assert_eq!(at_fin.admitted(FIN), NextStep::Closed);
            assert_eq!((at_fin.sent().as_slice(), at_fin.phase()), (ambiguous, FINISHED));

            let mut going_on = introduced_by(ECHO, HeaderPolicy::Optional, &pieces);
            going_on.admitted(FIN);
            assert_eq!(going_on.expire(5000), NextStep::Identified);
            going_on.connection.answer_buffered(&mut going_on.shared);
            assert_eq!(going_on.phase(), Phase::Open);
            going_on.end();
            assert_eq!(going_on.admitted(FIN), NextStep::Closed);
            assert_eq!((going_on.sent().as_slice(), going_on.phase()), (ambiguous, FINISHED));
        }
    }
}

pub(super) const FINISHED: Phase = Phase::Closed(Cause::Finished);

#[test]
fn where_a_header_is_required_anything_else_is_a_violation() {
    let version_3 = b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c";
    for wrong in [&b"no header\n"[..], b"PROXY TCP4 garbage\r\n", version_3] {
        let mut bench = introduced_by(ECHO, HeaderPolicy::Required, &[wrong, b"and more\n"]);
        bench.event(FIN);
        bench.end();
        assert_eq!(bench.event(FIN), NextStep::Closed);
        assert_eq!(bench.phase(), Phase::Closed(Cause::Protocol));
        assert_eq!(bench.sent(), b"");
        assert!(bench.wire.borrow().half_closed, "in order, so that the sender can read why");
    }
    for version in [Version::V1, Version::V2] {
        let whole = header(version);
        for length in 1..whole.len() {
            let mut bench = introduced_by(ECHO, HeaderPolicy::Required, &[&whole[..length]]);
            bench.end();
            assert_eq!(bench.event(FIN), NextStep::Closed);
            assert_eq!(bench.phase(), Phase::Closed(Cause::Protocol), "truncated at {length}");
        }
    }
}

#[test]
fn fin_without_input_is_no_violation() {
    for policy in [HeaderPolicy::Optional, HeaderPolicy::Required] {
        let mut silent = introduced_by(ECHO, policy, &[]);
        silent.end();
        assert_eq!(silent.event(FIN), NextStep::Closed);
        assert_eq!(silent.phase(), FINISHED);

        let mut local = introduced_by(ECHO, policy, &[&proxy::header(Version::V2, None)]);
        local.end();
        assert_eq!(local.admitted(FIN), NextStep::Closed);
        assert_eq!((local.phase(), local.peer().as_str()), (FINISHED, "127.0.0.1:1"));
    }
}

#[test]
fn a_drain_reads_a_header_that_is_there_and_awaits_none() {
    let all = [&header(Version::V2)[..], b"line\ntail"].concat();
    for policy in [HeaderPolicy::Optional, HeaderPolicy::Required] {
        for split in 0..all.len() {
            let mut bench = introduced_by(ECHO, policy, &[&all[..split], &all[split..]]);
            bench.shared.draining = true;
            bench.connection.drain();
            // The socket counts as empty only after a read has returned would-block.
            assert_eq!(bench.event(Ready::READ_TO_EAGAIN), NextStep::Identified);
            bench.connection.answer_buffered(&mut bench.shared);
            bench.connection.drain();
            bench.event(Ready::NONE);
            assert_eq!(bench.sent(), b"line\ntail", "split {split}");
            assert_eq!(bench.phase(), Phase::Lingering(Cause::Drained));
        }
    }
    for half in [&b""[..], b"PROXY TCP4"] {
        let mut required = introduced_by(ECHO, HeaderPolicy::Required, &[half]);
        required.shared.draining = true;
        required.connection.drain();
        assert_eq!(required.event(Ready::NONE), NextStep::Idle);
        assert_eq!(required.phase(), Phase::Lingering(Cause::Drained));
        assert_eq!(required.sent(), b"");

        let mut optional = introduced_by(ECHO, HeaderPolicy::Optional, &[half]);
        optional.shared.draining = true;
        optional.connection.drain();
        assert_eq!(optional.event(Ready::NONE), NextStep::Identified);
        optional.connection.answer_buffered(&mut optional.shared);
        optional.connection.drain();
        optional.event(Ready::NONE);
        assert_eq!(optional.sent(), half);
        assert_eq!(optional.phase(), Phase::Lingering(Cause::Drained));
    }
}

#[test]
fn an_error_before_the_header_is_the_cause() {
    for before in [&b""[..], b"PROXY TCP4"] {
        let mut bench = introduced_by(ECHO, HeaderPolicy::Optional, &[before]);
        bench.wire.borrow_mut().reads.push_back(In::Fail(Errno::CONNRESET));
        assert_eq!(bench.event(RST), NextStep::Closed);
        assert_eq!(bench.phase(), Phase::Closed(Cause::Reset));

        let mut behind_fin = introduced_by(ECHO, HeaderPolicy::Required, &[before]);
        behind_fin.end();
        behind_fin.wire.borrow_mut().pending_error = Some(Errno::PIPE);
        assert_eq!(behind_fin.event(RST), NextStep::Closed);
        assert_eq!(behind_fin.phase(), Phase::Closed(Cause::BrokenPipe));
    }
}

#[test]
fn the_deadline_of_a_header_is_no_lines() {
    let second = Some(Duration::from_secs(1));
    let off = Timeouts::default();
    let timeouts = Timeouts { line: second, stall: second, idle: None };
    let required = introduced_by(ECHO, HeaderPolicy::Required, &[]);
    let expected = Some((MonotonicMs(5000), Cause::LineTimeout));
    assert_eq!(required.connection.deadline(&timeouts), expected, "from accept on");

    let mut optional = introduced_by(ECHO, HeaderPolicy::Optional, &[b"PRO", b"XY"]);
    let expected = Some((MonotonicMs(5000), Cause::LineTimeout));
    assert_eq!(optional.connection.deadline(&off), expected, "a silent connection is served then");
    for now in [100, 600] {
        optional.shared.now = MonotonicMs(now);
        optional.event(READABLE);
    }
    let expected = Some((MonotonicMs(5100), Cause::LineTimeout));
    assert_eq!(optional.connection.deadline(&timeouts), expected, "or from its first byte on");
    assert!(optional.connection.deadline_moved_up());
    assert_eq!(optional.expire(5100), NextStep::Identified);
    optional.shared.now = MonotonicMs(600);
    optional.connection.answer_buffered(&mut optional.shared);
    let expected = Some((MonotonicMs(1100), Cause::LineTimeout));
    assert_eq!(optional.connection.deadline(&timeouts), expected, "it was a line's beginning");
}

#[test]
fn a_short_read_proves_nothing_on_a_unix_socket_behind_a_proxy_too() {
    let (stream, wire) = ScriptedStream::new([In::Bytes(header(Version::V1)), In::Block]);
    let shared = Shared::new(ECHO, 4096);
    let (peer, policy) = (Peer::unix(1), Some(HeaderPolicy::Required));
    let connection = Connection::new(stream, peer, shared.listener(0), policy, MonotonicMs(0));
    let mut bench = Bench { connection, wire, shared };
    bench.admitted(READABLE);
    assert_eq!(bench.peer(), CLIENT);
    bench.wire.borrow_mut().reads = [bytes("one\n"), bytes("two\n"), In::Block].into();
    bench.admitted(READABLE);
    assert_eq!(bench.sent(), b"one\ntwo\n", "one event, two reads");
}

proptest! {
    #[test]
    fn garbage_where_a_header_is_optional_comes_back_whole(
        start in prop_oneof![Just(0), 0_usize..60],
        version in prop_oneof![Just(Version::V1), Just(Version::V2)],
        mut garbage in vec(any::<u8>(), 1..300),
        sizes in vec(1_usize..40, 1..300),
    ) {
        // The beginning of a header and then garbage, unless that happens to continue the header.
        let beginning = header(version);
        let beginning = &beginning[..start.min(beginning.len() - 1)];
        garbage[0] |= 0x80;
        let mut input = [beginning, &garbage].concat();
        let whole = input.clone();
        if let proxy::Parsed::Header { .. } = proxy::parse(&whole) {
            return Ok(());
        }
        let mut bench = introduced_by(ECHO, HeaderPolicy::Optional, &[]);
        for size in sizes.into_iter().cycle() {
            let rest = input.split_off(size.min(input.len()));
            bench.wire.borrow_mut().reads.push_back(In::Bytes(std::mem::replace(&mut input, rest)));
            if input.is_empty() {
                break;
            }
        }
        bench.admitted(FIN);
        bench.end();
        prop_assert_eq!(bench.admitted(FIN), NextStep::Closed);
        prop_assert_eq!(bench.sent(), whole);
        prop_assert_eq!(bench.phase(), FINISHED);
    }
}
