//! Tasks in which everything comes back, sooner or later.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::exam::task::{Judged, Task};

use super::{Client, task};

pub(super) const ECHO: Task = Task {
    did: "gave the client three lines, the second one empty, and the end of the input, and echoed \
          each",
    expected: "the three lines on standard output, and exit status 0",
    hint: "what does the client do with each line, and when is it done?",
    read: "docs/demonstrations/echo.md; UNP 5.4, 5.5",
    ..task("echo", 20, echo)
};

fn echo(client: &mut Client) -> Judged {
    client.batch(b"hello\n\nthe third line\n", |peer, bytes| peer.stream.write_all(bytes))
}

pub(super) const BYTES: Task = Task {
    did: "gave the client every value of a byte, in two lines",
    expected: "the same bytes on standard output, and exit status 0",
    hint: "which byte ends a string in your language, and does it end a line?",
    read: "docs/demonstrations/echo.md; UNP 3.9, 6.7",
    ..task("bytes", 5, bytes)
};

/// 0 ends a string in C, 10 the line, 26 the input of some systems, 255 is EOF as a signed byte.
fn bytes(client: &mut Client) -> Judged {
    let lines: Vec<_> = (0..=u8::MAX).chain(*b"the end\n").collect();
    client.batch(&lines, |peer, bytes| peer.stream.write_all(bytes))
}

pub(super) const END_OF_INPUT: Task = Task {
    did: "gave the client twenty lines and the end of the input at once, and echoed each after a \
          moment",
    expected: "all twenty lines on standard output, and exit status 0",
    hint: "at the end of the input, where are the last lines, and how does the server learn of it?",
    read: "docs/demonstrations/termination.md; UNP 6.5, 6.6",
    ..task("end-of-input", 15, end_of_input)
};

/// A client that ends with its input loses the lines that are still under way. Line by line,
/// because a client may take its first read after the end for the last.
fn end_of_input(client: &mut Client) -> Judged {
    let lines: Vec<_> = (1..=20).map(|number| format!("line {number} of twenty\n")).collect();
    client.batch(lines.concat().as_bytes(), |peer, bytes| {
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            thread::sleep(Duration::from_millis(20));
            peer.stream.write_all(line)?;
        }
        Ok(())
    })
}

pub(super) const PIECES: Task = Task {
    did: "echoed each byte alone, with a pause before the next",
    expected: "whole lines on standard output, and exit status 0",
    hint: "TCP has no boundaries: a read may return less than a line",
    read: "docs/demonstrations/echo.md; UNP 3.9",
    ..task("pieces", 5, pieces)
};

/// Byte by byte, with pauses, so that each read of the client returns one.
fn pieces(client: &mut Client) -> Judged {
    client.batch(b"first in pieces\nsecond in pieces\n", |peer, bytes| {
        for piece in bytes.chunks(1) {
            peer.stream.write_all(piece)?;
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    })
}

pub(super) const SLOW: Task = Task {
    did: "echoed three lines, each a second after it came",
    expected: "the lines on standard output, and exit status 0",
    hint: "a slow server is not a dead one: how long is it worth waiting?",
    read: "docs/demonstrations/host-crash.md; UNP 5.14, 14.2",
    ..task("slow", 5, slow)
};

/// A second is long for a machine, and short for a user at a terminal.
fn slow(client: &mut Client) -> Judged {
    client.batch(b"first slow\nsecond slow\nthird slow\n", |peer, bytes| {
        thread::sleep(Duration::from_secs(1));
        peer.stream.write_all(bytes)
    })
}
