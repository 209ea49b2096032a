//! Writes the log to standard error, without ever blocking the event loop.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::os::stderr;

/// Lines dropped so far by all sinks: the process has one standard error.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Standard error, written with [`stderr::try_write`]: a line that can't be written at once is
/// dropped and counted.
#[derive(Debug, Default)]
pub struct LogSink;

impl LogSink {
    /// Returns the number of lines dropped so far.
    pub fn dropped() -> u64 {
        DROPPED.load(Ordering::Relaxed)
    }
}

impl Write for LogSink {
    /// Takes one whole line, and reports success even if the line was dropped.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !stderr::try_write(line) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
