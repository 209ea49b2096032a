//! Decides which received bytes are replies.
//!
//! 1. Bytes received while no reply is outstanding are never replies, then or later; they are
//!    subtracted.
//! 2. A line that began while no reply was outstanding is no reply either, unless the rest of it is
//!    the expected echo: a prompt precedes the echo of its line.
//! 3. A greeting may arrive after the first line was sent. So the first line sent while no reply
//!    was outstanding is kept until its echo arrives; lines received before the echo were not
//!    replies. If the echo never arrives, as with sums, each line is a reply.

use crate::line::Framing;
use crate::num;

use super::REPLY_BYTES;

/// How much of the expected line is kept, in bytes: the course's MAXLINE.
const DUE_BYTES_MAX: usize = 4096;

/// The start of the only reply that precedes the end of its request: the line is too long for the
/// service.
const REFUSAL: &[u8] = b"error: ";

/// The requests that the server has to answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outstanding {
    /// The number of complete requests since the connection began.
    pub complete: u64,
    /// Another request has begun.
    pub unfinished: bool,
}

/// The received replies.
#[derive(Clone, Debug)]
pub(super) struct Replies {
    /// The number of answered requests.
    pub answered: u64,
    /// The number of bytes that belong to no reply.
    pub unrequested_bytes: u64,
    due: Option<ExpectedEcho>,
    line: ReplyLine,
}

/// The first line sent while no reply was outstanding.
#[derive(Clone, Debug)]
struct ExpectedEcho {
    line: Vec<u8>,
    /// The line is complete, or as long as is kept.
    whole: bool,
    /// The number of replies since then; not replies after all if the echo arrives.
    passed: u64,
    passed_bytes: u64,
}

/// The line being received.
#[derive(Clone, Copy, Debug)]
struct ReplyLine {
    /// Its first byte arrived before the reply to a whole line was outstanding.
    early: bool,
    /// The number of its bytes that arrived while a request was unanswered.
    bytes: u64,
    /// How many of these match the expected line; `None` after a mismatch.
    echo: Option<usize>,
    /// How many of its first bytes match a refusal; `None` after a mismatch.
    refusal: Option<usize>,
}

impl ReplyLine {
    const NONE: Self = Self { early: false, bytes: 0, echo: Some(0), refusal: Some(0) };
}

impl Replies {
    pub(super) const fn new() -> Self {
        Self { answered: 0, unrequested_bytes: 0, due: None, line: ReplyLine::NONE }
    }

    /// Starts to record the line about to be sent, while no reply is outstanding.
    pub(super) fn begin(&mut self) {
        let line = Vec::new();
        self.due = Some(ExpectedEcho { line, whole: false, passed: 0, passed_bytes: 0 });
        if self.line.bytes > 0 {
            self.unrequested_bytes += self.line.bytes;
            self.line = ReplyLine { early: true, ..ReplyLine::NONE };
        }
    }

    /// Records sent bytes.
    pub(super) fn expect(&mut self, bytes: &[u8]) {
        let Some(due) = self.due.as_mut().filter(|due| !due.whole) else { return };
        let line = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let room = DUE_BYTES_MAX - due.line.len();
        due.line.extend(line.iter().take(room));
        due.whole = line.last() == Some(&b'\n') || line.len() >= room;
    }

