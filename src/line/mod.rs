//! Bytes and lines: finds the whole requests and keeps an unfinished one. No sockets, no clock.
//!
//! All connections share one read buffer; each connection has its own line buffer, which is empty
//! while no request is unfinished. Whole requests are answered directly from the read buffer,
//! contiguous even if their beginning arrived earlier.

mod buffer;
mod framing;
#[cfg(test)]
mod tests;

pub use buffer::{LineBuffer, ReadBuffer};
pub use framing::Framing;

/// The longest `--max-line`, in bytes. The read buffer holds one such line in addition to a read,
/// so this bounds the only buffer of configurable size.
pub const LINE_BYTES_LIMIT: usize = 16 << 20;

/// A read of at least this many bytes is a bulk stream, if lines are shorter than that. An
/// unfinished line at its end is echoed at once, as a piece: keeping it would move all following
/// bytes off the page boundary, and the kernel copies more slowly from elsewhere.
pub const STREAM_BYTES: usize = 16 << 10;

/// The size of a read, in bytes, if the input is echoed. This is all that a flooding peer gets in a
/// turn, before the other connections get theirs.
pub const READ_BYTES_MAX: usize = 64 << 10;
