//! The address that a stream socket listens on or connects to: an internet address or a path.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// The prefix of a Unix socket's path, where an internet address is possible too.
pub const UNIX_PREFIX: &str = "unix:";

/// The address of a stream socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// An IPv4 or IPv6 address, and a port.
    Tcp(SocketAddr),
    /// A path in the file system, or `@` and a name in the abstract namespace (unix(7)).
    Unix(PathBuf),
}

impl Endpoint {
    /// Converts to the form of socket calls. Fails if the path is not shorter than 108 bytes
    /// (unix(7)).
    pub fn address(&self) -> io::Result<SockAddr> {
        match self {
            Self::Tcp(address) => Ok((*address).into()),
            Self::Unix(path) => match abstract_name(path) {
                // A zero byte takes the place of the `@` (unix(7)).
                Some(name) => SockAddr::unix(OsStr::from_bytes(&[b"\0", name].concat())),
                None => SockAddr::unix(path),
            },
        }
    }

    /// Converts an address of a socket call; none for a Unix socket without a name.
    pub fn of(address: &SockAddr) -> Option<Self> {
        if let Some(address) = address.as_socket() {
            return Some(Self::Tcp(address));
        }
        let path = address.as_pathname().map(ToOwned::to_owned);
        path.or_else(|| abstract_path(address)).map(Self::Unix)
    }

    /// True for a socket without a file.
    pub fn is_abstract(&self) -> bool {
        matches!(self, Self::Unix(path) if abstract_name(path).is_some())
    }

    /// Creates a blocking stream socket of this family, closed on exec.
    pub fn socket(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(address) => {
                Socket::new(Domain::for_address(*address), Type::STREAM, Some(Protocol::TCP))
            }
            Self::Unix(_) => Socket::new(Domain::UNIX, Type::STREAM, None),
        }
    }

    /// The internet address, if any.
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

/// Returns the name in the abstract namespace, if it is no path.
fn abstract_name(path: &Path) -> Option<&[u8]> {
    path.as_os_str().as_bytes().strip_prefix(b"@")
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_path(address: &SockAddr) -> Option<PathBuf> {
    let name = address.as_abstract_namespace()?;
    Some(OsStr::from_bytes(&[b"@", name].concat()).into())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
const fn abstract_path(_address: &SockAddr) -> Option<PathBuf> {
    None
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => fmt::Display::fmt(address, f),
            Self::Unix(path) => write!(f, "{UNIX_PREFIX}{}", path.display()),
        }
    }
}