    /// Counts received lines, and pieces of lines. Returns the number of bytes at the start that
    /// belong to no reply.
    pub(super) fn receive_lines(&mut self, bytes: &[u8], outstanding: Outstanding) -> usize {
        let lines = Framing::Lines.count(bytes);
        let left = outstanding.complete.saturating_sub(self.answered);
        let ends = bytes.last() == Some(&b'\n');
        // The common case: no echo to compare with, and no more lines than are outstanding.
        if self.due.is_none() && !self.line.early && (lines < left || (lines == left && ends)) {
            self.answered += lines;
            let tail = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
            let before = if lines == 0 { self.line.bytes } else { 0 };
            self.line = ReplyLine { bytes: before + num::to_u64(tail.len()), ..ReplyLine::NONE };
            return 0;
        }
        let mut unrequested = 0;
        let mut leading = true;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            leading &= !self.receive_piece(piece, outstanding);
            unrequested += if leading { piece.len() } else { 0 };
        }
        unrequested
    }

    /// Counts received bytes of records, after `requests` were sent. Returns the number of bytes
    /// that are replies.
    pub(super) fn receive_records(&mut self, count: usize, requests: u64) -> usize {
        let size = num::to_u64(REPLY_BYTES.get());
        let due = (requests - self.answered) * size - self.line.bytes;
        let replies = count.min(num::to_usize(due));
        let bytes = self.line.bytes + num::to_u64(replies);
        self.answered += bytes / size;
        self.line.bytes = bytes % size;
        self.unrequested_bytes += num::to_u64(count - replies);
        replies
    }

    /// Makes the next byte start a line, regardless of the bytes before it.
    pub(super) const fn begin_line(&mut self) {
        self.line = ReplyLine::NONE;
    }

    /// True if a part of a reply has been received.
    pub(super) fn has_begun(&self, outstanding: Outstanding) -> bool {
        let expected = outstanding.complete > self.answered || outstanding.unfinished;
        expected && self.line.bytes > 0 && !self.is_stray()
    }

    /// Processes a line or a piece of one. Returns true if it may be a reply or a part of one.
    fn receive_piece(&mut self, piece: &[u8], outstanding: Outstanding) -> bool {
        let count = num::to_u64(piece.len());
        let is_expected = outstanding.complete > self.answered;
        let ends = piece.last() == Some(&b'\n');
        // A greeting may have had more lines than were outstanding; then this line may be the echo.
        let passed = self.due.as_ref().is_some_and(|due| due.passed > 0);
        if !is_expected && !outstanding.unfinished && !passed {
            self.unrequested_bytes += self.line.bytes + count;
            self.line = ReplyLine { early: !ends, ..ReplyLine::NONE };
            return false;
        }
        self.line.early |= !is_expected;
        self.line.bytes += count;
        self.line.refusal = follows(REFUSAL, self.line.refusal, piece);
        if let Some(due) = &self.due {
            let cut = due.line.len() == DUE_BYTES_MAX;
            let fits = cut || self.line.bytes <= num::to_u64(due.line.len());
            self.line.echo = follows(&due.line, self.line.echo, piece).filter(|_| fits);
        }
        if !ends {
            return !self.is_stray();
        }
        let is_reply = self.finish_line(outstanding);
        self.line = ReplyLine::NONE;
        is_reply
    }

    /// Classifies the line that has ended. Returns true if it is a reply.
    fn finish_line(&mut self, outstanding: Outstanding) -> bool {
        let is_expected = outstanding.complete > self.answered;
        let begun = outstanding.unfinished && outstanding.complete == self.answered;
        let refused = (is_expected || begun) && self.line.refusal == Some(REFUSAL.len());
        if self.is_echo() {
            // The lines before the echo were a greeting.
            let due = self.due.take();
            let (passed, bytes) = due.map_or((0, 0), |due| (due.passed, due.passed_bytes));
            self.answered = self.answered + 1 - passed;
            self.unrequested_bytes += bytes;
        } else if (is_expected && !self.is_stray()) || refused {
            self.answered += 1;
            if let Some(due) = &mut self.due {
                due.passed += 1;
                due.passed_bytes += self.line.bytes;
            }
        } else {
            self.unrequested_bytes += self.line.bytes;
            return false;
        }
        true
    }

    /// True if the line being received began before a reply was outstanding and does not continue
    /// as the expected line.
    fn is_stray(&self) -> bool {
        self.line.early && self.line.echo.is_none()
    }

    /// True if the received line is the expected one.
    fn is_echo(&self) -> bool {
        let due = self.due.as_ref().filter(|due| due.whole).map(|due| due.line.len());
        due.is_some() && self.line.echo == due
    }
}

/// Returns how many bytes of `pattern` match after `piece`, if `before` matched already; `None`
/// after a mismatch. Bytes after the end of `pattern` may have any value.
fn follows(pattern: &[u8], before: Option<usize>, piece: &[u8]) -> Option<usize> {
    let rest = pattern.split_at(before?).1;
    let count = rest.len().min(piece.len());
    (rest.split_at(count).0 == piece.split_at(count).0).then_some(before? + count)
}
