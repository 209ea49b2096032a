//! Questions about the data that passes: sizes, bytes, pipelining, the urgent byte, back-pressure.

use std::time::Duration;

use super::link::{Link, Moved, Seen, line_of};
use super::{Asked, Found, Needs, PathQuestion};

pub(super) static QUESTIONS: &[PathQuestion] = &[
    PathQuestion {
        name: "sizes",
        expected: "every size from 1 byte to 1 MiB comes back whole",
        needs: Needs::Echo,
        ask: sizes,
    },
    PathQuestion {
        name: "bytes",
        expected: "every value of a byte comes back unchanged",
        needs: Needs::Echo,
        ask: bytes,
    },
    PathQuestion {
        name: "pipelining",
        expected: "a thousand lines sent at once come back in order",
        needs: Needs::Echo,
        ask: pipelining,
    },
    PathQuestion {
        name: "urgent",
        expected: "the urgent byte stays out of the data",
        needs: Needs::Ours,
        ask: urgent,
    },
    PathQuestion {
        name: "greeting",
        expected: "a server that speaks first is heard before we send anything",
        needs: Needs::Echo,
        ask: greeting,
    },
    PathQuestion {
        name: "back-pressure",
        expected: "while the echo is not read, the path takes no more than its buffers",
        needs: Needs::Echo,
        ask: back_pressure,
    },
];

/// The largest size.
const LARGEST: usize = 1 << 20;

/// Bytes that are on their way at the same time.
const AT_ONCE: usize = 16 << 10;

/// A path that takes this much without any being read has no limit.
const BUFFERS_MAX: usize = 64 << 20;

/// The path is full when it takes nothing for so long.
const STILL: Duration = Duration::from_millis(500);

fn sizes(asked: &Asked) -> Moved<Found> {
    let mut size = 1;
    let mut whole = 0;
    while size <= LARGEST {
        // A new connection for each: one that hangs must not hide the next.
        let mut link = asked.connect()?;
        let data = data_of(size);
        // No more at once than the smallest buffers on the way hold.
        let moved = data
            .chunks(AT_ONCE)
            .try_for_each(|piece| link.send(piece).and_then(|()| link.expect(piece)));
        moved
            .map_err(|Seen(why)| Seen(format!("up to {whole} bytes pass, {size} do not: {why}")))?;
        whole = size;
        size = if size == LARGEST { size + 1 } else { (size * 3 / 2 + 1).min(LARGEST) };
    }
    Ok(Found::Yes(format!("1 to {LARGEST} bytes")))
}

/// Lines of at most 512 bytes, `size` bytes in all.
fn data_of(size: usize) -> Vec<u8> {
    let mut data = line_of(512).repeat(size / 512);
    if !size.is_multiple_of(512) {
        data.extend(line_of(size % 512));
    }
    data
}

fn bytes(asked: &Asked) -> Moved<Found> {
    let mut link = asked.connect()?;
    let mut all: Vec<u8> = (0..=u8::MAX).collect();
    all.push(b'\n');
    link.send(&all)?;
    link.expect(&all)?;
    Ok(Found::Yes("all 256".to_owned()))
}

fn pipelining(asked: &Asked) -> Moved<Found> {
    let mut link = asked.connect()?;
    let lines = (0..1000).fold(String::new(), |lines, number| format!("{lines}line {number}\n"));
    link.send(lines.as_bytes())?;
    link.expect(lines.as_bytes())?;
    Ok(Found::Yes("1000 lines".to_owned()))
}

fn urgent(asked: &Asked) -> Moved<Found> {
    let mut link = asked.connect()?;
    link.ask("a line first")?;
    link.send_urgent(b'!')?;
    let echo = link.ask("a line after it")?;
    if echo == "a line after it" {
        return Ok(Found::Yes("the lines around it came back without it".to_owned()));
    }
    Err(Seen(format!("it became a part of the data: {echo:?} came back")))
}

fn greeting(asked: &Asked) -> Moved<Found> {
    let mut link = Link::connect(&asked.dialing, asked.server, asked.timeout)?;
    if let Ok(text) = link.line() {
        return Ok(Found::Yes(format!("{text:?}")));
    }
    let reason = "nothing came; does the server greet (tcpechod --banner)?";
    Ok(Found::Unknown(reason.to_owned()))
}

fn back_pressure(asked: &Asked) -> Moved<Found> {
    let mut link = asked.connect()?;
    let taken = link.fill(BUFFERS_MAX, STILL)?;
    link.reset();
    let kib = taken / 1024;
    if taken >= BUFFERS_MAX {
        return Err(Seen(format!("{kib} KiB were taken, and none was read")));
    }
    Ok(Found::Yes(format!("the path stopped after {kib} KiB")))
}
