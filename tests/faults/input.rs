//! Input: long lines, control characters, random bytes, and records.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::support::{Daemon, pattern};

/// The reply of the sum service to a line over the limit.
const TOO_LONG: &str = "error: this line is longer than 4096 bytes\n";

#[test]
fn i01_a_line_of_a_megabyte_is_echoed_whole() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    let mut line = vec![b'x'; 1 << 20];
    line.push(b'\n');
    let sending = peer.send_beside(line.clone());
    assert!(peer.recv_exact(line.len()) == line);
    sending.join().unwrap().unwrap();
    peer.echo(b"and on\n");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn i01_a_line_of_a_megabyte_is_one_error_to_sum() {
    let daemon = Daemon::start(&["--service", "sum"]);
    let mut peer = daemon.connect();
    let mut input = vec![b'1'; 1 << 20];
    input.extend(b"\n1 2\n");
    peer.send(&input);
    let expected = format!("{TOO_LONG}3\n");
    assert_eq!(peer.recv_exact(expected.len()), expected.as_bytes());
    peer.half_close();
    assert_eq!(peer.read_to_end(), b"", "one error for one line");
    drop(peer);
    daemon.epilogue_with(b"1 2\n", b"3\n");
}

#[test]
fn i02_an_endless_line_takes_no_more_memory_than_a_long_one() {
    for (service, request, reply) in [("echo", "ok\n", "ok\n"), ("sum", "1 2\n", "3\n")] {
        let daemon = Daemon::start(&["--service", service]);
        let mut peer = daemon.connect();
        peer.exchange(request.as_bytes(), reply.as_bytes());
        let before = daemon.resident_bytes();
        let total = 64 << 20;
        let sending = peer.send_beside(vec![b'1'; total]);
        if service == "echo" {
            let mut received = 0;
            while received < total - 4096 {
                let piece = peer.recv_some(1 << 16);
                assert!(piece.iter().all(|byte| *byte == b'1'));
                received += piece.len();
            }
        } else {
            assert_eq!(peer.recv_exact(TOO_LONG.len()), TOO_LONG.as_bytes());
        }
        sending.join().unwrap().unwrap();
        let grown = daemon.resident_bytes().saturating_sub(before);
        assert!(grown < 2 << 20, "{service}: grown by {grown} bytes");
        drop(peer);
        daemon.epilogue_with(request.as_bytes(), reply.as_bytes());
    }
}

#[test]
fn i03_lengths_around_the_longest_line_are_each_answered_exactly() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    for length in [0, 1, 4094, 4095, 4096, 4097, 8191, 8192, 8193, 65_535, 65_536, 65_537] {
        let mut line = vec![b'x'; length];
        line.push(b'\n');
        peer.echo(&line);
    }
    drop(peer);
    daemon.epilogue();

    let daemon = Daemon::start(&["--service", "sum", "--max-line", "16"]);
    let mut peer = daemon.connect();
    peer.exchange(b"0000000001 0002\n", b"3\n");
    peer.exchange(b"00000000001 0002\n", b"error: this line is longer than 16 bytes\n");
    peer.exchange(b"1 2\n", b"3\n");
    drop(peer);
    daemon.epilogue_with(b"1 2\n", b"3\n");
}

#[test]
fn i04_empty_lines_and_carriage_returns_come_back_as_they_were() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    for line in ["\n", "\r\n", "\r\r\n", "\n\n\n", "a\rb\n", "\r\n\n\r\n"] {
        peer.echo(line.as_bytes());
    }
    // Split between the carriage return and the newline.
    peer.send(b"a\r");
    daemon.wait_for_status("the half-line is read", |status| status.count("bytes_in") == 20);
    peer.send(b"\n");
    assert_eq!(peer.recv_exact(3), b"a\r\n");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn i05_every_byte_comes_back_as_it_was() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    let mut all: Vec<u8> = (0..=255).collect();
    all.extend((0..=255).rev());
    all.push(b'\n');
    peer.echo(&all);
    peer.echo(b"\0\n");
    peer.echo(&[0xff, 0xfe, 0xc0, 0x80, b'\n']);
    peer.send(&all[..256]);
    peer.half_close();
    let rest = peer.read_to_end();
    assert_eq!(rest, all[..256], "also the bytes after the last newline");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn i06_random_bytes_in_random_pieces_come_back_as_they_were() {
    let daemon = Daemon::start(&["--max-line", "50"]);
    let byte = prop_oneof![any::<u8>(), Just(b'\n'), Just(b'x')];
    let pieces = prop::collection::vec(prop::collection::vec(byte, 1..200), 0..20);
    let mut runner = TestRunner::new(Config { cases: 100, ..Config::default() });
    let outcome = runner.run(&pieces, |pieces| {
        let mut peer = daemon.connect();
        for piece in &pieces {
            peer.send(piece);
        }
        peer.half_close();
        prop_assert_eq!(peer.read_to_end(), pieces.concat());
        Ok(())
    });
    outcome.unwrap();
    daemon.epilogue();
}

