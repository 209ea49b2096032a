//! Standard error, without waiting: its reader may be slow or gone, its disk full, and no echo is
//! late for it.
//!
//! The descriptor is not made non-blocking, because other programs share it.

use std::io::{self, Write};

use rustix::event::PollFlags;

use crate::descriptors;

/// The longest line that is written, in bytes. A pipe that says it is writable takes this much at
/// once (`PIPE_BUF`, pipe(7)).
pub const LINE_BYTES_MAX: usize = 4096;

/// True if a line would neither wait nor fail. A pipe that nobody empties and a terminal that was
/// stopped with Ctrl-S are not writable; one that is gone has other flags too.
pub fn is_writable() -> bool {
    descriptors::ready(io::stderr(), PollFlags::OUT) == Some(PollFlags::OUT)
}

/// Writes one whole line, cut if it is very long, if that does not wait. Returns false if it was
/// dropped.
pub fn offer(line: &[u8]) -> bool {
    is_writable()
        && match line.get(..LINE_BYTES_MAX - 1).filter(|_| line.len() > LINE_BYTES_MAX) {
            Some(cut) => io::stderr().write_all(&[cut, b"\n"].concat()).is_ok(),
            None => io::stderr().write_all(line).is_ok(),
        }
}
