//! Listening on a Unix socket, and the file that goes with it.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use log::{debug, info};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::process::geteuid;

use crate::net::endpoint::Endpoint;
use crate::os::errno;

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
    let _lock = lock(path)?;
    let listener = match bind(&endpoint, backlog) {
        Err(error) if errno::is_address_in_use(&error) => {
            remove_stale(&endpoint, path, error)?;
            bind(&endpoint, backlog)?
        }
        bound => bound?,
    };
    let pin = pin(path)?;
    Ok((listener, SocketFile { path: path.to_owned(), identity: identity(path)?, _pin: pin }))
}

/// A file beside a socket's, which is there and locked while a daemon sets the socket up. It is
/// nobody else's: who could lock it could keep every daemon from starting, and a directory can be
/// locked by anybody who may read it.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Drop for Lock {
    /// Removes the file while it is locked, so that whoever waits for the lock sees that it is of a
    /// file that has gone.
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            debug!("{} could not be removed: {error}", self.path.display());
        }
    }
}

/// Takes the lock of `socket`; none where there can be no file for it of our own, or no lock. Then
/// two daemons that start at once may both believe that they have the socket, and that is better
/// than that somebody else decides whether one starts.
fn lock(socket: &Path) -> io::Result<Option<Lock>> {
    let mut path = socket.to_owned();
    path.as_mut_os_string().push(".lock");
    for _ in 0..LOCK_TRIES {
        let Some(file) = open_lock(&path) else {
            debug!("{} can't be ours: it is done without", path.display());
            return Ok(None);
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // It may be of a file that the last owner of the lock has removed meanwhile.
            Ok(()) if is_at(&file, &path) => return Ok(Some(Lock { path, _file: file })),
            Ok(()) => {}
            Err(errno) if errno::would_block(&errno.into()) => thread::sleep(BETWEEN_TRIES),
            // A file system without locks.
            Err(_) => return Ok(None),
        }
    }
    let message = format!("another process has locked {}", path.display());
    Err(io::Error::new(io::ErrorKind::TimedOut, message))
}

/// Opens the file, or makes it, if it is a regular file of this user.
fn open_lock(path: &Path) -> Option<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR);
    let file = File::from(opened.ok()?);
    let own = |data: &Metadata| data.is_file() && data.uid() == geteuid().as_raw();
    file.metadata().is_ok_and(|data| own(&data)).then_some(file)
}

/// True if it is this file that is there.
fn is_at(file: &File, path: &Path) -> bool {
    let opened = file.metadata().map(|data| (data.dev(), data.ino()));
    opened.is_ok_and(|opened| identity(path).is_ok_and(|there| there == opened))
}

/// Keeps the file's number from being given to another file, as long as this is open.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn pin(path: &Path) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(Some(rustix::fs::open(path, flags, Mode::empty())?))
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
        Err(error) if errno::is_not_found(&error) => return Ok(()),
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
        Err(error) if errno::is_refused(&error) => {}
        Err(error) if errno::is_not_found(&error) => return Ok(()),
        _ => return Err(in_use),
    }
    info!("{endpoint} was left behind, and nobody answers on it: it is replaced");
    fs::remove_file(path)
        .or_else(|error| if errno::is_not_found(&error) { Ok(()) } else { Err(error) })
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
