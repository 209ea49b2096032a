//! Checks on every read and write: inject an error, and compare the bytes.

use std::io;

use rustix::io::Errno;
use tcpecho::net::proxy;

use super::environment::Environment;
use super::traffic::Answers;

impl Environment {
    /// Fails at random, independent of the data available.
    pub(super) fn may_fail(&mut self, number: usize) -> io::Result<()> {
        if self.fault(|fault_profile| fault_profile.interrupted) {
            self.turn.moved = true;
            return Err(Errno::INTR.into());
        }
        if self.fault(|fault_profile| fault_profile.failing_call) {
            self.wires[number].faulted = true;
            return Err(Errno::NOBUFS.into());
        }
        Ok(())
    }

    /// Marks a connection whose optional header may be too late: the daemon then treats it as
    /// input.
    pub(super) fn is_late(&mut self, number: usize) {
        let wire = &mut self.wires[number];
        let waited = self.now.since(wire.accepted_at) >= proxy::HEADER_TIMEOUT;
        let ended = self.drain_began.is_some() || wire.fin;
        wire.raw |= wire.talk.may_be_raw && wire.read < wire.talk.header && (ended || waited);
    }

    /// Compares the bytes just written with the expected reply.
    pub(super) fn compare(&mut self, number: usize, bytes: &[u8]) {
        let wire = &self.wires[number];
        if wire.talk.answers == Answers::Http {
            return;
        }
        let from = wire.written - bytes.len();
        let due = wire.talk.due(wire.read);
        let ended = wire.fin_read || self.drains();
        let wrong = match wire.talk.reply.get(from..wire.written) {
            _ if wire.raw => return,
            // An incomplete request at the end of the input may get any reply.
            _ if ended && !wire.talk.is_whole(wire.read) => return,
            _ if wire.written > due => {
                format!("{} bytes written, {due} due after {} read", wire.written, wire.read)
            }
            Some(expected) if expected == bytes => return,
            Some(expected) => {
                let at = expected.iter().zip(bytes).position(|(due, got)| due != got).unwrap_or(0);
                format!("byte {} is {} instead of {}", from + at, bytes[at], expected[at])
            }
            None => format!("{} bytes written, more than the whole reply", wire.written),
        };
        self.violated(|| format!("peer {number} gets wrong bytes: {wrong}"));
    }
}
