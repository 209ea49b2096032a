//! A mio socket as a connection's stream, and what its events say.

use std::io;
use std::net::Shutdown;

use mio::Interest;
use mio::event::Event;
use mio::net::TcpStream;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::connection::{Ready, Stream};

/// Both directions, once, for a connection's whole life. Where there is such a thing, also the
/// urgent byte: it stops a short read, and nothing else would tell of what lies behind it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) const INTEREST: Interest =
    Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

impl Stream for TcpStream {
    #[inline]
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match recv(&*self, room, RecvFlags::empty()) {
            Ok((read, _)) => Ok(read),
            Err(errno) => Err(told(errno)),
        }
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send(&*self, bytes, SendFlags::NOSIGNAL).map_err(told)
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        Self::take_error(self)
    }
}

/// Out of the way of the calls that succeed, which are nearly all.
#[cold]
fn told(errno: Errno) -> io::Error {
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
        ready.insert(Ready::TO_END);
    }
    if error {
        ready.insert(Ready::ERROR);
    }
    ready
}
