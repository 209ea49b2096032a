//! Counts the bytes and lines sent and received, and the outstanding replies.
//!
//! It counts lines, not bytes, so that it works for every service that answers a line with a line:
//! a sum is shorter than its numbers. A line received while no reply is outstanding is never a
//! reply; [`Replies`] makes that distinction.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;

use crate::line::Framing;
use crate::num;

use super::config::WireFormat;

mod replies;
#[cfg(test)]
mod tests;

use replies::{Outstanding, Replies};

/// The size of a request with `--format xdr`: two hypers, in bytes.
pub(super) const REQUEST_BYTES: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// The size of its reply: one hyper, in bytes.
pub(super) const REPLY_BYTES: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// The counts of both directions of a connection.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    format: WireFormat,
    out: Direction,
    back: Direction,
    replies: Replies,
    /// Our FIN has been sent: a last line without a newline counts as a line.
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

    /// Counts bytes that the kernel has taken for the server.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        if self.format == WireFormat::Text {
            if self.outstanding() == 0 && !self.out.midway() {
                self.replies.begin();
            }
            self.replies.expect(bytes);
        }
        self.out.count(bytes);
    }

    /// Marks the end of sending.
    pub(super) const fn ended(&mut self) {
        self.ended = true;
    }

    /// Counts received bytes. Returns the range of those that may be replies; no reply was
    /// outstanding for the bytes before and after it.
    pub(super) fn received(&mut self, bytes: &[u8]) -> Range<usize> {
        self.back.count(bytes);
        match self.format {
            WireFormat::Text => self.replies.receive_lines(bytes, self.out_now())..bytes.len(),
            WireFormat::Xdr => 0..self.replies.receive_records(bytes.len(), self.out.complete()),
        }
    }

    /// Marks the end of the server's greeting.
    pub(super) const fn greeted(&mut self) {
        self.replies.begin_line();
    }

    /// The number of outstanding replies. The reply to a last line without a newline may be
    /// complete without a newline too.
    pub(super) fn outstanding(&self) -> u64 {
        let last = self.ended && self.out.midway() && self.replies.has_begun(self.out_now());
        self.out_now().complete.saturating_sub(self.replies.answered + u64::from(last))
    }

    /// True if nothing has been sent.
    pub(super) const fn is_new(&self) -> bool {
        self.out.bytes == 0
    }

    /// The number of received bytes that belong to no reply.
    pub(super) const fn unrequested_bytes(&self) -> u64 {
        self.replies.unrequested_bytes
    }

    /// Describes the replies that are missing after both directions have ended, if any. A last line
    /// without a newline then counts as a line; an echo cut in mid-line lacks the newline and is
    /// shorter than the line sent.
    pub(super) fn missing(&self) -> Option<String> {
        let begun =
            self.replies.has_begun(Outstanding { complete: self.out.all(), unfinished: false });
        let missing = self.out.all().saturating_sub(self.replies.answered + u64::from(begun));
        if missing > 0 {
            return Some(lines_missing(missing));
        }
        let replied = self.back.bytes - self.replies.unrequested_bytes;
        let whole =
            self.format == WireFormat::Text && self.out.midway() && replied >= self.out.bytes;
        (begun && !whole).then(|| "the last echo cut short".to_owned())
    }

    /// True if neither direction is in the middle of a line; a line that was not requested does not
    /// count.
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
        match self.unrequested_bytes() {
            0 => Ok(()),
            count => write!(f, " bytes_unasked={count}"),
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
    /// The last byte was not a newline.
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
        self.bytes += num::to_u64(bytes.len());
    }

    fn complete(&self) -> u64 {
        match self.framing {
            Framing::Lines | Framing::Pieces => self.newlines,
            Framing::Records(size) => self.bytes / num::to_u64(size.get()),
        }
    }

    fn midway(&self) -> bool {
        match self.framing {
            Framing::Lines | Framing::Pieces => self.unfinished,
            Framing::Records(size) => !self.bytes.is_multiple_of(num::to_u64(size.get())),
        }
    }

    fn all(&self) -> u64 {
        self.complete() + u64::from(self.midway())
    }
}
