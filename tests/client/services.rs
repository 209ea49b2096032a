//! The course's other services: sums of strings and of binary structures.

use crate::servers::{Daemon, Server};
use crate::support::{Client, run};

#[test]
fn sums_of_strings() {
    let daemon = Daemon::start("sum");
    let end = run(&[], daemon.port, b"11 22\neleven\n-1 1");
    end.echoed("33\nerror: expected two numbers, found fewer\n0\n");
}

#[test]
fn sums_of_binary_structures() {
    let daemon = Daemon::start("sum-xdr");
    let end = run(&["--format", "xdr"], daemon.port, b"11 22\n-5 -6\n\t1  2 \r\n4 4");
    end.echoed("33\n-11\n3\n8\n");
}

#[test]
fn many_sums() {
    let daemon = Daemon::start("sum-xdr");
    let count = 50_000_u32;
    let input: Vec<_> = (0..count).map(|number| format!("{number} -1\n")).collect();
    let sums: Vec<_> = (-1..i64::from(count) - 1).map(|sum| format!("{sum}\n")).collect();
    run(&["--format", "xdr"], daemon.port, input.concat().as_bytes()).echoed(sums.concat());
}

#[test]
fn two_numbers_travel_as_two_hypers() {
    let server = Server::start(|mut peer| {
        let request = peer.rest();
        peer.send(33_i64.to_be_bytes());
        request
    });
    run(&["--format", "xdr"], server.port, b"11 22\n").echoed("33\n");
    let expected = [0, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 22];
    assert_eq!(server.join(), expected);
}

#[test]
fn a_line_that_is_not_two_numbers_is_named_and_the_others_are_sent() {
    let daemon = Daemon::start("sum-xdr");
    let end = run(&["--format", "xdr"], daemon.port, b"1 2\nthree\n3 4\n5\n");
    assert_eq!(
        end.stderr,
        "tcpecho: line 2: expected two numbers\n\
         tcpecho: line 4: expected two numbers\n\
         tcpecho: failed: 2 lines were not sent\n"
    );
    assert_eq!((end.status.code(), end.stdout.as_slice()), (Some(1), &b"3\n7\n"[..]));
}

#[test]
fn a_sum_that_does_not_fit_ends_the_connection() {
    let daemon = Daemon::start("sum-xdr");
    let end = run(&["--format", "xdr"], daemon.port, b"1 2\n9223372036854775807 1\n");
    end.failed(3, "terminated", "1 line owed");
    assert_eq!(end.stdout, b"3\n");
}

#[test]
fn half_a_reply_is_no_success() {
    let server = Server::start(|mut peer| {
        peer.rest();
        peer.send([0, 0, 0, 0]);
    });
    let end = run(&["--format", "xdr"], server.port, b"1 2\n");
    end.failed(3, "terminated", "the last echo cut short");
    assert_eq!(end.stdout, b"");
}

#[test]
fn a_sum_is_shown_before_the_next_numbers_are_typed() {
    let daemon = Daemon::start("sum-xdr");
    let mut client = Client::start(&["--format", "xdr"], daemon.port);
    client.type_in("11 22\n");
    client.shows("33\n");
    client.type_in("1 1\n");
    client.shows("2\n");
    client.finish().echoed("33\n2\n");
}
