//! How long a connection is waited for: for a connect, an echo, or an end.

use std::time::Duration;

use crate::clock::MonotonicNs;
use crate::sys::DialedStream;

use super::{LoadConnection, LoadPhase};

/// After which part of the timeout in silence a greeting that does not end with a line is over.
const GREETING_SILENCE: u32 = 8;

/// What a connection that waits for something may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Wait {
    /// Wait on, if it waits for anything.
    Continues,
    /// Look once more whether it is there.
    FinalRead,
    /// Be closed.
    IsOver,
}

impl<S: DialedStream> LoadConnection<S> {
    /// True if what it waits for has not come for that long.
    pub(in super::super) fn is_overdue(&self, timeout: Duration, now: MonotonicNs) -> bool {
        let waits = self.phase != LoadPhase::Open || self.in_flight() > 0;
        waits && now.since(self.active) >= timeout
    }

    /// Whether what it waits for may still come. What has not come for that long is looked for once
    /// more, in a turn of its own, before the wait is over.
    pub(in super::super) fn wait(&mut self, timeout: Duration, now: MonotonicNs) -> Wait {
        let silence = timeout / GREETING_SILENCE;
        if self.phase == LoadPhase::Greeting(true) && now.since(self.active) >= silence {
            self.open(now);
            return Wait::FinalRead;
        }
        let overdue = self.is_overdue(timeout, now);
        match (overdue, std::mem::replace(&mut self.final_read, overdue)) {
            (false, _) => Wait::Continues,
            (true, false) => Wait::FinalRead,
            (true, true) => Wait::IsOver,
        }
    }

    /// We stood still for that long, which is not the server's fault.
    pub(in super::super) fn excuse(&mut self, pause: Duration, now: MonotonicNs) {
        self.active = self.active.after(pause).min(now);
    }
}
