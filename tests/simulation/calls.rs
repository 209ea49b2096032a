//! What is asked of every read and write: whether it fails, and whether the bytes are right.

use std::io;

use rustix::io::Errno;
use tcpecho::net::proxy;

use super::talk::Answers;
use super::world::World;

impl World {
    /// A call may fail whatever there is to read or write.
    pub(super) fn may_fail(&mut self, number: usize) -> io::Result<()> {
        if self.fault(|weather| weather.interrupted) {
            self.asked.moved = true;
            return Err(Errno::INTR.into());
        }
        if self.fault(|weather| weather.failing_call) {
            self.wires[number].faulted = true;
            return Err(Errno::NOBUFS.into());
        }
        Ok(())
    }

    /// Notes whose header may have come too late to be one, where there need be none: then it is
    /// input like any other.
    pub(super) fn is_late(&mut self, number: usize) {
        let wire = &mut self.wires[number];
        let waited = self.now.since(wire.accepted_at) >= proxy::HEADER_TIMEOUT;
        let ended = self.drain_began.is_some() || wire.fin;
        wire.raw |= wire.talk.may_be_raw && wire.read < wire.talk.header && (ended || waited);
    }

    /// Compares what was just written with what is due.
    pub(super) fn compare(&mut self, number: usize, bytes: &[u8]) {
        let wire = &self.wires[number];
        if wire.talk.answers == Answers::Visit {
            return;
        }
        let from = wire.written - bytes.len();
        let due = wire.talk.due(wire.read);
        let ended = wire.fin_read || self.drains();
        let wrong = match wire.talk.reply.get(from..wire.written) {
            _ if wire.raw => return,
            // What is unfinished at the end is the last request, whatever it was to be.
            _ if ended && !wire.talk.is_whole(wire.read) => return,
            _ if wire.written > due => {
                format!("{} bytes, and {due} are due for {}", wire.written, wire.read)
            }
            Some(expected) if expected == bytes => return,
            Some(expected) => {
                let at = expected.iter().zip(bytes).position(|(due, got)| due != got).unwrap_or(0);
                format!("byte {} is {} and not {}", from + at, bytes[at], expected[at])
            }
            None => format!("{} bytes, and the whole reply has fewer", wire.written),
        };
        self.violated(|| format!("peer {number} gets wrong bytes: {wrong}"));
    }
}
