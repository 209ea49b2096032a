//! Where the log goes: standard error, but never at the price of the event loop.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::os::stderr;

/// How many lines were dropped so far, by all sinks: the process has one standard error.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Standard error, written with [`stderr::try_write`]: a line that can't be written at once is
/// dropped and counted.
#[derive(Debug, Default)]
pub struct LogSink;

impl LogSink {
    /// How many lines were dropped so far.
    pub fn dropped() -> u64 {
        DROPPED.load(Ordering::Relaxed)
    }
}

impl Write for LogSink {
    /// Takes one whole line, and says so whatever became of it.
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
