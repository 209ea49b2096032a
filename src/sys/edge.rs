//! Registration of descriptors such that each change of their readiness raises one event: an edge.
//!
//! epoll and kqueue have edges, and need no more than this file. poll(2) has none: there
//! `edge_poll.rs` takes this file's place.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::PollFlags;

use crate::os::descriptors;

/// A socket's descriptor and nothing else, to keep a connection small. Closing it removes it from
/// the selector.
#[derive(Debug)]
pub(super) struct Descriptor(OwnedFd);

impl Descriptor {
    /// Registers the descriptor for edge-triggered events.
    pub(super) fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).register(registry, token, interest)
    }

    /// Re-registers the descriptor: raises an edge again at once if it is still ready.
    pub(super) fn rearm(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).reregister(registry, token, interest)
    }

    /// Ends the events of the descriptor.
    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).deregister(registry)
    }

    /// Notes that a call has returned would-block.
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

/// Returns true if a read is known to block, which saves the call: a later edge reports new input.
/// On an error it returns false, and the call returns the error.
pub(super) fn is_empty_now(descriptor: BorrowedFd<'_>) -> bool {
    descriptors::poll_now(descriptor, PollFlags::IN) == Some(PollFlags::empty())
}

/// Re-arms a source that mio reported but other code reads. On epoll and kqueue the next edge comes
/// anyway.
#[expect(clippy::unnecessary_wraps, reason = "it can fail where edges are imitated")]
pub(super) const fn rearm(
    _source: &mut impl Source,
    _registry: &Registry,
    _token: Token,
) -> io::Result<()> {
    Ok(())
}
