//! Deadlines: when a connection has waited long enough, and the last look it has before it ends.
//!
//! A deadline says nothing of what has come in time. The process may have been stopped, a poll
//! interrupted, or an event still unread behind a thousand others. So a deadline only ends a
//! connection after its socket was read and written once more: our own pause is never the peer's
//! fault.

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::net::proxy::{self, HeaderPolicy};

use super::{Connection, LINGER, NextStep, Phase, Ready, Shared, Stream, Timeouts};

/// How many budgets the last look reads or writes at most: a mebibyte, where each is a whole
/// buffer. A peer that sends for ever without ending its line is not read for ever.
const CATCH_UP_READS_MAX: usize = 16;

impl<S: Stream> Connection<S> {
    /// When something has to be done about this connection if nothing happens before, and the
    /// cause it ends with then.
    pub fn deadline(&self, timeouts: &Timeouts) -> Option<(MonotonicMs, Cause)> {
        if let Phase::Lingering(cause) = self.phase {
            return Some((self.active.after(LINGER), cause));
        }
        let idle = timeouts.idle.map(|wait| (self.active.after(wait), Cause::Idle));
        let other = if let Phase::ProxyHeader(policy) = self.phase {
            Some(self.header_deadline(policy))
        } else {
            self.pending.as_ref().and_then(|pending| pending.deadline(timeouts))
        };
        idle.into_iter().chain(other).min_by_key(|(at, _)| *at)
    }

    /// When the header is waited for no longer, and the cause it then ends with, if it has to.
    fn header_deadline(&self, policy: HeaderPolicy) -> (MonotonicMs, Cause) {
        let begun = self.pending.as_ref().and_then(|pending| pending.line_since);
        let since = match policy {
            // A silent peer may be waiting for a greeting, and counts for its address then.
            HeaderPolicy::Optional => begun.unwrap_or(self.opened),
            HeaderPolicy::Required => self.opened,
        };
        (since.after(proxy::HEADER_TIMEOUT), Cause::LineTimeout)
    }

    /// True if its deadline may have come nearer in the last turn: bytes that move only ever
    /// put the idle deadline off.
    pub fn deadline_moved_up(&self) -> bool {
        self.pending.is_some() || matches!(self.phase, Phase::Lingering(_))
    }

    /// Looks at a connection whose deadline may have come, and ends it only if what its socket has
    /// by now changes nothing. With an optional header it goes on without one instead.
    #[cold]
    pub fn expire(&mut self, timeouts: &Timeouts, shared: &mut Shared) -> NextStep {
        if self.deadline(timeouts).is_none_or(|(at, _)| at > shared.now) {
            return NextStep::Idle;
        }
        let step = self.catch_up(shared);
        if matches!(step, NextStep::Identified | NextStep::Closed) {
            return step;
        }
        match self.deadline(timeouts).filter(|(at, _)| *at <= shared.now) {
            Some((_, cause)) => self.end_expired(cause),
            None => step,
        }
    }

    /// Reads and writes all that the socket has by now, within a budget and whatever events have
    /// said: what they would say may be on its way, the peer's FIN too.
    #[cold]
    pub fn catch_up(&mut self, shared: &mut Shared) -> NextStep {
        self.ready.insert(Ready::READABLE.union(Ready::WRITABLE));
        // Where a header is only peeked at, that hint would say that no more comes.
        if !shared.execs {
            self.ready.insert(Ready::READ_TO_EAGAIN);
        }
        let mut step = NextStep::Yield;
        for _ in 0..CATCH_UP_READS_MAX {
            step = self.advance(shared).unwrap_or_else(|error| self.fail(&error));
            if step != NextStep::Yield {
                break;
            }
        }
        step
    }

    /// The process was stopped some time after `since`: what happened to this connection from then
    /// on may have happened after the stop, and counts from `now`.
    pub fn excuse(&mut self, since: MonotonicMs, now: MonotonicMs) {
        let counted_from = |moment: &mut MonotonicMs| {
            if *moment >= since {
                *moment = now;
            }
        };
        counted_from(&mut self.active);
        if self.is_unidentified() {
            counted_from(&mut self.opened);
        }
        if let Some(pending) = &mut self.pending {
            pending.line_since.iter_mut().for_each(counted_from);
            counted_from(&mut pending.stalled_since);
        }
    }

    fn end_expired(&mut self, cause: Cause) -> NextStep {
        let header_only = self.phase == Phase::ProxyHeader(HeaderPolicy::Optional)
            && self.header_rest().is_none();
        if header_only && cause == Cause::LineTimeout {
            return self.identified();
        }
        self.end(cause)
    }
}
