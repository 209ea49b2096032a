//! The lent read buffer and the line buffer that each connection has of its own.

use std::ops::Range;

/// A connection's own buffer: the beginning of a request whose end has not come yet.
///
/// It owns no memory while it is empty, and never grows past twice what is kept in it.
#[derive(Debug, Default)]
pub struct LineBuffer {
    partial: Vec<u8>,
}

impl LineBuffer {
    /// How many bytes are kept.
    pub const fn len(&self) -> usize {
        self.partial.len()
    }

    /// True if nothing is kept.
    pub const fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// What is kept.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// Keeps `bytes` in place of what was kept.
    pub fn replace(&mut self, bytes: &[u8]) {
        self.partial.clear();
        self.partial.extend_from_slice(bytes);
    }

    /// Gives up what is kept, and its memory with it.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }

    /// Joins what is kept and what was just read into `read`, the bytes of `fresh`, of which the
    /// first `complete` end a request. Returns what is complete, in one piece, and keeps the rest
    /// for next time.
    ///
    /// If something is kept, `fresh` begins at 0, where that something goes on.
    pub fn join<'a>(
        &mut self,
        read: &'a mut ReadBuffer,
        fresh: Range<usize>,
        complete: usize,
    ) -> &'a [u8] {
        debug_assert!(self.is_empty() || fresh.start == 0, "a gap in a line");
        let end = fresh.start + complete;
        if complete == 0 {
            self.partial.extend_from_slice(read.filled(fresh));
            return &[];
        }
        let kept = self.take();
        if end < fresh.end {
            // Exactly what is needed: most lines come whole the second time.
            self.partial = read.filled(end..fresh.end).to_vec();
        }
        read.prepend(&kept, fresh.start..end)
    }
}

/// Where a page begins. The kernel copies to and from there a fifth quicker than elsewhere.
const ALIGNMENT: usize = 4096;

/// The one buffer that everything is read into, lent to each connection in its turn.
///
/// It has headroom for one unfinished line before the place that is read into, so that a line's
/// beginning, kept from an earlier turn, can be put in front of its end.
#[derive(Debug)]
pub struct ReadBuffer {
    /// Never longer or shorter than at first, so that it stays where it is.
    bytes: Vec<u8>,
    headroom: usize,
}

#[expect(clippy::indexing_slicing, reason = "headroom + what is read never exceeds the length")]
impl ReadBuffer {
    /// A buffer for lines of `line_bytes_max` and reads of `read_bytes_max`, both in bytes.
    ///
    /// # Panics
    ///
    /// If there is nothing to read into: such a read returns 0, like the end of the input.
    pub fn new(line_bytes_max: usize, read_bytes_max: usize) -> Self {
        assert!(read_bytes_max > 0, "a read into an empty buffer looks like the end of the input");
        let mut bytes = vec![0; line_bytes_max + ALIGNMENT + read_bytes_max];
        // The first page that begins behind the longest line.
        let page =
            bytes.get(line_bytes_max..).map_or(0, |rest| rest.as_ptr().align_offset(ALIGNMENT));
        let headroom = line_bytes_max + page;
        bytes.truncate(headroom + read_bytes_max);
        Self { bytes, headroom }
    }

    /// The place to read into; never empty, because such a read returns 0, like the end of input.
    pub fn spare(&mut self) -> &mut [u8] {
        &mut self.bytes[self.headroom..]
    }

    /// Bytes of what was just read.
    pub fn filled(&self, bytes: Range<usize>) -> &[u8] {
        &self.bytes[self.headroom + bytes.start..self.headroom + bytes.end]
    }

    /// Puts `kept` in front of those `fresh` bytes; returns both, in one piece.
    fn prepend(&mut self, kept: &[u8], fresh: Range<usize>) -> &[u8] {
        let seam = self.headroom + fresh.start;
        self.bytes[seam - kept.len()..seam].copy_from_slice(kept);
        &self.bytes[seam - kept.len()..self.headroom + fresh.end]
    }
}
