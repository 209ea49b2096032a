//! Timeouts of a connection: for a connect, an echo, or a close.

use std::time::Duration;

use crate::clock::MonotonicNs;
use crate::sys::DialedStream;

use super::{LoadConnection, LoadPhase};

/// Part of the timeout, 1/8, after which silence ends a greeting without a newline.
const GREETING_SILENCE: u32 = 8;

/// The state of a connection's wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Wait {
    /// It may go on, if the connection waits at all.
    Continues,
    /// It is overdue: read once more.
    FinalRead,
    /// It is over: close the connection.
    IsOver,
}

impl<S: DialedStream> LoadConnection<S> {
    /// True if the connection has waited for at least `timeout`.
    pub(in super::super) fn is_overdue(&self, timeout: Duration, now: MonotonicNs) -> bool {
        let waits = self.phase != LoadPhase::Open || self.in_flight() > 0;
        waits && now.since(self.active) >= timeout
    }

    /// Checks the wait. An overdue connection has a final read, in a turn of its own, before its
    /// wait is over.
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

    /// Extends the wait by a pause of this process, which is not the server's fault.
    pub(in super::super) fn excuse(&mut self, pause: Duration, now: MonotonicNs) {
        self.active = self.active.after(pause).min(now);
    }
}
