//! Tests of the tables and of the trace parser.

use super::calls::{LEFT_OUT, SWEPT, swept};
use super::trace::{Stage, Trace};

#[test]
fn no_fault_is_both_swept_and_left_out() {
    for (name, errno, _) in LEFT_OUT {
        let row = swept(name);
        assert!(row.is_none_or(|row| !row.errnos.contains(errno) && *errno != "*"), "{name}");
    }
}

#[test]
fn every_call_has_one_row() {
    for call in SWEPT {
        let rows = SWEPT.iter().filter(|other| other.name == call.name);
        assert_eq!(rows.count(), 1, "{}", call.name);
    }
}

fn trace(lines: &[&str]) -> Trace {
    Trace::of(&lines.join("\n"))
}

#[test]
fn calls_are_counted_from_process_start_and_listed_from_main() {
    let calls = trace(&[
        "close(3) = 0",
        "ppoll([{fd=2, events=POLLOUT}], 1, ...) = 1",
        "close(4) = 0",
        "epoll_wait(7, [], 1024, 0) = 0",
        "close(5) = 0",
        "--- SIGTERM {si_signo=SIGTERM} ---",
        "close(6) = 0",
    ]);
    let closes: Vec<_> =
        calls.occurrences().into_iter().filter(|one| one.name == "close").collect();
    let found: Vec<_> = closes.iter().map(|one| (one.stage, one.number)).collect();
    assert_eq!(found, [(Stage::Start, 2), (Stage::Service, 3), (Stage::Drain, 4)]);
}

/// Seven bytes, into a buffer of nine.
const READ: &str = "recvfrom(10, \"(a) = 1\", 9, 0, NULL, NULL) = 7";

#[test]
fn a_fin_before_the_last_reply_is_found() {
    let begin = ["accept4(3, {}, [128 => 16], 0) = 10", READ];
    let all = |rest: &[&str]| trace(&[&begin[..], rest].concat()).wrong_closes().len();
    assert_eq!(all(&["sendto(10, \"\", 7, 0) = 7", "shutdown(10, SHUT_WR) = 0"]), 0);
    assert_eq!(all(&["sendto(10, \"\", 7, 0) = 6", "shutdown(10, SHUT_WR) = 0"]), 1);
    assert_eq!(all(&["close(10) = 0"]), 1);
    assert_eq!(
        all(&["recvfrom(10, 0x5, 9, 0, NULL, NULL) = -1 ECONNRESET (...)", "close(10) = 0"]),
        0
    );
}

#[test]
fn a_fin_before_the_end_of_the_input_is_found() {
    let begin = ["accept4(3, {}, [128 => 16], 0) = 10"];
    let end = ["sendto(10, \"\", 7, 0) = 7", "shutdown(10, SHUT_WR) = 0"];
    let signal = "--- SIGTERM {si_signo=SIGTERM} ---";
    let all = |reads: &[&str]| trace(&[&begin[..], reads, &end].concat()).wrong_closes().len();
    let full = "recvfrom(10, \"1234, 6\", 7, 0, NULL, NULL) = 7";
    let none = "recvfrom(10, 0x5, 9, 0, NULL, NULL) = -1 EAGAIN (...)";
    let fin = "recvfrom(10, \"\", 9, 0, NULL, NULL) = 0";
    assert_eq!([all(&[READ]), all(&[full, none]), all(&[full, fin])], [0; 3]);
    assert_eq!(all(&[full]), 1);
    assert_eq!(all(&[signal, READ]), 0);
    assert_eq!(all(&[READ, fin, signal]), 0);
    assert_eq!(all(&[READ, signal]), 1, "a drain that reads nothing");
    let unread = trace(&[begin[0], signal, "shutdown(10, SHUT_WR) = 0"]);
    assert_eq!(unread.wrong_closes().len(), 1, "nothing was read");
}
