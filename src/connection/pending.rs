//! The work that a connection could not finish in its turn.

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::line::LineBuffer;

use super::probe::ProbeState;
use super::{Peer, Timeouts};

/// The rest of a PROXY header, after its addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderRest {
    /// Bytes still to skip.
    pub bytes: usize,
    /// The client that the header names.
    pub client: Option<Peer>,
}

/// Unfinished work: a line without its end, output that the socket did not take.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags")]
pub struct Pending {
    /// The beginning of a request.
    pub line: LineBuffer,
    /// When the unfinished request began, even if its beginning is no longer kept because it was
    /// echoed in pieces or rejected. Bytes that do not finish the request do not change this. It
    /// restarts when pending output is written, because nothing was read meanwhile.
    pub line_since: Option<MonotonicMs>,
    /// The rest of a PROXY header with known addresses.
    pub(super) header: Option<HeaderRest>,
    /// Bytes that may be a PROXY header, seen and left in the socket.
    pub(super) peeked: usize,
    /// The rest of a rejected line is being discarded.
    pub skipping: bool,
    /// The beginning of the unfinished line was echoed: its rest is no request to the daemon.
    pub(super) in_line: bool,
    /// The unfinished work of the service probe.
    pub(super) probe: Option<Box<ProbeState>>,
    /// The output is the reply to the last request: nothing more is read before our FIN.
    pub final_reply: bool,
    output: Vec<u8>,
    /// Bytes of the output that have been written.
    sent: usize,
    /// The time at which the socket last took output, or output became pending.
    pub(super) stalled_since: MonotonicMs,
}

impl Pending {
    /// Returns true if nothing is unfinished.
    pub const fn is_empty(&self) -> bool {
        self.line.is_empty() && self.line_since.is_none() && !self.skipping && !self.owes()
    }

    /// Returns true if the peer is owed more: output, or the work of the service probe.
    pub const fn owes(&self) -> bool {
        self.has_output() || self.probe.is_some()
    }

    /// Returns true if the peer has not taken all output.
    pub const fn has_output(&self) -> bool {
        self.sent < self.output.len()
    }

    /// Returns the output that the peer has not taken.
    pub fn output(&self) -> &[u8] {
        self.output.split_at(self.sent).1
    }

    /// Discards the rest of a rejected line; returns the start of the next one.
    pub fn skip(&mut self, input: &[u8]) -> usize {
        let newline = memchr::memchr(b'\n', input);
        self.skipping = newline.is_none();
        newline.map_or(input.len(), |newline| newline + 1)
    }

    /// Appends to the pending output. It stays bounded, because nothing is read while output is
    /// pending.
    pub fn queue(&mut self, bytes: &[u8], now: MonotonicMs) {
        if !self.has_output() {
            self.stalled_since = now;
        }
        self.output.extend_from_slice(bytes);
    }

    /// Notes that the peer took `sent` more bytes; frees the memory after the last one.
    pub fn advance(&mut self, sent: usize, now: MonotonicMs) {
        self.sent += sent;
        debug_assert!(self.sent <= self.output.len(), "more was written than was pending");
        if sent > 0 {
            self.stalled_since = now;
        }
        if !self.has_output() {
            self.output = Vec::new();
            self.sent = 0;
            self.line_since = self.line_since.map(|_| now);
        }
    }

    /// Returns the nearest deadline of the line and the output, with its cause. The next step of
    /// the service probe is one, too, but it is taken before it could end the connection.
    pub fn deadline(&self, timeouts: &Timeouts) -> Option<(MonotonicMs, Cause)> {
        let line = timeouts
            .line
            .zip(self.line_since)
            // Nothing is read while output is pending, so the newline may already be in the socket.
            .filter(|_| !self.has_output())
            .map(|(wait, since)| (since.after(wait), Cause::LineTimeout));
        let stall = timeouts
            .stall
            .filter(|_| self.has_output())
            .map(|wait| (self.stalled_since.after(wait), Cause::Stalled));
        let probe = self.probe.as_ref().and_then(|probe| probe.next_step_at());
        let probe = probe.map(|at| (at, Cause::Idle));
        line.into_iter().chain(stall).chain(probe).min_by_key(|(at, _)| *at)
    }
}
