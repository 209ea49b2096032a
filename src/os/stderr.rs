//! Writes to standard error without blocking: its reader may be slow or gone, or its disk full, and
//! that must not delay an echo.
//!
//! The descriptor itself stays blocking, because other programs, such as the shell, share its open
//! file description. A poll(2) before the write is not enough, because one of them may fill the
//! pipe in between. So each kind of file that can block has its own non-blocking write:
//!
//! | standard error | method |
//! |---|---|
//! | pipe, terminal | write to an open file description of our own that does not block: the file is opened again |
//! | socket | non-blocking send |
//! | pipe that we may not open | non-blocking write (`RWF_NOWAIT`), since Linux 6.4 |
//! | others | write after poll(2): files and most devices have no reader to wait for |
//!
//! Under the last row a write may still block: to a terminal of another user that we may not open,
//! to such a pipe on an older kernel, and to both on systems other than Linux.

use std::env;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::fs::{FileType, fstat};
use rustix::net::{SendFlags, send};

use crate::os::descriptors;
use crate::os::errno;

/// The longest line that is written, in bytes. A pipe takes this much as a whole or not at all
/// (`PIPE_BUF`, pipe(7)).
pub const LINE_BYTES_MAX: usize = 4096;

/// How long the last line of a program may wait.
const LAST_LINE_TIMEOUT: Duration = Duration::from_secs(1);

/// True if the service manager has connected standard error to the journal, and not only named it
/// in a variable that a shell passed on (`JOURNAL_STREAM`, systemd.exec(5)).
pub fn is_journal() -> bool {
    let Some(named) = env::var_os("JOURNAL_STREAM") else { return false };
    fstat(io::stderr())
        .is_ok_and(|data| named.to_str() == Some(&format!("{}:{}", data.st_dev, data.st_ino)))
}

/// True if a line would neither block nor fail, as far as poll(2) can tell. A full pipe and a
/// terminal stopped with Ctrl-S are not writable; a closed pipe has other flags too.
pub fn is_writable() -> bool {
    descriptors::poll_now(io::stderr(), PollFlags::OUT) == Some(PollFlags::OUT)
}

/// Writes one whole line, truncated if very long, if that does not block. Returns false if the line
/// was dropped.
pub fn try_write(line: &[u8]) -> bool {
    static OUTLET: LazyLock<Mutex<Outlet>> = LazyLock::new(|| Mutex::new(Outlet::of_stderr()));

    let mut outlet = OUTLET.lock().unwrap_or_else(PoisonError::into_inner);
    outlet.try_write(io::stderr().as_fd(), line)
}

/// Writes the last line of a program, and waits a little for it if necessary.
pub fn write_last(line: &[u8]) {
    if !try_write(line) {
        descriptors::wait(io::stderr(), PollFlags::OUT, LAST_LINE_TIMEOUT);
        try_write(line);
    }
}

/// Writes lines to a descriptor.
#[derive(Debug)]
pub(super) struct Outlet {
    way: Way,
    /// The unwritten rest of the last line: a terminal or a socket may take part of one.
    rest: Vec<u8>,
}

#[derive(Debug)]
enum Way {
    /// An open file description of our own, which does not block.
    Own(OwnedFd),
    Socket,
    /// A pipe that could not be opened.
    Shared,
    /// A file or device without a reader, or a terminal that could not be opened.
    Plain,
}

impl Outlet {
    /// For a file without a reader, or a descriptor that is our own and does not block.
    pub(super) const fn plain() -> Self {
        Self { way: Way::Plain, rest: Vec::new() }
    }

    fn of_stderr() -> Self {
        Self::new(io::stderr().as_fd(), "/proc/self/fd/2")
    }

    /// Chooses the method for `descriptor`, which can also be opened at `path`.
    fn new(descriptor: BorrowedFd<'_>, path: &str) -> Self {
        let kind = fstat(descriptor).map(|data| FileType::from_raw_mode(data.st_mode));
        let way = match kind {
            Ok(FileType::Socket) => Way::Socket,
            Ok(FileType::Fifo) => open(path).map_or(Way::Shared, Way::Own),
            _ if descriptor.is_terminal() => open(path).map_or(Way::Plain, Way::Own),
            _ => Way::Plain,
        };
        Self { way, rest: Vec::new() }
    }

    pub(super) fn try_write(&mut self, descriptor: BorrowedFd<'_>, line: &[u8]) -> bool {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() && !self.write_start(descriptor, &rest) {
            self.rest = rest;
        }
        // Otherwise this line would end up in the middle of the previous one.
        self.rest.is_empty()
            && match line.get(..LINE_BYTES_MAX - 1).filter(|_| line.len() > LINE_BYTES_MAX) {
                Some(cut) => self.write_start(descriptor, &[cut, b"\n"].concat()),
                None => self.write_start(descriptor, line),
            }
    }

    /// Writes at least the beginning, and keeps the rest. Returns false if nothing was written.
    fn write_start(&mut self, descriptor: BorrowedFd<'_>, bytes: &[u8]) -> bool {
        let written = loop {
            match self.write(descriptor, bytes) {
                Err(error) if errno::is_interrupted(&error) => {}
                Err(_) => return false,
                Ok(written) => break written,
            }
        };
        self.rest = bytes.split_at(written).1.to_vec();
        written > 0
    }

    fn write(&self, descriptor: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        match &self.way {
            Way::Own(own) => Ok(rustix::io::write(own, bytes)?),
            Way::Socket => Ok(send(descriptor, bytes, SendFlags::DONTWAIT | NO_SIGNAL)?),
            Way::Shared => write_without_waiting(descriptor, bytes),
            Way::Plain => write_if_ready(descriptor, bytes),
        }
    }
}

/// Apple's systems have no such flag; there SIGPIPE is ignored, as the standard library arranges.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: SendFlags = SendFlags::empty();

/// Opens a pipe or a terminal again. That fails if it is another user's, or if a pipe has no
/// reader.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn open(path: &str) -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags};

    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// On other systems the path stands for the same open file description.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn open(_path: &str) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn write_without_waiting(descriptor: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    use rustix::io::{ReadWriteFlags, pwritev2};

    let bytes = [io::IoSlice::new(bytes)];
    match pwritev2(descriptor, &bytes, u64::MAX, ReadWriteFlags::NOWAIT).map_err(io::Error::from) {
        Err(error) if errno::is_unsupported(&error) => {
            let [bytes] = bytes;
            write_if_ready(descriptor, &bytes)
        }
        written => written,
    }
}

#[cfg(not(target_os = "linux"))]
fn write_without_waiting(descriptor: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    write_if_ready(descriptor, bytes)
}

fn write_if_ready(descriptor: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    if descriptors::poll_now(descriptor, PollFlags::OUT) != Some(PollFlags::OUT) {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    Ok(rustix::io::write(descriptor, bytes)?)
}

#[cfg(target_os = "linux")]
#[cfg(test)]
#[path = "stderr/tests.rs"]
mod tests;
