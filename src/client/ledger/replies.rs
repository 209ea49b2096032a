//! Which of the bytes that come back are replies.
//!
//! 1. What comes while nothing is owed is no reply, now or later: it is subtracted.
//! 2. A line that began while nothing was owed is no reply either, unless the rest of it is the
//!    echo that is due: a prompt stands before its line's echo.
//! 3. A greeting may come when the first line is on its way already. So the first line that was
//!    sent since nothing was owed is kept until it comes back: lines that came before it were no
//!    replies. Where it never comes back, as with sums, each line is a reply.

use crate::line::Framing;

use super::{REPLY_BYTES, wide};

/// How much is kept of the line that is due, in bytes: the course's MAXLINE.
const DUE_BYTES_MAX: usize = 4096;

/// How the one reply begins that comes before the end of its request: a line is too long for the
/// service.
const REFUSAL: &[u8] = b"error: ";

/// What the server has to answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outstanding {
    /// How many requests are whole, since the connection began.
    pub complete: u64,
    /// One more has begun.
    pub unfinished: bool,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Replies {
    /// How many requests are answered.
    pub answered: u64,
    /// How many bytes are no reply.
    pub unasked_bytes: u64,
    due: Option<ExpectedEcho>,
    line: ReplyLine,
}

/// The first line that was sent since nothing was owed.
#[derive(Clone, Debug)]
struct ExpectedEcho {
    line: Vec<u8>,
    /// No byte is to be added.
    whole: bool,
    /// Replies since then, which are none if the line comes back.
    passed: u64,
    passed_bytes: u64,
}

/// The line that is coming.
#[derive(Clone, Copy, Debug)]
struct ReplyLine {
    /// Its first byte came before a whole line was owed.
    early: bool,
    /// How many of its bytes came when something was to be answered.
    bytes: u64,
    /// How many of these are those of the line that is due; none once one was not.
    echo: Option<usize>,
    /// How many of its first bytes are those of a refusal, likewise.
    refusal: Option<usize>,
}

impl ReplyLine {
    const NONE: Self = Self { early: false, bytes: 0, echo: Some(0), refusal: Some(0) };
}

impl Replies {
    pub(super) const fn new() -> Self {
        Self { answered: 0, unasked_bytes: 0, due: None, line: ReplyLine::NONE }
    }

    /// Nothing is owed, nor begun, and a line is to be sent.
    pub(super) fn begin(&mut self) {
        let line = Vec::new();
        self.due = Some(ExpectedEcho { line, whole: false, passed: 0, passed_bytes: 0 });
        if self.line.bytes > 0 {
            self.unasked_bytes += self.line.bytes;
            self.line = ReplyLine { early: true, ..ReplyLine::NONE };
        }
    }

    /// These bytes were sent.
    pub(super) fn expect(&mut self, bytes: &[u8]) {
        let Some(due) = self.due.as_mut().filter(|due| !due.whole) else { return };
        let line = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let room = DUE_BYTES_MAX - due.line.len();
        due.line.extend(line.iter().take(room));
        due.whole = line.last() == Some(&b'\n') || line.len() >= room;
    }

