//! Where the log goes: standard error, but never at the price of the event loop.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The longest line that is written. A pipe that says it is writable takes this much at once
/// (`PIPE_BUF`, pipe(7)).
const LINE_BYTES_MAX: usize = 4096;

/// How many lines were dropped so far, by all sinks: the process has one standard error.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Standard error, without waiting: a line that it does not take at once is dropped and counted.
/// Its reader may be slow or gone, its disk full, and nobody's echo is late for it.
///
/// The descriptor is not made non-blocking, because others share it.
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
        let written = is_writable()
            && match line.get(..LINE_BYTES_MAX - 1) {
                Some(cut) => io::stderr().write_all(&[cut, b"\n"].concat()).is_ok(),
                None => io::stderr().write_all(line).is_ok(),
            };
        if !written {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_writable() -> bool {
    let stderr = io::stderr();
    let mut fds = [PollFd::new(&stderr, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).is_ok() && fds.iter().any(|fd| fd.revents() == PollFlags::OUT)
}
