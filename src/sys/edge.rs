//! How a descriptor is registered so that each change of its readiness is told once: an edge.
//!
//! epoll and kqueue know edges; this is all there is to say to them. poll(2) does not, and what is
//! to be said there is in `edge_imitated.rs`, which takes this file's place.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::PollFlags;

use crate::os::descriptors;

/// A socket's descriptor, and nothing else: a connection has no room to spare. Closing it is
/// enough for the selector to forget it.
#[derive(Debug)]
pub(super) struct Descriptor(OwnedFd);

impl Descriptor {
    /// Has its edges told from now on.
    pub(super) fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).register(registry, token, interest)
    }

    /// Has an edge told again at once, if what it was told of is still there.
    pub(super) fn rearm(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).reregister(registry, token, interest)
    }

    /// Has its edges told no more.
    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).deregister(registry)
    }

    /// A call has found that it is not ready any more.
    #[inline]
    #[expect(clippy::unused_self, reason = "it is needed where edges are imitated")]
    pub(super) const fn would_block(&self) {}
}

impl From<OwnedFd> for Descriptor {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

impl From<Descriptor> for OwnedFd {
    fn from(descriptor: Descriptor) -> Self {
        descriptor.0
    }
}

impl AsFd for Descriptor {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// True if it is known that a read would block, which the call itself need not find out: the next
/// edge is told. An error is for the call to tell.
pub(super) fn is_empty_now(descriptor: BorrowedFd<'_>) -> bool {
    descriptors::poll_now(descriptor, PollFlags::IN) == Some(PollFlags::empty())
}

/// Of a source that has been told of, and that others than mio read: its next edge is told too.
#[expect(clippy::unnecessary_wraps, reason = "it can fail where edges are imitated")]
pub(super) const fn rearm(
    _source: &mut impl Source,
    _registry: &Registry,
    _token: Token,
) -> io::Result<()> {
    Ok(())
}
