//! Listening on a Unix socket, and its file.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use log::{debug, info};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::process::geteuid;
use socket2::Socket;

use crate::net::endpoint::Endpoint;
use crate::os::errno;

use super::sandbox;

/// The file of a listening socket. Dropping this value removes it, unless another file has taken
/// its place: the next daemon may be listening already.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode. The inode number is free as soon as the listener is closed, and the next
    /// daemon's socket might get it: hence the descriptor.
    identity: (u64, u64),
    _pin: Option<OwnedFd>,
}

/// The number of tries to take a lock that a starting daemon holds, and the interval between them:
/// five seconds in all, where a start takes a millisecond.
const LOCK_TRIES: usize = 500;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

impl SocketFile {
    /// Takes the file that is there now.
    fn at(path: &Path) -> io::Result<Self> {
        let pin = pin(path)?;
        Ok(Self { path: path.to_owned(), identity: identity(path)?, _pin: pin })
    }

    /// Leaves the file to the daemon that has the listener now.
    pub(super) fn leave(mut self) {
        self.path = PathBuf::new();
    }

    /// Returns the directory of the file.
    pub(super) fn directory(&self) -> &Path {
        sandbox::directory(&self.path)
    }
}

/// The permissions of a socket file, and its group; none for those of the process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Permissions {
    pub mode: Option<u32>,
    pub group: Option<u32>,
}

/// Listens on `path`. Replaces a socket that is there if no process answers on it: a process that
/// was killed has left it behind. Without a mode the umask determines its permissions (umask(2)).
pub(super) fn listen(
    path: &Path,
    backlog: u32,
    permissions: Permissions,
) -> io::Result<(UnixListener, SocketFile)> {
    let endpoint = Endpoint::Unix(path.to_owned());
    // Two daemons that start at once would both find a stale socket, and the second would remove
    // the new socket of the first.
    let _lock = lock(path)?;
    let socket = match bind(&endpoint) {
        Err(error) if errno::is_address_in_use(&error) => {
            remove_stale(&endpoint, path, error)?;
            bind(&endpoint)?
        }
        bound => bound?,
    };
    let file = SocketFile::at(path)?;
    // Before it listens, so that no other user can connect meanwhile.
    permissions.set(path)?;
    Ok((start(socket, backlog)?, file))
}

/// Takes over the file of a listener that another daemon has handed over.
pub(super) fn adopt(path: &Path, permissions: Permissions) -> io::Result<SocketFile> {
    let file = SocketFile::at(path)?;
    permissions.set(path)?;
    Ok(file)
}

/// Listens on a socket in the abstract namespace, which has no file.
pub(super) fn listen_abstract(endpoint: &Endpoint, backlog: u32) -> io::Result<UnixListener> {
    start(bind(endpoint)?, backlog)
}

impl Permissions {
    fn set(self, path: &Path) -> io::Result<()> {
        let refused = |option: &str, error: &io::Error| {
            io::Error::new(error.kind(), format!("its {option} can't be set: {error}"))
        };
        if let Some(group) = self.group {
            chown(path, None, Some(group)).map_err(|error| refused("group", &error))?;
        }
        let Some(mode) = self.mode else { return Ok(()) };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(|error| refused("mode", &error))
    }
}

/// A lock file beside the socket, which exists and is locked while a daemon sets the socket up.
/// Only this user can open it: another user could hold the lock and keep every daemon from
/// starting. A lock on the directory would not do, because any user that may read a directory can
/// lock it.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Drop for Lock {
    /// Removes the file while it is locked, so that a daemon that waits for the lock sees that its
    /// file has gone.
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            debug!("{} could not be removed: {error}", self.path.display());
        }
    }
}

/// Takes the lock of `socket`. Returns none if the file can't be this user's own, or the file
/// system has no locks: then two daemons that start at once may both believe that they have the
/// socket. That is better than another user deciding whether a daemon starts.
fn lock(socket: &Path) -> io::Result<Option<Lock>> {
    let mut path = socket.to_owned();
    path.as_mut_os_string().push(".lock");
    for _ in 0..LOCK_TRIES {
        let Some(file) = open_lock(&path) else {
            debug!("{} can't be ours: it is done without", path.display());
            return Ok(None);
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // The previous owner may have removed this file meanwhile.
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

/// Opens or creates the file, if it is a regular file of this user.
fn open_lock(path: &Path) -> Option<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR);
    let file = File::from(opened.ok()?);
    let own = |data: &Metadata| data.is_file() && data.uid() == geteuid().as_raw();
    file.metadata().is_ok_and(|data| own(&data)).then_some(file)
}

/// Returns true if the path leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    let opened = file.metadata().map(|data| (data.dev(), data.ino()));
    opened.is_ok_and(|opened| identity(path).is_ok_and(|there| there == opened))
}

/// Opens a descriptor that keeps the file's inode number from being reused.
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

fn bind(endpoint: &Endpoint) -> io::Result<Socket> {
    let socket = endpoint.socket()?;
    socket.set_nonblocking(true)?;
    socket.bind(&endpoint.address()?)?;
    Ok(socket)
}

fn start(socket: Socket, backlog: u32) -> io::Result<UnixListener> {
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// Removes a socket on which no process answers. Any other file stays, and the error is `in_use` or
/// of its kind. The file may disappear meanwhile, with the daemon that it belonged to.
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
    // A full accept queue is an answer too, for which the probe does not wait.
    probe.set_nonblocking(true)?;
    match probe.connect(&endpoint.address()?) {
        Err(error) if errno::is_refused(&error) => {}
        Err(error) if errno::is_not_found(&error) => return Ok(()),
        _ => return Err(in_use),
    }
    info!("{endpoint}: replacing the socket file, no process listens on it");
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
