//! Listening on a Unix socket, and the file that goes with it.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use log::{debug, info};
use rustix::fs::{FlockOperation, flock};

use crate::endpoint::Endpoint;
use crate::fault;

/// The file of a socket that we listen on. It is removed with this value, unless another has taken
/// its place by then: the next daemon may be listening already.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode. The number would be free as soon as the listener is closed, and the next
    /// daemon's socket might be given it: hence the descriptor.
    identity: (u64, u64),
    _pin: Option<OwnedFd>,
}

/// How often, and how far apart, a lock is tried that another daemon has while it starts: five
/// seconds, where that takes a millisecond.
const LOCK_TRIES: usize = 500;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

impl SocketFile {
    /// Where it is.
    pub(super) fn directory(&self) -> &Path {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or_else(|| Path::new("."))
    }
}

/// Listens on `path`. A socket that is there is replaced if nobody answers on it: it was left
/// behind by a process that was killed. Its permissions are what the umask leaves (umask(2)).
pub(super) fn listen(path: &Path, backlog: u32) -> io::Result<(UnixListener, SocketFile)> {
    let endpoint = Endpoint::Unix(path.to_owned());
    // Two daemons that start at once would both find nobody on a stale socket, and the second would
    // remove the first one's new one.
    let _lock = lock_directory(path)?;
    let listener = match bind(&endpoint, backlog) {
        Err(error) if fault::address_in_use(&error) => {
            remove_stale(&endpoint, path, error)?;
            bind(&endpoint, backlog)?
        }
        bound => bound?,
    };
    let pin = pin(path)?;
    Ok((listener, SocketFile { path: path.to_owned(), identity: identity(path)?, _pin: pin }))
}

/// Locks the directory of `path`; none where it can't be read.
fn lock_directory(path: &Path) -> io::Result<Option<File>> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Ok(directory) = File::open(directory.unwrap_or_else(|| Path::new("."))) else {
        return Ok(None);
    };
    for _ in 0..LOCK_TRIES {
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(directory)),
            Err(errno) if fault::would_block(&errno.into()) => thread::sleep(BETWEEN_TRIES),
            // A file system without locks.
            Err(_) => return Ok(None),
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "another process has locked its directory"))
}

/// Keeps the file's number from being given to another file, as long as this is open.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn pin(path: &Path) -> io::Result<Option<OwnedFd>> {
    use rustix::fs::{Mode, OFlags, open};

    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(Some(open(path, flags, Mode::empty())?))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail where there is such a descriptor")]
const fn pin(_path: &Path) -> io::Result<Option<OwnedFd>> {
    Ok(None)
}

fn bind(endpoint: &Endpoint, backlog: u32) -> io::Result<UnixListener> {
    let socket = endpoint.socket()?;
    socket.set_nonblocking(true)?;
    socket.bind(&endpoint.address()?)?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// Removes a socket on which nobody answers, and nothing else: then `in_use` it is. It may go by
/// itself meanwhile, with the daemon that it belonged to.
fn remove_stale(endpoint: &Endpoint, path: &Path, in_use: io::Error) -> io::Result<()> {
    let data = match fs::symlink_metadata(path) {
        Err(error) if fault::not_there(&error) => return Ok(()),
        data => data?,
    };
    if !data.file_type().is_socket() {
        return Err(io::Error::new(
            in_use.kind(),
            "a file of that name is there, which is no socket: remove it, or choose another path",
        ));
    }
    let probe = endpoint.socket()?;
    // A full queue is an answer too, and is not waited for.
    probe.set_nonblocking(true)?;
    match probe.connect(&endpoint.address()?) {
        Err(error) if fault::refused(&error) => {}
        Err(error) if fault::not_there(&error) => return Ok(()),
        _ => return Err(in_use),
    }
    info!("{endpoint} was left behind, and nobody answers on it: it is replaced");
    fs::remove_file(path)
        .or_else(|error| if fault::not_there(&error) { Ok(()) } else { Err(error) })
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|data| (data.dev(), data.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            debug!("{} could not be removed: {error}", self.path.display());
        }
    }
}
