//! Bytes and lines: what is a whole request, and what is kept of an unfinished one. No sockets,
//! no clock.
//!
//! The read buffer is lent, one for all connections; the line buffer is a connection's own, and
//! empty while there is nothing unfinished. Whole requests are answered straight out of the
//! read buffer, contiguous even if their beginning came earlier.

mod buffer;
mod framing;
#[cfg(test)]
mod tests;

pub use buffer::{LineBuffer, ReadBuffer};
pub use framing::Framing;

/// The longest `--max-line`, in bytes. The read buffer holds one such line besides what is read
/// at once, so this bounds the only buffer whose size a flag decides.
pub const LINE_BYTES_LIMIT: usize = 16 << 20;

/// From how many bytes in a read on somebody streams, where lines are shorter than that. An
/// unfinished line at the end of them goes back at once, a piece of it: to keep it would move all
/// that follows away from the page's beginning, and the kernel copies more slowly from elsewhere.
pub const STREAM_BYTES: usize = 16 << 10;

/// How much is read at once, in bytes, when the input goes back as it is. It is all that a
/// flooding peer gets in a turn, before the others have theirs.
pub const READ_BYTES_MAX: usize = 64 << 10;
