//! Tasks with several clients at once.

use std::io::{Read, Write};
use std::time::Duration;

use crate::exam::peer::{Peer, shown, timed_out, word};
use crate::exam::processes;
use crate::exam::task::{Failure, Judged, Task, ours, wrong};
use crate::num;
use crate::os::descriptors;

use super::{Server, task};

pub(super) const FIVE_CLIENTS: Task = Task {
    did: "connected five clients; each sent the first half of its line, then each the second half",
    expected: "each client gets its own line, while all are connected",
    hint: "while the server waits for one client, which call serves the others? And where does it \
           keep the half of a line?",
    read: "docs/demonstrations/five-clients.md; UNP 4.8, 3.9",
    ..task("five-clients", 10, five_clients)
};

/// Halves, because a server that keeps the beginning of a line in one place for all clients mixes
/// them (UNP 3.9 has such a `readline`).
fn five_clients(server: &mut Server) -> Judged {
    let mut peers = (0..5).map(|_| server.connect()).collect::<Result<Vec<_>, _>>()?;
    let line = |number| (format!("client {number} "), format!("of five {number}\n"));
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.send(line(number).0.as_bytes())?;
        peer.hold(Duration::from_millis(5));
    }
    // Backwards, so that the order of the connections is not the order of the lines.
    for (number, peer) in peers.iter_mut().enumerate().rev() {
        let (first, second) = line(number);
        peer.send(second.as_bytes())?;
        peer.expect(format!("{first}{second}").as_bytes())?;
    }
    peers.into_iter().for_each(Peer::close);
    Ok("each of the five had its line".to_owned())
}

/// The connections of `many`; the second number is for a process or a thread for each.
const MANY_MAX: usize = 10_000;
const MANY_PROCESSES: usize = 1_000;

/// After so many connections the exam looks for processes, one for each connection.
const FEW: usize = 20;

/// The descriptors that the exam, or the server, needs for other things.
const RESERVE: u64 = 100;

pub(super) const MANY: Task = Task {
    times: 3,
    did: "opened 10,000 connections (1,000 if each gets a process or a thread; fewer if the limit \
          on descriptors is lower), and had a line echoed on each, twice: when it was opened, and \
          when all were open",
    expected: "every connection is served, and stays",
    hint: "which limit does your server meet first: descriptors, processes, or the size of a set?",
    read: "docs/demonstrations/backlog.md; UNP 4.5, 6.3, 6.10",
    ..task("many", 5, many)
};

/// Each is served before the next one connects: so no backlog is too small.
fn many(server: &mut Server) -> Judged {
    let limit = descriptors::limit().unwrap_or(u64::MAX).saturating_sub(RESERVE);
    let mut count = MANY_MAX.min(num::to_usize(limit));
    let threads = |server: &Server| server.processes().iter().map(|one| one.threads).sum::<usize>();
    let before = threads(server);
    let mut peers = Vec::with_capacity(count);
    while peers.len() < count {
        let number = peers.len();
        let opened = server.connect().and_then(|mut peer| {
            peer.exchange("opened\n")?;
            Ok(peer)
        });
        peers.push(opened.map_err(|failure| after(number, "connections", failure))?);
        if number == FEW && threads(server) >= before + FEW {
            count = count.min(MANY_PROCESSES);
        }
    }
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.exchange("still here\n")
            .map_err(|failure| after(number, "of the open connections", failure))?;
    }
    Ok(format!("{count} connections at once, each served twice"))
}

/// Adds a number to a failure.
pub(super) fn after(number: usize, of: &str, failure: Failure) -> Failure {
    match failure {
        Failure::Wrong(seen) => Failure::Wrong(format!("after {number} {of}: {seen}")),
        Failure::Skipped(reason) => Failure::Skipped(reason),
    }
}

/// The most bytes that are sent without being read. Two socket buffers take some megabytes.
const UNREAD_MAX: usize = 64 << 20;

/// By how much the server's memory may grow meanwhile.
const GROWTH_MAX: usize = 32 << 20;

/// How long a send has to block before the exam believes that the server reads no more.
const BLOCKED: Duration = Duration::from_millis(500);

pub(super) const SLOW_READER: Task = Task {
    times: 2,
    did: "sent lines and read nothing until no more could be sent (64 MB at most); then another \
          client sent a line; then the first client read",
    expected: "the other client is served; memory grows by less than 32 MB; nothing that was sent \
               is lost or changed",
    hint: "where do bytes wait that a client does not read, and what does the server do meanwhile?",
    read: "docs/demonstrations/slow-reader.md; UNP 2.11, 6.3, 16.2",
    ..task("slow-reader", 10, slow_reader)
};

/// The kernel stores some megabytes in both directions. A server that stores more grows; one that
/// blocks serves no other client; one that ignores short writes loses bytes.
fn slow_reader(server: &mut Server) -> Judged {
    let memory = |server: &Server| {
        server.processes().iter().map(|one| processes::memory(one.pid)).sum::<usize>()
    };
    let mut reader = server.connect()?;
    reader.exchange("first\n")?;
    let before = memory(server);
    let sent = send_until_blocked(&mut reader, server)?;
    let grown = memory(server).saturating_sub(before);
    server.serves("another client\n")?;
    if grown > GROWTH_MAX {
        return wrong(format!("its memory grew by {} MB", grown >> 20));
    }
    // The last line may be incomplete: a server may keep it back.
    let whole = sent - sent % line_at(0).len();
    read_all(&mut reader, whole, server)?;
    Ok(format!("{sent} bytes waited, another client was served, and all came back"))
}

/// A line with the number of its place, so that lost bytes show.
fn line_at(number: usize) -> String {
    format!("{number:015}\n")
}

/// Returns the number of bytes sent.
fn send_until_blocked(peer: &mut Peer, server: &Server) -> Result<usize, Failure> {
    let mut sent = 0;
    peer.stream.set_write_timeout(Some(BLOCKED)).map_err(ours("timeout"))?;
    while sent < UNREAD_MAX && !server.deadline().has_passed() {
        // A block begins where the last one was cut off.
        let (number, offset) = (sent / 16, sent % 16);
        let block: String = (number..number + 4096).map(line_at).collect();
        match peer.stream.write(block.as_bytes().get(offset..).unwrap_or_default()) {
            Ok(count) => sent += count,
            Err(error) if timed_out(&error) => break,
            Err(error) => return wrong(format!("after {sent} bytes: {}", word(&error))),
        }
    }
    Ok(sent)
}

/// Reads the echo of all that was sent, and compares each byte.
fn read_all(peer: &mut Peer, sent: usize, server: &Server) -> Result<(), Failure> {
    let mut room = vec![0; 1 << 16];
    let mut got = 0;
    while got < sent {
        peer.stream.set_read_timeout(Some(server.deadline().left())).map_err(ours("timeout"))?;
        let bytes = match peer.stream.read(&mut room) {
            Ok(0) => return wrong(format!("only {got} of {sent} bytes came back, then the end")),
            Ok(count) => room.get(..count).unwrap_or_default(),
            Err(error) => {
                return wrong(format!("{got} of {sent} bytes came back, then: {}", word(&error)));
            }
        };
        let (number, offset) = (got / 16, got % 16);
        let lines: String = (number..=number + (offset + bytes.len()) / 16).map(line_at).collect();
        if lines.as_bytes().get(offset..offset + bytes.len()) != Some(bytes) {
            return wrong(format!("after {got} bytes, wrong ones came: {}", shown(bytes)));
        }
        got += bytes.len();
    }
    Ok(())
}
