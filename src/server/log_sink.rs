//! Writes the log to standard error or to a file, without ever blocking the event loop.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::os::log_file::LogFile;
use crate::os::stderr;

use super::LogFormat;

/// Lines dropped so far by all sinks: the process has one log.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// The log file; none while the log goes to standard error.
static FILE: Mutex<Option<LogFile>> = Mutex::new(None);

/// The log: the file of [`Self::open`], or else standard error. A line that can't be written at
/// once is dropped and counted.
#[derive(Debug, Default)]
pub struct LogSink;

impl LogSink {
    /// Sends the log to this file from now on.
    ///
    /// # Errors
    ///
    /// The file can't be opened or created.
    pub fn open(path: &Path) -> io::Result<()> {
        *file() = Some(LogFile::open(path)?);
        Ok(())
    }

    /// Opens the file of the same name, which may be another one by now.
    pub(super) fn reopen() -> io::Result<()> {
        file().as_mut().map_or(Ok(()), LogFile::reopen)
    }

    /// Gives a file that this daemon has created to that user.
    pub(super) fn give_to(user: u32) -> io::Result<()> {
        file().as_ref().map_or(Ok(()), |file| file.give_to(user))
    }

    /// Writes the error that ends the daemon: to standard error in any case, where it is looked for
    /// first. No filter of the log suppresses it.
    pub fn fatal(format: LogFormat, error: &anyhow::Error) {
        stderr::write_last(format.on_stderr().fatal_line(error).as_bytes());
        if let Some(file) = &mut *file() {
            file.try_write(format.error_line(error).as_bytes());
        }
    }

    /// Returns the number of lines dropped so far.
    pub fn dropped() -> u64 {
        DROPPED.load(Ordering::Relaxed)
    }
}

impl Write for LogSink {
    /// Takes one whole line, and reports success even if the line was dropped.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let taken = match &mut *file() {
            Some(file) => file.try_write(line),
            None => stderr::try_write(line),
        };
        if !taken {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn file() -> MutexGuard<'static, Option<LogFile>> {
    FILE.lock().unwrap_or_else(PoisonError::into_inner)
}
