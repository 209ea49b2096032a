//! The bytes and lines that went out and came back, and how many replies are owed.
//!
//! It is counted in lines, not in bytes, so that it holds for every service that answers a line
//! with a line: a sum is shorter than its numbers. A line that comes while nothing is owed is no
//! reply, now or later; [`Replies`] tells them apart.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;

use crate::line::Framing;

use super::config::WireFormat;

mod replies;
#[cfg(test)]
mod tests;

use replies::{Outstanding, Replies};

/// A request of `--format xdr`: two hypers, in bytes.
pub(super) const REQUEST_BYTES: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// Its reply: one hyper, in bytes.
pub(super) const REPLY_BYTES: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Both directions of a connection.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    format: WireFormat,
    out: Direction,
    back: Direction,
    replies: Replies,
    /// Our FIN is sent: a last line without a newline is a line.
    ended: bool,
}

impl Ledger {
    pub(super) const fn new(format: WireFormat) -> Self {
        let (out, back) = match format {
            WireFormat::Text => (Framing::Lines, Framing::Lines),
            WireFormat::Xdr => (Framing::Records(REQUEST_BYTES), Framing::Records(REPLY_BYTES)),
        };
        Self {
            format,
            out: Direction::new(out),
            back: Direction::new(back),
            replies: Replies::new(),
            ended: false,
        }
    }

    /// The kernel took these bytes for the server.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        if self.format == WireFormat::Text {
            if self.owed() == 0 && !self.out.midway() {
                self.replies.begin();
            }
            self.replies.expect(bytes);
        }
        self.out.count(bytes);
    }

    /// Nothing more is sent.
    pub(super) const fn ended(&mut self) {
        self.ended = true;
    }

    /// The server sent these. Returns which of them may be replies: what comes before and behind
    /// these is not, because nothing was owed.
    pub(super) fn received(&mut self, bytes: &[u8]) -> Range<usize> {
        self.back.count(bytes);
        match self.format {
            WireFormat::Text => self.replies.receive_lines(bytes, self.out_now())..bytes.len(),
            WireFormat::Xdr => 0..self.replies.receive_records(bytes.len(), self.out.complete()),
        }
    }

    /// The server's greeting is over.
    pub(super) const fn greeted(&mut self) {
        self.replies.begin_line();
    }

    /// How many replies have not come back yet. That to a last line without a newline may have none
    /// either, and be whole.
    pub(super) fn owed(&self) -> u64 {
        let last = self.ended && self.out.midway() && self.replies.has_begun(self.out_now());
        self.out_now().complete.saturating_sub(self.replies.answered + u64::from(last))
    }

    /// True if nothing was sent yet.
    pub(super) const fn is_new(&self) -> bool {
        self.out.bytes == 0
    }

    /// How many bytes came that are no reply.
    pub(super) const fn unasked_bytes(&self) -> u64 {
        self.replies.unasked_bytes
    }

    /// What is missing now that both directions have ended, if something is. A last line without
    /// a newline is a line then; an echo cut in the middle of a line ends without the newline and
    /// is shorter than what was sent.
    pub(super) fn missing(&self) -> Option<String> {
        let begun =
            self.replies.has_begun(Outstanding { complete: self.out.all(), unfinished: false });
        let owed = self.out.all().saturating_sub(self.replies.answered + u64::from(begun));
        if owed > 0 {
            return Some(lines_missing(owed));
        }
        let replied = self.back.bytes - self.replies.unasked_bytes;
        let whole =
            self.format == WireFormat::Text && self.out.midway() && replied >= self.out.bytes;
        (begun && !whole).then(|| "the last echo cut short".to_owned())
    }

    /// True if neither direction is in the middle of a line; a line that nothing asked for is none.
    pub(super) fn at_boundary(&self) -> bool {
        !self.out.midway() && !self.replies.has_begun(self.out_now())
    }

    fn out_now(&self) -> Outstanding {
        let unfinished = self.out.midway();
        if self.ended {
            Outstanding { complete: self.out.all(), unfinished: false }
        } else {
            Outstanding { complete: self.out.complete(), unfinished }
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (out, back) = (self.out.all(), self.back.all());
        let bytes = (self.out.bytes, self.back.bytes);
        write!(f, "bytes_out={} bytes_in={} lines_out={out} lines_in={back}", bytes.0, bytes.1)?;
        match self.unasked_bytes() {
            0 => Ok(()),
            unasked => write!(f, " bytes_unasked={unasked}"),
        }
    }
}

/// "1 line owed", "2 lines owed".
pub(super) fn lines_missing(count: u64) -> String {
    format!("{count} {} owed", if count == 1 { "line" } else { "lines" })
}

#[derive(Clone, Debug)]
struct Direction {
    framing: Framing,
    bytes: u64,
    newlines: u64,
    /// The last byte was no newline.
    unfinished: bool,
}

impl Direction {
    const fn new(framing: Framing) -> Self {
        Self { framing, bytes: 0, newlines: 0, unfinished: false }
    }

    fn count(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.unfinished = *last != b'\n';
        self.newlines += Framing::Lines.count(bytes);
        self.bytes += wide(bytes.len());
    }

    fn complete(&self) -> u64 {
        match self.framing {
            Framing::Lines | Framing::Pieces => self.newlines,
            Framing::Records(size) => self.bytes / wide(size.get()),
        }
    }

    fn midway(&self) -> bool {
        match self.framing {
            Framing::Lines | Framing::Pieces => self.unfinished,
            Framing::Records(size) => !self.bytes.is_multiple_of(wide(size.get())),
        }
    }

    fn all(&self) -> u64 {
        self.complete() + u64::from(self.midway())
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
