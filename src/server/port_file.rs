//! The port file: the addresses, one per line, for programs that wait until the daemon is ready.
//!
//! A regular file is replaced, so that a reader sees either the whole new file or the old one. Any
//! other file (a device, a FIFO, a link) was set up on purpose, and is written in place.

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

/// How long to wait for the reader of a FIFO to open it, and to read. No peer is served meanwhile.
const READER_TIMEOUT: Duration = Duration::from_secs(5);

/// The interval between tries to find a reader.
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

/// Writes a temporary file in the same directory, under a new name that can't be guessed, and
/// renames it. The umask determines its permissions.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    // With the file's own name in it, the temporary name could be too long.
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
    // Through our own descriptor: /dev/stdout is a link to it, and it can be a socket, belong to
    // another user, or share its file position with other processes.
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

/// Writes as much as the reader takes at once, and waits in between, until `until` at the latest.
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

/// The bytes that a writable pipe takes at once (`PIPE_BUF`, pipe(7)).
const PIECE: usize = 4096;

fn unread() -> io::Error {
    let message = format!("no process has read it for {READER_TIMEOUT:?}");
    io::Error::new(io::ErrorKind::TimedOut, message)
}
