//! Listening on a Unix socket, and the file that goes with it.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use log::{debug, info};

use crate::endpoint::Endpoint;
use crate::fault;

/// The file of a socket that we listen on. It is removed with this value, unless another has taken
/// its place by then: the next daemon may be listening already.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

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
    let listener = match bind(&endpoint, backlog) {
        Err(error) if fault::address_in_use(&error) => {
            remove_stale(&endpoint, path, error)?;
            bind(&endpoint, backlog)?
        }
        bound => bound?,
    };
    Ok((listener, SocketFile { path: path.to_owned(), identity: identity(path)? }))
}

fn bind(endpoint: &Endpoint, backlog: u32) -> io::Result<UnixListener> {
    let socket = endpoint.socket()?;
    socket.set_nonblocking(true)?;
    socket.bind(&endpoint.address()?)?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// Removes a socket on which nobody answers, and nothing else: then `in_use` it is.
fn remove_stale(endpoint: &Endpoint, path: &Path, in_use: io::Error) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::new(in_use.kind(), "a file of that name is there, and no socket"));
    }
    let probe = endpoint.socket()?;
    // A full queue is an answer too, and is not waited for.
    probe.set_nonblocking(true)?;
    match probe.connect(&endpoint.address()?) {
        Err(error) if fault::refused(&error) => {}
        _ => return Err(in_use),
    }
    info!("{endpoint} was left behind, and nobody answers on it: it is replaced");
    fs::remove_file(path)
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
