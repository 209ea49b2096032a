//! The port file: the addresses, one a line, for programs that wait until the daemon is ready.
//!
//! A regular file is replaced, so that a reader sees all of it or the old one. What is no regular
//! file (a device, a FIFO, a link) is somebody's arrangement, and is written in place.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::fs::{Mode, OFlags};

use crate::net::endpoint::Endpoint;
use crate::os::descriptors;
use crate::os::errno;

/// How long a reader of a FIFO is waited for, or one that does not read. Nobody is served
/// meanwhile.
const READER_TIMEOUT: Duration = Duration::from_secs(5);

/// How far apart it is looked whether there is a reader.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// Writes the addresses.
pub(super) fn write(file: &Path, addresses: &[Endpoint]) -> io::Result<()> {
    let mut lines: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    lines.push(String::new());
    let text = lines.join("\n");
    match fs::symlink_metadata(file) {
        Err(error) if errno::is_not_found(&error) => replace(file, text.as_bytes()),
        Ok(data) if data.is_file() => replace(file, text.as_bytes()),
        Ok(_) => write_in_place(file, text.as_bytes()),
        Err(error) => Err(error),
    }
}

/// Writes another file beside it, under a name that nobody can guess and that was not there before,
/// and gives it the name. Its permissions are what the umask leaves.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    // Its own name in there could make that one too long.
    let mut unfinished = tempfile::Builder::new()
        .prefix(".tcpechod-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory.unwrap_or_else(|| Path::new(".")))?;
    unfinished.write_all(text)?;
    unfinished.persist(file).map_err(|error| error.error)?;
    Ok(())
}

fn write_in_place(file: &Path, text: &[u8]) -> io::Result<()> {
    let until = Instant::now() + READER_TIMEOUT;
    let data = match fs::metadata(file) {
        Err(error) if errno::is_not_found(&error) => None,
        data => Some(data?),
    };
    // By its own descriptor, which can be a socket, another user's, or a file with a position that
    // others share: /dev/stdout is a link to it.
    for standard in [io::stdout().as_fd(), io::stderr().as_fd()] {
        if data.as_ref().is_some_and(|data| is_same(data, standard)) {
            return write_in_time(standard, text, until);
        }
    }
    let kind = data.map(|data| data.file_type());
    if kind.is_some_and(|kind| kind.is_dir() || kind.is_block_device() || kind.is_socket()) {
        let message = "it is a directory, a disk or a socket, which can't be written like a file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let create = if kind.is_none() { OFlags::CREATE } else { OFlags::TRUNC };
    let opened = loop {
        let everybody = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
        let opened = rustix::fs::open(file, flags | create, everybody);
        match opened.map_err(io::Error::from) {
            Err(error) if errno::is_without_reader(&error) && Instant::now() < until => {
                thread::sleep(BETWEEN_TRIES);
            }
            Err(error) if errno::is_without_reader(&error) => return Err(unread()),
            opened => break opened?,
        }
    };
    write_in_time(opened.as_fd(), text, until)
}

fn is_same(data: &Metadata, standard: BorrowedFd<'_>) -> bool {
    let own = standard.try_clone_to_owned().and_then(|own| File::from(own).metadata());
    own.is_ok_and(|own| (own.dev(), own.ino()) == (data.dev(), data.ino()))
}

/// Writes what its reader takes at once, and waits in between, but not for ever.
fn write_in_time(to: BorrowedFd<'_>, mut text: &[u8], until: Instant) -> io::Result<()> {
    while !text.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        match descriptors::wait(to, PollFlags::OUT, left) {
            Some(ready) if ready.is_empty() => return Err(unread()),
            _ => {}
        }
        let piece = text.get(..PIECE).unwrap_or(text);
        match rustix::io::write(to, piece).map_err(io::Error::from) {
            Ok(written) => text = text.get(written..).unwrap_or_default(),
            Err(error) if errno::would_block(&error) || errno::is_interrupted(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A pipe that is writable takes this much at once (`PIPE_BUF`, pipe(7)).
const PIECE: usize = 4096;

fn unread() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("nobody has read it for {READER_TIMEOUT:?}"))
}
