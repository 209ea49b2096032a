//! What went out, what came back, and what is owed.
//!
//! It is counted in lines, not in bytes, so that it holds for every service that answers a line
//! with a line: a sum is shorter than its numbers.

use std::fmt;
use std::num::NonZeroUsize;

use crate::line::Framing;

use super::config::Format;

/// A request of `--format xdr`: two hypers, in bytes.
pub(super) const REQUEST_BYTES: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// Its reply: one hyper, in bytes.
pub(super) const REPLY_BYTES: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Both directions of a connection.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    out: Direction,
    back: Direction,
}

impl Ledger {
    pub(super) const fn new(format: Format) -> Self {
        let (out, back) = match format {
            Format::Text => (Framing::Lines, Framing::Lines),
            Format::Xdr => (Framing::Records(REQUEST_BYTES), Framing::Records(REPLY_BYTES)),
        };
        Self { out: Direction::new(out), back: Direction::new(back) }
    }

    /// The kernel took these bytes for the server.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        self.out.count(bytes);
    }

    /// The server sent these.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        self.back.count(bytes);
    }

    /// How many replies to whole lines have not come back yet.
    pub(super) fn owed(&self) -> u64 {
        self.out.complete().saturating_sub(self.back.complete())
    }

    /// What is missing now that both directions have ended, if something is. A last line without
    /// a newline is a line then; an echo cut in the middle of a line ends without the newline and
    /// is shorter than what was sent.
    pub(super) fn missing(&self) -> Option<String> {
        let owed = self.out.all().saturating_sub(self.back.all());
        if owed > 0 {
            return Some(lines_owed(owed));
        }
        let cut = match self.back.framing {
            Framing::Lines | Framing::Pieces => self.back.bytes < self.out.bytes,
            Framing::Records(_) => true,
        };
        (cut && self.back.midway()).then(|| "the last echo cut short".to_owned())
    }

    /// True if neither direction is in the middle of a line.
    pub(super) fn at_boundary(&self) -> bool {
        !self.out.midway() && !self.back.midway()
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "bytes_out={} bytes_in={} lines_out={} lines_in={}",
            self.out.bytes,
            self.back.bytes,
            self.out.all(),
            self.back.all()
        )
    }
}

/// "1 line owed", "2 lines owed".
pub(super) fn lines_owed(count: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(format: Format, sent: &[u8], received: &[u8]) -> Ledger {
        let mut ledger = Ledger::new(format);
        // In pieces, because that is how bytes come.
        sent.chunks(3).for_each(|piece| ledger.sent(piece));
        received.chunks(5).for_each(|piece| ledger.received(piece));
        ledger
    }

    #[test]
    fn an_echo_is_owed_for_every_whole_line() {
        let table: [(&[u8], &[u8], u64); 7] = [
            (b"", b"", 0),
            (b"one", b"", 0),
            (b"one\n", b"", 1),
            (b"one\n", b"on", 1),
            (b"one\n", b"one\n", 0),
            (b"one\ntwo\nthr", b"one\n", 1),
            (b"", b"a greeting\n", 0),
        ];
        for (sent, received, owed) in table {
            assert_eq!(ledger(Format::Text, sent, received).owed(), owed, "{sent:?} {received:?}");
        }
    }

    #[test]
    fn at_the_end_an_unfinished_line_counts_too() {
        let table: [(&[u8], &[u8], Option<&str>); 9] = [
            (b"", b"", None),
            (b"one\ntwo", b"one\ntwo", None),
            (b"one\ntwo", b"one\n", Some("1 line owed")),
            (b"one\ntwo\n", b"", Some("2 lines owed")),
            (b"one\ntwo", b"one\nt", Some("the last echo cut short")),
            (b"one\n", b"one", Some("the last echo cut short")),
            // Sums: one line for each, shorter or longer, and the last with a newline at any rate.
            (b"11 22\n1 2", b"33\n3\n", None),
            (b"eleven\n", b"error: expected two numbers\n", None),
            (b"11 22\n", b"3", Some("the last echo cut short")),
        ];
        for (sent, received, missing) in table {
            let ledger = ledger(Format::Text, sent, received);
            assert_eq!(ledger.missing().as_deref(), missing, "{sent:?} {received:?}");
        }
    }

    #[test]
    fn records_are_counted_by_their_size() {
        // Newlines in them mean nothing.
        let both = ledger(Format::Xdr, &[b'\n'; 32], &[b'\n'; 12]);
        assert_eq!(both.owed(), 1);
        assert_eq!(both.missing().as_deref(), Some("the last echo cut short"));
        assert!(!both.at_boundary());
        let one = ledger(Format::Xdr, &[0; 32], &[0; 8]);
        assert_eq!(one.missing().as_deref(), Some("1 line owed"));
        let none = ledger(Format::Xdr, &[0; 32], &[0; 16]);
        assert_eq!((none.missing(), none.at_boundary()), (None, true));
    }

    #[test]
    fn it_reads_as_the_closing_line_wants_it() {
        let ledger = ledger(Format::Text, b"one\ntwo", b"one\n");
        assert_eq!(ledger.to_string(), "bytes_out=7 bytes_in=4 lines_out=2 lines_in=1");
    }
}