#[test]
fn i07_many_lines_in_few_segments_and_single_bytes_are_echoed_whole() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    let lines = b"x\n".repeat(100_000);
    let sending = peer.send_beside(lines.clone());
    assert!(peer.recv_exact(lines.len()) == lines);
    sending.join().unwrap().unwrap();
    assert_eq!(daemon.status().count("lines"), 100_000);
    let bytes = pattern(3000);
    for byte in &bytes {
        peer.send(&[*byte]);
    }
    assert!(peer.recv_exact(bytes.len()) == bytes);
    drop(peer);
    daemon.epilogue();
}

/// A request of the sum-xdr service.
fn record(first: i64, second: i64) -> Vec<u8> {
    [first.to_be_bytes(), second.to_be_bytes()].concat()
}

#[test]
fn i09_records_cut_anywhere_are_answered() {
    let daemon = Daemon::start(&["--service", "sum-xdr"]);
    let mut peer = daemon.connect();
    for cut in 1..16 {
        let record = record(11, 22);
        let before = daemon.status().count("bytes_in");
        let read = before + u64::try_from(cut).unwrap();
        peer.send(&record[..cut]);
        daemon.wait_for_status("the half is read", |status| status.count("bytes_in") == read);
        peer.exchange(&record[cut..], &33_i64.to_be_bytes());
    }
    drop(peer);
    daemon.epilogue_with(&record(-1, 1), &0_i64.to_be_bytes());
}

#[test]
fn i09_a_protocol_error_closes_its_connection_after_the_replies() {
    let daemon = Daemon::start(&["--service", "sum-xdr"]);
    let mut bystander = daemon.connect();
    let truncated = record(1, 2)[..15].to_vec();
    let overflow = record(i64::MAX, 1);
    for violation in [truncated, overflow, record(i64::MIN, -1)] {
        let mut peer = daemon.connect();
        peer.send(&record(20, 3));
        peer.send(&violation);
        peer.half_close();
        assert_eq!(peer.read_to_end(), 23_i64.to_be_bytes());
        assert_eq!(daemon.closing(peer.address()).cause, "protocol");
        bystander.exchange(&record(1, 2), &3_i64.to_be_bytes());
    }
    // Empty input is not a truncated record.
    let mut peer = daemon.connect();
    peer.half_close();
    assert_eq!(peer.read_to_end(), b"");
    assert_eq!(daemon.closing(peer.address()).cause, "finished");
    drop((peer, bystander));
    daemon.epilogue_with(&record(1, 2), &3_i64.to_be_bytes());
}

#[test]
fn i10_sums_are_exact_or_an_error_on_any_host() {
    let daemon = Daemon::start(&["--service", "sum"]);
    let mut peer = daemon.connect();
    for (request, reply) in [
        ("11 22", "33"),
        ("-11 +22", "11"),
        ("2147483647 1", "2147483648"),
        ("4294967295 1", "4294967296"),
        ("9223372036854775807 0", "9223372036854775807"),
        ("9223372036854775807 1", "error: the sum does not fit into 64 bits"),
        ("-9223372036854775808 -1", "error: the sum does not fit into 64 bits"),
        ("9223372036854775808 0", "error: a number does not fit into 64 bits"),
        ("0x10 1", "error: expected two numbers, found a word that is none"),
        ("1\0 2", "error: expected two numbers, found a word that is none"),
        ("1", "error: expected two numbers, found fewer"),
        ("", "error: expected two numbers, found fewer"),
        ("1 2 3", "error: expected two numbers, found more"),
    ] {
        peer.exchange(format!("{request}\n").as_bytes(), format!("{reply}\n").as_bytes());
    }
    peer.exchange(b"\xff\xfe 1\n", b"error: this line is not text\n");
    drop(peer);
    daemon.epilogue_with(b"1 2\n", b"3\n");

    let daemon = Daemon::start(&["--service", "sum-xdr"]);
    let mut peer = daemon.connect();
    for (first, second) in [(1, 2), (-1, 1), (i64::MAX, i64::MIN), (1 << 40, 1 << 40)] {
        peer.exchange(&record(first, second), &(first + second).to_be_bytes());
    }
    drop(peer);
    daemon.epilogue_with(&record(1, 2), &3_i64.to_be_bytes());
}
