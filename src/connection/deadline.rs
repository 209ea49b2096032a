//! Deadlines of a connection, and the final read before one ends it.
//!
//! A deadline does not show whether input came in time: the process may have been stopped, a poll
//! interrupted, or an event still waiting behind a thousand others. So a deadline ends a connection
//! only after one more read and write of its socket: our own pause never counts against the peer.

use std::time::Duration;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::net::proxy::{self, HeaderPolicy};

use super::{Connection, LINGER, NextStep, PROBE_LINGER, Phase, Ready, Shared, Stream, Timeouts};

/// The most budgets that a final read uses: a mebibyte, if each fills the buffer. A peer that sends
/// for ever without ending its line is not read for ever.
const CATCH_UP_READS_MAX: usize = 16;

/// Returns how long a connection lingers for that cause, and the cause once that time is over. If
/// the peer has asked for our FIN, its own is the answer to wait for.
pub(super) const fn lingering(cause: Cause) -> (Duration, Cause) {
    if matches!(cause, Cause::Finished) { (PROBE_LINGER, Cause::Idle) } else { (LINGER, cause) }
}

impl<S: Stream> Connection<S> {
    /// Returns the next deadline of this connection, and the cause with which it then ends.
    pub fn deadline(&self, timeouts: &Timeouts) -> Option<(MonotonicMs, Cause)> {
        if let Phase::Lingering(cause) = self.phase {
            let (linger, cause) = lingering(cause);
            return Some((self.active.after(linger), cause));
        }
        let active = self.active.max(self.probe_waits_until());
        let idle = timeouts.idle.map(|wait| (active.after(wait), Cause::Idle));
        let other = if let Phase::ProxyHeader(policy) = self.phase {
            Some(self.header_deadline(policy))
        } else {
            self.pending.as_ref().and_then(|pending| pending.deadline(timeouts))
        };
        idle.into_iter().chain(other).min_by_key(|(at, _)| *at)
    }

    /// Returns the deadline of the header, and the cause if the connection then has to end.
    fn header_deadline(&self, policy: HeaderPolicy) -> (MonotonicMs, Cause) {
        let begun = self.pending.as_ref().and_then(|pending| pending.line_since);
        let accepted = self.history.accepted();
        let since = match policy {
            // A silent peer may be waiting for a banner. It gets one at the deadline, and counts
            // for its own address then.
            HeaderPolicy::Optional => begun.unwrap_or(accepted),
            HeaderPolicy::Required => accepted,
        };
        (since.after(proxy::HEADER_TIMEOUT), Cause::LineTimeout)
    }

    /// Returns true if it is between lines, and no byte has moved for `pause`; before its first
    /// line, for `first`.
    pub fn is_quiet(&self, now: MonotonicMs, pause: Duration, first: Duration) -> bool {
        let pause = if self.traffic.bytes_in == 0 { first } else { pause };
        self.phase == Phase::Open && self.pending.is_none() && self.active.after(pause) <= now
    }

    /// Returns true if the last turn may have moved the deadline up: bytes that move only postpone
    /// the idle deadline.
    pub fn deadline_moved_up(&self) -> bool {
        self.pending.is_some() || matches!(self.phase, Phase::Lingering(_))
    }

    /// Handles a deadline that may have passed. Ends the connection only if a final read and write
    /// do not change its deadline. A connection with an optional header goes on without one
    /// instead.
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

    /// Reads and writes all that the socket has by now, within a budget and regardless of earlier
    /// events: the next event may be on its way, also for the peer's FIN.
    #[cold]
    pub fn catch_up(&mut self, shared: &mut Shared) -> NextStep {
        self.ready.insert(Ready::READABLE.union(Ready::WRITABLE));
        // While a header is only peeked at, this hint would mean that no more input comes.
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

    /// Excuses a stop of the process some time after `since`: activity of this connection since
    /// then may be later than the stop, and counts from `now`.
    pub fn excuse(&mut self, since: MonotonicMs, now: MonotonicMs) {
        let counted_from = |moment: &mut MonotonicMs| {
            if *moment >= since {
                *moment = now;
            }
        };
        counted_from(&mut self.active);
        if self.is_unidentified() {
            let mut accepted = self.history.accepted();
            counted_from(&mut accepted);
            self.history.set_accepted(accepted);
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
