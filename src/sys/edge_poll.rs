//! The replacement for `edge.rs` on poll(2), which has no edges.
//!
//! mio emulates them there: it stops polling for readiness that it has reported, until a call
//! through mio returns would-block. Our calls bypass mio, so this file reports would-block to it.
//! No system that the daemon runs on needs this; `make test-poll` runs the tests on it, to show
//! that nothing relies on epoll.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// A socket's descriptor, of any family. The `TcpStream` only holds it; no TCP call of it is used.
#[derive(Debug)]
pub(super) struct Descriptor(TcpStream);

impl Descriptor {
    /// Registers the descriptor for edge-triggered events.
    pub(super) fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.0.register(registry, token, interest)
    }

    /// Re-registers the descriptor: raises an edge again at once if it is still ready.
    pub(super) fn rearm(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.0.reregister(registry, token, interest)
    }

    /// Ends the events of the descriptor.
    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.0.deregister(registry)
    }

    /// Reports to mio that a call has returned would-block.
    ///
    /// The result does not matter: after a hang-up mio has forgotten the socket, and raises no
    /// event for it either.
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

/// Returns false, so that the call is made: only would-block makes mio report the next edge.
pub(super) const fn is_empty_now(_descriptor: BorrowedFd<'_>) -> bool {
    false
}

/// Re-arms a source that mio reported but other code reads. If it is not read before the next poll,
/// mio reports it again.
pub(super) fn rearm(source: &mut impl Source, registry: &Registry, token: Token) -> io::Result<()> {
    source.reregister(registry, token, Interest::READABLE)
}
