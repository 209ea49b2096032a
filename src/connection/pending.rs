//! What a connection could not finish in its turn.

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::line::LineBuffer;

use super::{Peer, Timeouts};

/// What is left of a PROXY header whose addresses have come.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderRest {
    /// How many bytes of it are still to be skipped.
    pub bytes: usize,
    /// The client that it names.
    pub client: Option<Peer>,
}

/// The unfinished: a line whose end has not come, output that the socket did not take.
#[derive(Debug, Default)]
pub struct Pending {
    /// The beginning of a request.
    pub line: LineBuffer,
    /// When the request that is not finished began, even if its beginning is no longer kept: it
    /// was echoed in pieces, or refused. Bytes that do not finish it do not change this.
    pub line_since: Option<MonotonicMs>,
    /// The PROXY header is known, and this much of it is still to come.
    pub(super) header: Option<HeaderRest>,
    /// How much of what may be a PROXY header was seen, and left in the socket.
    pub(super) peeked: usize,
    /// The output is the answer to the last request: nothing more is read before our FIN.
    pub final_reply: bool,
    output: Vec<u8>,
    /// How much of the output has been written since.
    sent: usize,
    /// When the peer last took some of it.
    pub(super) stalled_since: MonotonicMs,
}

impl Pending {
    /// True if nothing is unfinished.
    pub const fn is_empty(&self) -> bool {
        self.line.is_empty() && self.line_since.is_none() && !self.has_output()
    }

    /// True if the peer has not taken all its output.
    pub const fn has_output(&self) -> bool {
        self.sent < self.output.len()
    }

    /// What it has not taken.
    pub fn output(&self) -> &[u8] {
        self.output.split_at(self.sent).1
    }

    /// Adds to what is owed. It stays bounded, because nothing is read while anything is.
    pub fn queue(&mut self, bytes: &[u8], now: MonotonicMs) {
        if !self.has_output() {
            self.stalled_since = now;
        }
        self.output.extend_from_slice(bytes);
    }

    /// Notes that the peer took `sent` more bytes; with the last of them the memory is given back.
    pub fn advance(&mut self, sent: usize, now: MonotonicMs) {
        self.sent += sent;
        debug_assert!(self.sent <= self.output.len(), "more was taken than was owed");
        if sent > 0 {
            self.stalled_since = now;
        }
        if !self.has_output() {
            self.output = Vec::new();
            self.sent = 0;
            self.line_since = self.line_since.map(|_| now);
        }
    }

    /// The nearer deadline of the line and the output, with its cause.
    pub fn deadline(&self, timeouts: &Timeouts) -> Option<(MonotonicMs, Cause)> {
        let line = timeouts
            .line
            .zip(self.line_since)
            // While output is owed we do not read, and the line's end may be there.
            .filter(|_| !self.has_output())
            .map(|(wait, since)| (since.after(wait), Cause::LineTimeout));
        let stall = timeouts
            .stall
            .filter(|_| self.has_output())
            .map(|wait| (self.stalled_since.after(wait), Cause::Stalled));
        line.into_iter().chain(stall).min_by_key(|(at, _)| *at)
    }
}
