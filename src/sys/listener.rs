//! A listener of any address family.

use std::io;
use std::net;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix;

use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};

use crate::connection::Peer;

use super::edge;
use super::socket::Socket;

/// A non-blocking listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: ListenerSocket,
    /// New handshakes are stopped: see `stop_handshakes.rs`.
    pub(super) handshakes_stopped: bool,
}

#[derive(Debug)]
enum ListenerSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl From<net::TcpListener> for Listener {
    fn from(listener: net::TcpListener) -> Self {
        Self::new(ListenerSocket::Tcp(TcpListener::from_std(listener)))
    }
}

impl From<unix::net::UnixListener> for Listener {
    fn from(listener: unix::net::UnixListener) -> Self {
        Self::new(ListenerSocket::Unix(UnixListener::from_std(listener)))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            ListenerSocket::Tcp(listener) => listener.as_fd(),
            ListenerSocket::Unix(listener) => listener.as_fd(),
        }
    }
}

impl Listener {
    const fn new(socket: ListenerSocket) -> Self {
        Self { socket, handshakes_stopped: false }
    }

    /// Accepts a connection from the queue.
    pub(super) fn accept(&self) -> io::Result<(Socket, Peer)> {
        match &self.socket {
            ListenerSocket::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                let socket = Socket::from(OwnedFd::from(stream));
                self.lift_limit(&socket);
                Ok((socket, Peer::from(address)))
            }
            ListenerSocket::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                let socket = Socket::from(OwnedFd::from(stream));
                let process = process(&socket);
                Ok((socket, Peer::unix(process)))
            }
        }
    }

    /// Returns true if the accept queue is known to be empty.
    pub(super) fn queue_is_empty(&self) -> bool {
        edge::is_empty_now(self.as_fd())
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.source().register(registry, token, Interest::READABLE)
    }

    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.source().deregister(registry)
    }

    fn source(&mut self) -> &mut dyn Source {
        match &mut self.socket {
            ListenerSocket::Tcp(listener) => listener,
            ListenerSocket::Unix(listener) => listener,
        }
    }
}

/// Returns the process that connected a Unix socket (unix(7), `SO_PEERCRED`); 0 if unknown.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn process(socket: &Socket) -> u32 {
    rustix::net::sockopt::socket_peercred(socket)
        .map_or(0, |credentials| credentials.pid.as_raw_nonzero().get().unsigned_abs())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) const fn process(_socket: &Socket) -> u32 {
    0
}
