use super::*;

fn ledger(format: WireFormat, sent: &[u8], received: &[u8]) -> Ledger {
    let mut ledger = Ledger::new(format);
    // In pieces, as a socket delivers bytes.
    sent.chunks(3).for_each(|piece| ledger.sent(piece));
    received.chunks(5).for_each(|piece| _ = ledger.received(piece));
    ledger
}

#[test]
fn every_complete_line_has_an_outstanding_echo() {
    let table: [(&[u8], &[u8], u64); 7] = [
        (b"", b"", 0),
        (b"one", b"", 0),
        (b"one\n", b"", 1),
        (b"one\n", b"on", 1),
        (b"one\n", b"one\n", 0),
        (b"one\ntwo\nthr", b"one\n", 1),
        (b"", b"a greeting\n", 0),
    ];
    for (sent, received, outstanding) in table {
        assert_eq!(
            ledger(WireFormat::Text, sent, received).outstanding(),
            outstanding,
            "{sent:?} {received:?}"
        );
    }
}

#[test]
fn at_the_end_an_unfinished_line_counts_too() {
    let table: [(&[u8], &[u8], Option<&str>); 10] = [
        (b"", b"", None),
        (b"one\ntwo", b"one\ntwo", None),
        (b"one\ntwo", b"one\n", Some("1 line owed")),
        (b"one\ntwo\n", b"", Some("2 lines owed")),
        (b"one\ntwo", b"one\nt", Some("the last echo cut short")),
        (b"one\n", b"one", Some("the last echo cut short")),
        (b"one\n", b"welcome", Some("the last echo cut short")),
        // Sums: one reply line for each request, shorter or longer, and the last always with a
        // newline.
        (b"11 22\n1 2", b"33\n3\n", None),
        (b"eleven\n", b"error: expected two numbers\n", None),
        (b"11 22\n", b"3", Some("the last echo cut short")),
    ];
    for (sent, received, missing) in table {
        let mut ledger = Ledger::new(WireFormat::Text);
        ledger.sent(sent);
        ledger.ended();
        received.chunks(5).for_each(|piece| _ = ledger.received(piece));
        assert_eq!(ledger.missing().as_deref(), missing, "{sent:?} {received:?}");
    }
}

#[test]
fn records_are_counted_by_their_size() {
    // Newlines in records have no meaning.
    let both = ledger(WireFormat::Xdr, &[b'\n'; 32], &[b'\n'; 12]);
    assert_eq!(both.outstanding(), 1);
    assert_eq!(both.missing().as_deref(), Some("the last echo cut short"));
    assert!(!both.at_boundary());
    let one = ledger(WireFormat::Xdr, &[0; 32], &[0; 8]);
    assert_eq!(one.missing().as_deref(), Some("1 line owed"));
    let none = ledger(WireFormat::Xdr, &[0; 32], &[0; 16]);
    assert_eq!((none.missing(), none.at_boundary()), (None, true));
}

#[test]
fn it_is_shown_as_in_the_closing_line() {
    let known = ledger(WireFormat::Text, b"one\ntwo", b"one\n");
    assert_eq!(known.to_string(), "bytes_out=7 bytes_in=4 lines_out=2 lines_in=1");
    let greeted = ledger(WireFormat::Text, b"", b"hi\n");
    assert_eq!(
        greeted.to_string(),
        "bytes_out=0 bytes_in=3 lines_out=0 lines_in=1 bytes_unasked=3"
    );
}

