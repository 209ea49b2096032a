//! A socket of any family as a connection's stream, and the readiness in its events.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use mio::event::Event;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
#[cfg(target_os = "linux")]
use socket2::Protocol;
use socket2::SockRef;

use crate::connection::{Peer, Ready, Stream};
use crate::net::tcp_info::{Negotiated, TcpInfo};

use super::edge::Descriptor;
use super::listener;

/// Both directions, registered once for a connection's whole life. epoll also reports the urgent
/// byte, which stops a short read; no other event announces the input behind it.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(mio_unsupported_force_poll_poll)))]
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);

/// kqueue does not report the urgent byte, nor does poll(2) in tests: any short read may have
/// stopped there.
#[cfg(not(all(
    any(target_os = "linux", target_os = "android"),
    not(mio_unsupported_force_poll_poll)
)))]
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// A write to a closed connection raises no SIGPIPE. Apple's systems have no flag for that; there
/// socket2 sets an option of the socket, which accepted sockets inherit.
#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::empty();

/// A connected or connecting non-blocking socket. It is only a descriptor: TCP and Unix sockets
/// take the same calls, and a connection has to stay small.
#[derive(Debug)]
pub struct Socket(Descriptor);

impl Socket {
    /// Returns the process that connected this Unix socket.
    pub fn process(&self) -> Peer {
        Peer::unix(listener::process(self))
    }

    /// Registers the socket for events under `key`.
    pub(super) fn register(&mut self, registry: &Registry, key: usize) -> io::Result<()> {
        self.0.register(registry, Token(key), INTEREST)
    }

    /// Ends the events of the socket, before another process gets it.
    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.0.deregister(registry)
    }

    /// Returns our own address and port; none once the system has forgotten it, or for a Unix
    /// socket.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        SockRef::from(self).local_addr().ok()?.as_socket()
    }

    /// Returns the other end's address and port.
    pub(super) fn remote(&self) -> Option<SocketAddr> {
        SockRef::from(self).peer_addr().ok()?.as_socket()
    }

    /// Converts the result of a call on `wanted` bytes. If it moved fewer or failed, the next
    /// readiness raises a new edge.
    #[inline]
    fn note_short(&self, moved: Result<usize, Errno>, wanted: usize) -> io::Result<usize> {
        if moved.unwrap_or(0) < wanted {
            self.0.would_block();
        }
        moved.map_err(into_io_error)
    }
}

impl Stream for Socket {
    const SHORT_READ_EMPTIES: bool = INTEREST.is_priority();

    #[inline]
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let wanted = room.len();
        self.note_short(recv(&self.0, room, RecvFlags::empty()).map(|(read, _)| read), wanted)
    }

    fn peek(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let wanted = room.len();
        self.note_short(recv(&self.0, room, RecvFlags::PEEK).map(|(read, _)| read), wanted)
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.note_short(send(&self.0, bytes, SEND), bytes.len())
    }

    fn half_close(&mut self) -> io::Result<()> {
        Ok(shutdown(&self.0, Shutdown::Write)?)
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        Ok(socket_error(&self.0)?.err().map(Into::into))
    }

    fn close_with_reset(&self) -> io::Result<()> {
        SockRef::from(self).set_linger(Some(Duration::ZERO))
    }

    fn tcp_info(&self) -> Option<TcpInfo> {
        TcpInfo::of(self)
    }

    fn negotiated(&self) -> Option<Negotiated> {
        Negotiated::of(self)
    }

    /// The kernel accepts a connection without the option as one of plain TCP.
    #[cfg(target_os = "linux")]
    fn is_multipath(&self) -> bool {
        SockRef::from(self).protocol().is_ok_and(|protocol| protocol == Some(Protocol::MPTCP))
    }

    fn addresses(&self) -> [Option<SocketAddr>; 2] {
        [self.local(), self.remote()]
    }
}

impl From<OwnedFd> for Socket {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor.into())
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.0.into()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Converts an errno. Kept apart from the calls that succeed, which are nearly all.
#[cold]
fn into_io_error(errno: Errno) -> io::Error {
    errno.into()
}

/// Returns the hints in an event. An error event is only a hint; the read or write that follows
/// returns the errno. A hang-up comes with the readiness of its direction.
#[inline]
pub(super) fn readiness(event: &Event) -> Ready {
    let error = event.is_error();
    let mut ready = Ready::NONE;
    if event.is_readable() || error {
        ready.insert(Ready::READABLE);
    }
    if event.is_writable() || error {
        ready.insert(Ready::WRITABLE);
    }
    if event.is_read_closed() || event.is_priority() {
        ready.insert(Ready::READ_TO_EAGAIN);
    }
    if error {
        ready.insert(Ready::ERROR);
    }
    ready
}
