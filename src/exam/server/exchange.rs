//! Tasks with one client: lines, bytes, pieces, and the client's FIN.

use std::time::Duration;

use crate::exam::task::{Judged, Task};

use super::{Server, task};

/// A pause after which a piece has arrived alone.
const PIECE: Duration = Duration::from_millis(10);

pub(super) const ECHO: Task = Task {
    did: "sent a line, waited for its echo, and sent the next: a short line, an empty one, one of \
          1,000 bytes, one of 8,192 bytes, and ten more",
    expected: "each line comes back, byte for byte",
    hint: "how many bytes may one read return, and how many may one write take?",
    read: "docs/demonstrations/echo.md; UNP 5.3, 3.9",
    ..task("echo", 10, echo)
};

/// 8,192 bytes are more than the course's MAXLINE, and may come in several segments.
fn echo(server: &mut Server) -> Judged {
    let mut peer = server.connect()?;
    peer.exchange("hello\n")?;
    peer.exchange("\n")?;
    for length in [1_000, 8_192] {
        peer.exchange(&format!("{}\n", "x".repeat(length - 1)))?;
    }
    for number in 0..10 {
        peer.exchange(&format!("line {number}\n"))?;
    }
    peer.close();
    Ok("each line came back".to_owned())
}

pub(super) const BYTES: Task = Task {
    did: "sent one line for each of the 256 values of a byte",
    expected: "each byte comes back as it was",
    hint: "which byte ends a string in your language, and does it end a line?",
    read: "docs/demonstrations/echo.md; UNP 3.9, 5.18",
    ..task("bytes", 5, bytes)
};

/// Each value between two letters, so that the message shows where the echo differs.
fn bytes(server: &mut Server) -> Judged {
    let mut peer = server.connect()?;
    for value in 0..=u8::MAX {
        let line = [b'a', value, b'b', b'\n'];
        peer.send(&line)?;
        peer.expect(&line)?;
    }
    peer.close();
    Ok("every value came back".to_owned())
}

pub(super) const PIECES: Task = Task {
    did: "sent a line byte by byte, with pauses; then ten lines at once",
    expected: "the line comes back whole, and all ten lines come back, in order",
    hint: "TCP has no boundaries: a read may return less than a line, or more than one",
    read: "docs/demonstrations/echo.md; UNP 2.4, 3.9",
    ..task("pieces", 5, pieces)
};

/// A server may echo each piece, or the line when it is whole: both are right.
fn pieces(server: &mut Server) -> Judged {
    let mut peer = server.connect()?;
    let line = b"one byte after the other\n";
    for piece in line.chunks(1) {
        peer.send(piece)?;
        peer.hold(PIECE);
    }
    peer.expect(line)?;
    let lines: Vec<_> = (0..10).map(|number| format!("at once {number}\n")).collect();
    peer.exchange(&lines.concat())?;
    peer.close();
    Ok("all of it came back in order".to_owned())
}

pub(super) const HALF_CLOSE: Task = Task {
    did: "had a line echoed, then sent another line and FIN at once, and went on reading; \
          five times",
    expected: "the line comes back, and then the server's FIN",
    hint: "after the client's FIN the other direction is still open: what has to be sent first? \
           And which processes have the connection open?",
    read: "docs/demonstrations/termination.md; UNP 5.7, 6.6",
    ..task("half-close", 5, half_close)
};

/// A parent that has not closed its copy of the socket keeps the connection open: no FIN comes.
/// Five times, because FIN may come late enough for a server that drops its output then.
fn half_close(server: &mut Server) -> Judged {
    for _ in 0..5 {
        let mut peer = server.connect()?;
        peer.exchange("before\n")?;
        peer.send(b"the last\n")?;
        peer.half_close();
        peer.expect(b"the last\n")?;
        peer.expect_end()?;
        peer.close();
    }
    Ok("the line came back, and then FIN".to_owned())
}

pub(super) const LAST_LINE: Task = Task {
    did: "sent a line without its newline, and a moment later FIN",
    expected: "the line comes back as it was",
    hint: "the end of the input may come in the middle of a line",
    read: "docs/demonstrations/echo.md; UNP 3.9",
    ..task("last-line", 5, last_line)
};

/// Without the pause, the server might get the line and FIN in one event, which is another task's.
/// The server's FIN is another task's too.
fn last_line(server: &mut Server) -> Judged {
    let mut peer = server.connect()?;
    peer.exchange("whole\n")?;
    peer.send(b"no newline")?;
    peer.hold(PIECE);
    peer.half_close();
    peer.expect(b"no newline")?;
    peer.close();
    Ok("the line came back without a newline".to_owned())
}
