//! Where a request ends.

use std::num::NonZeroUsize;

use memchr::memrchr;

use super::STREAM_BYTES;

/// How a stream of bytes is divided into requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Lines, and a line longer than the limit in pieces, as `readline(MAXLINE)` returns them
    /// (UNIX Network Programming, section 3.9).
    Pieces,
    /// Lines, each of which is one request; what is longer than the limit is no request.
    Lines,
    /// Records of that many bytes.
    Records(NonZeroUsize),
}

impl Framing {
    /// How many bytes of `fresh` complete requests, where `kept` bytes of an unfinished one came
    /// before them. `line_bytes_max` is where a line without an end is cut, in bytes.
    ///
    /// What is left over is shorter than `line_bytes_max` under [`Self::Pieces`], and nothing of a
    /// stream; it is shorter than a record under [`Self::Records`]. Under [`Self::Lines`] it may
    /// be longer: that is for the caller to refuse.
    pub fn complete(self, kept: usize, fresh: &[u8], line_bytes_max: usize) -> usize {
        match self {
            // Nearly every read ends where a line does; then there is nothing to look for.
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

    /// True if no request is left unfinished after `fresh`, of which `complete` bytes complete
    /// requests; a piece of a line does not finish it.
    pub fn ends_with(self, fresh: &[u8], complete: usize) -> bool {
        let pieces = self == Self::Pieces && !fresh.is_empty();
        complete == fresh.len() && !(pieces && fresh.last() != Some(&b'\n'))
    }

    /// How many requests `complete` bytes hold, which end where a request does.
    pub fn count(self, complete: &[u8]) -> u64 {
        match self {
            Self::Pieces | Self::Lines => newlines(complete),
            Self::Records(size) => u64::try_from(complete.len() / size).unwrap_or(u64::MAX),
        }
    }
}

/// True if that many bytes at once are a stream: more than a line may have, and so many that it
/// is not worth while to keep the end of them.
const fn is_stream(fresh: usize, line_bytes_max: usize) -> bool {
    fresh >= STREAM_BYTES && line_bytes_max < STREAM_BYTES
}

/// Counts newlines. A block of fixed size is counted in 21 instructions; to look for each newline
/// takes eight times as many in a line of 64 bytes.
fn newlines(bytes: &[u8]) -> u64 {
    if bytes.len() >= STREAM_BYTES {
        return newlines_in_many(bytes);
    }
    let (blocks, rest) = bytes.as_chunks::<64>();
    blocks.iter().map(|block| newlines_in(block)).sum::<u64>() + newlines_in(rest)
}

/// The same for so many bytes that the widest instructions this machine has are worth a call.
#[cold]
fn newlines_in_many(many: &[u8]) -> u64 {
    u64::try_from(bytecount::count(many, b'\n')).unwrap_or(u64::MAX)
}

/// The same for so few bytes that a byte can hold the count.
#[inline]
fn newlines_in(few: &[u8]) -> u64 {
    few.iter().map(|byte| u8::from(*byte == b'\n')).fold(0, u8::wrapping_add).into()
}

/// How many of `fresh` bytes fill units of `size`, `kept` bytes of the first being there already.
const fn whole(kept: usize, fresh: usize, size: usize) -> usize {
    (fresh + kept).saturating_sub((fresh + kept) % size).saturating_sub(kept)
}
