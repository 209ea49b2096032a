//! A socket as a connection's stream, of whatever family, and what its events say.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use mio::event::Event;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use socket2::SockRef;

use crate::connection::{Ready, Stream};

use super::edge::Descriptor;

/// Both directions, once, for a connection's whole life. epoll also tells of the urgent byte, which
/// stops a short read, and nothing else would tell of what lies behind it.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(mio_unsupported_force_poll_poll)))]
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);

/// kqueue does not, nor does what stands in for it in tests: any short read may have been stopped.
#[cfg(not(all(
    any(target_os = "linux", target_os = "android"),
    not(mio_unsupported_force_poll_poll)
)))]
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// A write to who has gone raises no signal. Apple's systems have no flag for that; there it is an
/// option of the socket, which socket2 sets and what is accepted inherits.
#[cfg(not(target_vendor = "apple"))]
const SEND: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND: SendFlags = SendFlags::empty();

/// A connected, or connecting, socket that does not block. It is a descriptor and nothing else:
/// the calls are the same for TCP and for Unix sockets, and a connection has no room to spare.
#[derive(Debug)]
pub struct Socket(Descriptor);

impl Socket {
    /// Has its events told from now on, under `key`.
    pub(super) fn register(&mut self, registry: &Registry, key: usize) -> io::Result<()> {
        self.0.register(registry, Token(key), INTEREST)
    }

    /// Has its events told no more: somebody else will have it.
    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.0.deregister(registry)
    }

    /// Our own address and port; none once the system has forgotten it, or for a Unix socket.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        SockRef::from(self).local_addr().ok()?.as_socket()
    }

    /// The other end's address and port.
    pub(super) fn remote(&self) -> Option<SocketAddr> {
        SockRef::from(self).peer_addr().ok()?.as_socket()
    }

    /// What became of a call that was to move `wanted` bytes. If it moved fewer, or failed, what
    /// comes next is another edge.
    #[inline]
    fn note_short(&self, moved: Result<usize, Errno>, wanted: usize) -> io::Result<usize> {
        if moved.unwrap_or(0) < wanted {
            self.0.would_block();
        }
        moved.map_err(into_io_error)
    }
}

impl Stream for Socket {
    const PERMANENT_HINTS: Ready =
        if INTEREST.is_priority() { Ready::NONE } else { Ready::ALWAYS_READ_TO_EAGAIN };

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

/// Out of the way of the calls that succeed, which are nearly all.
#[cold]
fn into_io_error(errno: Errno) -> io::Error {
    errno.into()
}

/// An error is a hint like the others: it says where to look. The read or write that is tried
/// because of it then tells what it is. A hang-up comes with its direction's readiness.
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
