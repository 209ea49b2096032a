//! Deadlines: when a connection has waited long enough, and the last look it has before it ends.
//!
//! A deadline says nothing of what has come in time. The process may have been stopped, a poll
//! interrupted, or an event still unread behind a thousand others. So a deadline only ends a
//! connection after its socket was read and written once more: our own pause is never the peer's
//! fault.

use crate::cause::Cause;
use crate::clock::Millis;
use crate::proxy::{self, Demand};

use super::{Connection, LINGER, Lent, Phase, Ready, Served, Stream, Timeouts};

/// How many budgets the last look reads or writes at most: a mebibyte, where each is a whole
/// buffer. A peer that sends for ever without ending its line is not read for ever.
const LAST_READS: usize = 16;

impl<S: Stream> Connection<S> {
    /// When something has to be done about this connection if nothing happens before, and the
    /// cause it ends with then.
    pub fn deadline(&self, timeouts: &Timeouts) -> Option<(Millis, Cause)> {
        if let Phase::Lingering(cause) = self.phase {
            return Some((self.active.after(LINGER), cause));
        }
        let idle = timeouts.idle.map(|wait| (self.active.after(wait), Cause::Idle));
        let other = if let Phase::Introducing(demand) = self.phase {
            Some(self.header_deadline(demand))
        } else {
            self.held.as_ref().and_then(|held| held.deadline(timeouts))
        };
        idle.into_iter().chain(other).min_by_key(|(at, _)| *at)
    }

    /// When the header is waited for no longer, and the cause it then ends with, if it has to.
    fn header_deadline(&self, demand: Demand) -> (Millis, Cause) {
        let begun = self.held.as_ref().and_then(|held| held.line_since);
        let since = match demand {
            // A silent peer may be waiting for a greeting, and counts for its address then.
            Demand::Optional => begun.unwrap_or(self.opened),
            Demand::Required => self.opened,
        };
        (since.after(proxy::PATIENCE), Cause::LineTimeout)
    }

    /// True if its deadline may have come nearer in the last turn: bytes that move only ever
    /// put the idle deadline off.
    pub fn deadline_hastened(&self) -> bool {
        self.held.is_some() || matches!(self.phase, Phase::Lingering(_))
    }

    /// Looks at a connection whose deadline may have come, and ends it only if what its socket has
    /// by now changes nothing. With an optional header it goes on without one instead.
    #[cold]
    pub fn expire(&mut self, timeouts: &Timeouts, lent: &mut Lent) -> Served {
        if self.deadline(timeouts).is_none_or(|(at, _)| at > lent.now) {
            return Served::Idle;
        }
        let served = self.look(lent);
        if matches!(served, Served::Introduced | Served::Closed) {
            return served;
        }
        match self.deadline(timeouts).filter(|(at, _)| *at <= lent.now) {
            Some((_, cause)) => self.end_late(cause),
            None => served,
        }
    }

    /// Reads and writes all that the socket has by now, within a budget and whatever events have
    /// said: what they would say may be on its way, the peer's FIN too.
    #[cold]
    pub fn look(&mut self, lent: &mut Lent) -> Served {
        self.ready.insert(Ready::READABLE.union(Ready::WRITABLE));
        // Where a header is only peeked at, that hint would say that no more comes.
        if !lent.hands_over {
            self.ready.insert(Ready::TO_END);
        }
        let mut served = Served::Again;
        for _ in 0..LAST_READS {
            served = self.advance(lent).unwrap_or_else(|error| self.fail(&error));
            if served != Served::Again {
                break;
            }
        }
        served
    }

    /// The process was stopped some time after `since`: what happened to this connection from then
    /// on may have happened after the stop, and counts from `now`.
    pub fn excuse(&mut self, since: Millis, now: Millis) {
        let counted_from = |moment: &mut Millis| {
            if *moment >= since {
                *moment = now;
            }
        };
        counted_from(&mut self.active);
        if self.is_unidentified() {
            counted_from(&mut self.opened);
        }
        if let Some(held) = &mut self.held {
            held.line_since.iter_mut().for_each(counted_from);
            counted_from(&mut held.owed_since);
        }
    }

    fn end_late(&mut self, cause: Cause) -> Served {
        let header_only =
            self.phase == Phase::Introducing(Demand::Optional) && self.header_rest().is_none();
        if header_only && cause == Cause::LineTimeout {
            return self.introduced();
        }
        self.end(cause)
    }
}