    /// Counts lines, and pieces of them. Returns how many bytes at the beginning are no reply.
    pub(super) fn receive_lines(&mut self, bytes: &[u8], owed: Outstanding) -> usize {
        let lines = Framing::Lines.count(bytes);
        let left = owed.complete.saturating_sub(self.answered);
        let ends = bytes.last() == Some(&b'\n');
        // Most of what comes: nothing to compare, and no more than is owed.
        if self.due.is_none() && !self.line.early && (lines < left || (lines == left && ends)) {
            self.answered += lines;
            let tail = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
            let before = if lines == 0 { self.line.bytes } else { 0 };
            self.line = ReplyLine { bytes: before + wide(tail.len()), ..ReplyLine::NONE };
            return 0;
        }
        let mut unasked = 0;
        let mut leading = true;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            leading &= !self.receive_piece(piece, owed);
            unasked += if leading { piece.len() } else { 0 };
        }
        unasked
    }

    /// Counts bytes of records, `requests` of which were sent. Returns how many of them are
    /// replies.
    pub(super) fn receive_records(&mut self, count: usize, requests: u64) -> usize {
        let size = wide(REPLY_BYTES.get());
        let due = (requests - self.answered) * size - self.line.bytes;
        let asked = count.min(usize::try_from(due).unwrap_or(usize::MAX));
        let bytes = self.line.bytes + wide(asked);
        self.answered += bytes / size;
        self.line.bytes = bytes % size;
        self.unasked_bytes += wide(count - asked);
        asked
    }

    /// What comes next begins a line, whatever came before.
    pub(super) const fn begin_line(&mut self) {
        self.line = ReplyLine::NONE;
    }

    /// True if a part of a reply has come.
    pub(super) fn has_begun(&self, owed: Outstanding) -> bool {
        let expected = owed.complete > self.answered || owed.unfinished;
        expected && self.line.bytes > 0 && !self.is_stray()
    }

    /// A line, or a piece of one. Returns true if it may be a reply, or belong to one.
    fn receive_piece(&mut self, piece: &[u8], owed: Outstanding) -> bool {
        let count = wide(piece.len());
        let is_owed = owed.complete > self.answered;
        let ends = piece.last() == Some(&b'\n');
        // Perhaps more lines of a greeting came than were owed, and this one is an echo.
        let passed = self.due.as_ref().is_some_and(|due| due.passed > 0);
        if !is_owed && !owed.unfinished && !passed {
            self.unasked_bytes += self.line.bytes + count;
            self.line = ReplyLine { early: !ends, ..ReplyLine::NONE };
            return false;
        }
        self.line.early |= !is_owed;
        self.line.bytes += count;
        self.line.refusal = follows(REFUSAL, self.line.refusal, piece);
        if let Some(due) = &self.due {
            let cut = due.line.len() == DUE_BYTES_MAX;
            let fits = cut || self.line.bytes <= wide(due.line.len());
            self.line.echo = follows(&due.line, self.line.echo, piece).filter(|_| fits);
        }
        if !ends {
            return !self.is_stray();
        }
        let asked = self.finish_line(owed);
        self.line = ReplyLine::NONE;
        asked
    }

    /// The line has ended: what is it?
    fn finish_line(&mut self, owed: Outstanding) -> bool {
        let is_owed = owed.complete > self.answered;
        let begun = owed.unfinished && owed.complete == self.answered;
        let refused = (is_owed || begun) && self.line.refusal == Some(REFUSAL.len());
        if self.is_echo() {
            // The lines before it were a greeting.
            let due = self.due.take();
            let (passed, bytes) = due.map_or((0, 0), |due| (due.passed, due.passed_bytes));
            self.answered = self.answered + 1 - passed;
            self.unasked_bytes += bytes;
        } else if (is_owed && !self.is_stray()) || refused {
            self.answered += 1;
            if let Some(due) = &mut self.due {
                due.passed += 1;
                due.passed_bytes += self.line.bytes;
            }
        } else {
            self.unasked_bytes += self.line.bytes;
            return false;
        }
        true
    }

    /// True if the line that is coming began before something was owed, and does not go on as
    /// the line that is due.
    fn is_stray(&self) -> bool {
        self.line.early && self.line.echo.is_none()
    }

    /// True if the line that has come is the one that was due.
    fn is_echo(&self) -> bool {
        let due = self.due.as_ref().filter(|due| due.whole).map(|due| due.line.len());
        due.is_some() && self.line.echo == due
    }
}

/// How many bytes of `pattern` have come with `piece`, where `before` had come; none once one was
/// another. Behind its end anything may come.
fn follows(pattern: &[u8], before: Option<usize>, piece: &[u8]) -> Option<usize> {
    let rest = pattern.split_at(before?).1;
    let count = rest.len().min(piece.len());
    (rest.split_at(count).0 == piece.split_at(count).0).then_some(before? + count)
}
