//! A timer with a resolution of one millisecond, which needs no system support.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

use crate::clock::MonotonicNs;

use super::now;

/// No timer: the poll's own timeout serves instead.
pub(in super::super) struct Timer;

impl Timer {
    #[expect(clippy::unnecessary_wraps, reason = "it can fail where there is a timer")]
    pub(in super::super) const fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Ok(Self)
    }

    /// Returns the timeout of a poll that ends at `until`.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as above")]
    pub(in super::super) fn set(&mut self, until: MonotonicNs) -> io::Result<Option<Duration>> {
        Ok((until != MonotonicNs::NEVER).then(|| until.since(now())))
    }
}
