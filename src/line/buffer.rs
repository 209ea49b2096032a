//! The read buffer that all connections share, and each connection's own line buffer.

use std::ops::Range;

/// A connection's own buffer: the beginning of an incomplete request.
///
/// It owns no memory while it is empty, and never grows past twice its contents.
#[derive(Debug, Default)]
pub struct LineBuffer {
    partial: Vec<u8>,
}

impl LineBuffer {
    /// The number of kept bytes.
    pub const fn len(&self) -> usize {
        self.partial.len()
    }

    /// True if no bytes are kept.
    pub const fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// The kept bytes.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// Replaces the kept bytes with `bytes`.
    pub fn replace(&mut self, bytes: &[u8]) {
        self.partial.clear();
        self.partial.extend_from_slice(bytes);
    }

    /// Returns the kept bytes and releases their memory.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }

    /// Joins the kept bytes with those just read: `fresh` is their range in `read`, and the first
    /// `complete` of them end a request. Returns the complete requests in one piece, and keeps the
    /// rest for the next call.
    ///
    /// If bytes are kept, `fresh` starts at 0, directly after them.
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
            // Exactly the needed size: most lines are complete after the second read.
            self.partial = read.filled(end..fresh.end).to_vec();
        }
        read.prepend(&kept, fresh.start..end)
    }
}

/// The page size. The kernel copies to and from a page boundary a fifth faster than elsewhere.
const ALIGNMENT: usize = 4096;

/// malloc(3) of glibc takes a block of at least 128 KiB (`M_MMAP_THRESHOLD`) from the kernel, if
/// its heap has no room of that size (`M_TOP_PAD` is 128 KiB too). Such pages cost no memory before
/// their first use. A smaller block comes from the heap, and calloc(3) clears it at once.
const UNTOUCHED_MIN: usize = 256 * 1024;

/// The read buffer that all connections share, one after another.
///
/// It has headroom for one unfinished line before the place of a read, so that the beginning of a
/// line, kept from an earlier turn, can be put in front of its end.
#[derive(Debug)]
pub struct ReadBuffer {
    /// Never resized, so that it keeps its address.
    bytes: Vec<u8>,
    headroom: usize,
}

#[expect(clippy::indexing_slicing, reason = "headroom + what is read never exceeds the length")]
impl ReadBuffer {
    /// Creates a buffer for lines of `line_bytes_max` and reads of `read_bytes_max` bytes.
    ///
    /// # Panics
    ///
    /// If `read_bytes_max` is 0: such a read returns 0, like the end of the input.
    pub fn new(line_bytes_max: usize, read_bytes_max: usize) -> Self {
        assert!(read_bytes_max > 0, "a read into an empty buffer looks like the end of the input");
        let needed = line_bytes_max + ALIGNMENT + read_bytes_max;
        let mut bytes = vec![0; needed.max(UNTOUCHED_MIN)];
        // The first page boundary after the longest line.
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

    /// A range of the bytes just read.
    pub fn filled(&self, bytes: Range<usize>) -> &[u8] {
        &self.bytes[self.headroom + bytes.start..self.headroom + bytes.end]
    }

    /// Puts `kept` in front of the `fresh` bytes; returns both in one piece.
    fn prepend(&mut self, kept: &[u8], fresh: Range<usize>) -> &[u8] {
        let seam = self.headroom + fresh.start;
        self.bytes[seam - kept.len()..seam].copy_from_slice(kept);
        &self.bytes[seam - kept.len()..self.headroom + fresh.end]
    }
}
