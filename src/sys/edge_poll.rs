//! What `edge.rs` is on epoll and kqueue, on poll(2), which knows no edges.
//!
//! mio imitates them there: it asks no more for what it has told, until a call has said
//! would-block to it. The calls are ours, so we have to tell it. No system that the daemon runs on
//! needs this; the tests are run on it (`make test-poll`), to show that nothing relies on epoll.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// A socket's descriptor, of whatever family: it is never used as what mio holds it for.
#[derive(Debug)]
pub(super) struct Descriptor(TcpStream);

impl Descriptor {
    /// Has its edges told from now on.
    pub(super) fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.0.register(registry, token, interest)
    }

    /// Has an edge told again at once, if what it was told of is still there.
    pub(super) fn rearm(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.0.reregister(registry, token, interest)
    }

    /// Has its edges told no more.
    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.0.deregister(registry)
    }

    /// A call has found that it is not ready any more: mio is told of a would-block.
    ///
    /// What it answers says nothing. After a hang-up it has forgotten the socket, and has nothing
    /// more to tell of it either.
    pub(super) fn would_block(&self) {
        drop(self.0.try_io(|| Err::<(), _>(io::ErrorKind::WouldBlock.into())));
    }
}

impl From<OwnedFd> for Descriptor {
    fn from(descriptor: OwnedFd) -> Self {
        Self(TcpStream::from_std(descriptor.into()))
    }
}

impl From<Descriptor> for OwnedFd {
    fn from(descriptor: Descriptor) -> Self {
        descriptor.0.into()
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Nothing but would-block has the next edge told: so that is what has to be found.
pub(super) const fn is_empty_now(_descriptor: BorrowedFd<'_>) -> bool {
    false
}

/// Of a source that has been told of, and that others than mio read: its next edge is told too.
/// Should it not be read before the next poll, it is told of again.
pub(super) fn rearm(source: &mut impl Source, registry: &Registry, token: Token) -> io::Result<()> {
    source.reregister(registry, token, Interest::READABLE)
}
