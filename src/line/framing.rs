//! Finds the ends of requests.

use std::num::NonZeroUsize;

use memchr::memrchr;

use crate::num;

use super::STREAM_BYTES;

/// How a stream of bytes is divided into requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Lines; one longer than the limit is split into pieces, as `readline(MAXLINE)` returns them
    /// (UNIX Network Programming, section 3.9).
    Pieces,
    /// Lines, one request each; a line longer than the limit is not a request.
    Lines,
    /// Records of this many bytes.
    Records(NonZeroUsize),
}

impl Framing {
    /// Returns how many bytes of `fresh` complete requests, after `kept` bytes of an unfinished
    /// one. A line without an end is cut at `line_bytes_max` bytes.
    ///
    /// Under [`Self::Pieces`] the remainder is shorter than `line_bytes_max`, and empty after a
    /// read of a bulk stream; under [`Self::Records`] it is shorter than a record. Under
    /// [`Self::Lines`] it may be longer, and the caller has to reject it.
    pub fn complete(self, kept: usize, fresh: &[u8], line_bytes_max: usize) -> usize {
        match self {
            // Nearly every read ends with a newline; then there is nothing to search for.
            Self::Pieces | Self::Lines if fresh.last() == Some(&b'\n') => fresh.len(),
            Self::Pieces if is_stream(fresh.len(), line_bytes_max) => fresh.len(),
            Self::Pieces => match memrchr(b'\n', fresh) {
                Some(newline) => newline + 1 + whole(0, fresh.len() - newline - 1, line_bytes_max),
                None => whole(kept, fresh.len(), line_bytes_max),
            },
            Self::Lines => memrchr(b'\n', fresh).map_or(0, |newline| newline + 1),
            Self::Records(size) => whole(kept, fresh.len(), size.get()),
        }
    }

    /// True if no request is unfinished after `fresh`, of which `complete` bytes complete requests.
    /// A piece of a line does not finish the line.
    pub fn ends_with(self, fresh: &[u8], complete: usize) -> bool {
        let pieces = self == Self::Pieces && !fresh.is_empty();
        complete == fresh.len() && !(pieces && fresh.last() != Some(&b'\n'))
    }

    /// Returns the number of requests in `complete`, which ends with the end of a request.
    pub fn count(self, complete: &[u8]) -> u64 {
        match self {
            Self::Pieces | Self::Lines => newlines(complete),
            Self::Records(size) => num::to_u64(complete.len() / size),
        }
    }
}

/// True if this many bytes in one read are a bulk stream: more than a line may have, and so many
/// that keeping their end is not worthwhile.
const fn is_stream(fresh: usize, line_bytes_max: usize) -> bool {
    fresh >= STREAM_BYTES && line_bytes_max < STREAM_BYTES
}

/// Counts newlines. A block of fixed size is counted in 21 instructions; a search for each newline
/// takes eight times as many for lines of 64 bytes.
fn newlines(bytes: &[u8]) -> u64 {
    if bytes.len() >= STREAM_BYTES {
        return newlines_in_many(bytes);
    }
    let (blocks, rest) = bytes.as_chunks::<64>();
    blocks.iter().map(|block| newlines_in(block)).sum::<u64>() + newlines_in(rest)
}

/// The same for so many bytes that the machine's widest instructions are worth a call.
#[cold]
fn newlines_in_many(many: &[u8]) -> u64 {
    num::to_u64(bytecount::count(many, b'\n'))
}

/// The same for so few bytes that a byte can hold the count.
#[inline]
fn newlines_in(few: &[u8]) -> u64 {
    few.iter().map(|byte| u8::from(*byte == b'\n')).fold(0, u8::wrapping_add).into()
}

/// Returns how many of `fresh` bytes complete units of `size`, given `kept` bytes of the first
/// unit.
const fn whole(kept: usize, fresh: usize, size: usize) -> usize {
    (fresh + kept).saturating_sub((fresh + kept) % size).saturating_sub(kept)
}