/// An event in a story.
#[derive(Clone, Copy, Debug)]
enum Event {
    Sent(&'static str),
    Came(&'static str),
    Fin,
}

use Event::{Came, Fin, Sent};

/// Plays the story. Returns the outstanding replies, the missing ones if the connection ends then,
/// and the unrequested bytes.
fn counts(story: &[Event], size: usize) -> (u64, Option<String>, u64) {
    let mut ledger = Ledger::new(WireFormat::Text);
    for event in story {
        match event {
            Sent(text) => ledger.sent(text.as_bytes()),
            Came(text) => {
                text.as_bytes().chunks(size).for_each(|piece| _ = ledger.received(piece));
            }
            Fin => ledger.ended(),
        }
    }
    (ledger.outstanding(), ledger.missing(), ledger.unrequested_bytes())
}

#[test]
fn c14_data_received_while_no_reply_is_outstanding_is_no_reply() {
    let stories: [(&[Event], u64, u64); 20] = [
        (&[Came("hi\n"), Sent("one\n")], 1, 3),
        (&[Came("hi\n"), Sent("one\n"), Came("one\n")], 0, 3),
        (&[Came("hi\nho\nhe\n"), Sent("one\ntwo\n"), Came("one\n")], 1, 9),
        // After the echo, in the same read, and between two echoes.
        (&[Sent("one\n"), Came("one\nbye\n"), Sent("two\n")], 1, 4),
        (&[Sent("one\n"), Came("one\nbye\n"), Sent("two\n"), Came("two\n")], 0, 4),
        (&[Sent("one\n"), Came("one\n\n\n\n"), Sent("\n"), Sent("\n"), Came("\n")], 1, 3),
        // After the last echo, with our FIN sent.
        (&[Sent("one\n"), Fin, Came("one\nbye\n")], 0, 4),
        (&[Sent("one\n"), Fin, Came("one\nbye")], 0, 3),
        // A prompt: the rest of its line is the echo.
        (&[Came("> "), Sent("one\n"), Came("one\n> "), Sent("two\n"), Came("two\n> ")], 0, 6),
        (&[Came("> "), Sent("one\n")], 1, 2),
        // A greeting in two parts, with a line sent in between.
        (&[Came("hi"), Sent("one\n"), Came(" there\n")], 1, 9),
        (&[Came("hi"), Sent("one\n"), Came("\n")], 1, 3),
        (&[Came("hi"), Sent("one\n"), Came(" there\none\n")], 0, 9),
        // A greeting that arrives after the first line was sent.
        (&[Sent("one\ntwo\n"), Came("hi\none\n")], 1, 3),
        (&[Sent("one\ntwo\n"), Came("hi\nho\none\ntwo\n")], 0, 6),
        (&[Sent("one\ntwo\n"), Came("hi\nho\none\n")], 1, 6),
        (&[Sent("1 2\n"), Came("3\nerror: bye\n1"), Sent("3 4\n")], 1, 12),
        (&[Sent("one\n"), Came("one\n"), Sent("two\nthree\n"), Came("note\ntwo\n")], 1, 5),
        // In the middle of a line that we send.
        (&[Sent("on"), Came("go on\n"), Sent("e\n")], 1, 6),
        (&[Sent("on"), Came("go"), Sent("e\n"), Came("\n")], 1, 3),
    ];
    for (story, outstanding, unrequested) in stories {
        for size in [1, 2, 100] {
            let (found, missing, bytes) = counts(story, size);
            assert_eq!((found, bytes), (outstanding, unrequested), "{story:?} by {size}");
            assert_eq!(missing.is_some(), outstanding > 0, "{story:?} by {size}: {missing:?}");
        }
    }
}

#[test]
fn c14_replies_that_are_no_echoes_count_too() {
    let stories: [&[Event]; 7] = [
        &[Sent("11 22\n1 2\n"), Came("33\n3\n")],
        &[Sent("11 22\n1 2"), Came("33\n"), Fin, Came("3\n")],
        // A sum line that is too long is refused before its end.
        &[Sent("11 2"), Came("error: this line is longer than 3 bytes\n"), Sent("2\n")],
        &[Sent("1 2\n11 2"), Came("3\nerror: this line is longer"), Sent("2\n"), Came(".\n")],
        // An echo of a line's beginning, before its end is sent.
        &[Sent("on"), Came("on"), Sent("e\n"), Came("e\n")],
        &[Sent("one\ntw"), Came("one\ntw"), Sent("o\n"), Came("o\n")],
        &[Sent("one\ntwo"), Came("one\n"), Fin, Came("two")],
    ];
    for story in stories {
        for size in [1, 2, 100] {
            assert_eq!(counts(story, size), (0, None, 0), "{story:?} by {size}");
        }
    }
}

#[test]
fn c14_the_echo_of_a_line_of_any_length_is_recognized() {
    for length in [10, 4095, 4096, 4097, 10_000] {
        let line = [&vec![b'x'; length], &b"\n"[..]].concat();
        let mut ledger = Ledger::new(WireFormat::Text);
        ledger.sent(&line);
        ledger.sent(b"two\n");
        ledger.received(b"hi\n");
        assert_eq!(ledger.outstanding(), 1, "it may be a reply");
        line.chunks(1000).for_each(|piece| _ = ledger.received(piece));
        assert_eq!((ledger.outstanding(), ledger.unrequested_bytes()), (1, 3), "{length}");
    }
}

#[test]
fn c14_records_to_nothing_are_none() {
    let mut ledger = Ledger::new(WireFormat::Xdr);
    assert_eq!(ledger.received(&[0; 8]), 0..0);
    ledger.sent(&[0; 20]);
    assert_eq!(ledger.received(&[0; 12]), 0..8, "half a request is none");
    assert_eq!((ledger.outstanding(), ledger.unrequested_bytes()), (0, 12));
}
