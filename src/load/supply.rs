//! Which lines may be sent: the closed loop's as soon as somebody can, the open loop's when they
//! are due.

use std::collections::VecDeque;

use crate::clock::Nanos;

use super::exchange::Supply;
use super::report::figures::float;

/// The lines of a run.
#[derive(Debug)]
pub(super) struct Lines {
    limit: u64,
    issued: u64,
    paced: bool,
}

impl Lines {
    /// At most `limit` lines, each as soon as somebody can send it.
    pub(super) const fn closed(limit: u64) -> Self {
        Self { limit, issued: 0, paced: false }
    }

    /// At most `limit` lines, each when [`super::pace`] says that it is due.
    pub(super) const fn open(limit: u64) -> Self {
        Self { limit, issued: 0, paced: true }
    }

    /// How many there are at the most.
    pub(super) const fn limit(&self) -> u64 {
        self.limit
    }

    /// True if there are no more.
    pub(super) const fn all_issued(&self) -> bool {
        self.issued >= self.limit
    }

    /// How much of the run is over, from 0 to 1, if that is a matter of lines.
    pub(super) fn done(&self, over: u64) -> f64 {
        if self.limit == u64::MAX { 0.0 } else { float(over) / float(self.limit) }
    }

    /// The last ones were handed to connections, that many at once.
    pub(super) const fn end_with(&mut self, last: u64) {
        self.issued = self.issued.saturating_add(last);
        self.limit = self.issued;
    }

    /// One was handed to a connection.
    pub(super) const fn issued(&mut self) {
        self.issued += 1;
    }

    /// Those that a connection may send, to which `owed` have been handed.
    pub(super) const fn supply<'a>(
        &'a mut self,
        owed: &'a mut VecDeque<Nanos>,
        leave: Leave,
    ) -> Supplied<'a> {
        Supplied { lines: self, owed, leave }
    }
}

/// Which lines a connection may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Whatever there is.
    Any,
    /// None for the present: it waits for the others.
    None,
    /// Only those that it was handed: the run is over.
    Owed,
}

/// What one connection is supplied with.
#[derive(Debug)]
pub(super) struct Supplied<'a> {
    lines: &'a mut Lines,
    owed: &'a mut VecDeque<Nanos>,
    leave: Leave,
}

impl Supply for Supplied<'_> {
    #[inline]
    fn next(&mut self, now: Nanos) -> Option<Nanos> {
        if self.lines.paced {
            return self.owed.pop_front();
        }
        if self.leave != Leave::Any || self.lines.all_issued() {
            return None;
        }
        self.lines.issued();
        Some(now)
    }

    fn is_over(&self) -> bool {
        self.leave == Leave::Owed && self.owed.is_empty()
    }
}
