//! Which lines may be sent: the closed loop's as soon as somebody can, the open loop's when they
//! are due.

use crate::clock::MonotonicNs;

use crate::load::engine::connection::Supply;
use crate::load::engine::pace::{DueLine, Pace};
use crate::load::report::format::float;

/// The lines of a run.
#[derive(Debug)]
pub(super) struct LineBudget {
    limit: u64,
    issued: u64,
}

impl LineBudget {
    /// At most `limit` lines.
    pub(super) const fn new(limit: u64) -> Self {
        Self { limit, issued: 0 }
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
}

/// Lines that were handed to a connection and that it has not begun to send: the open loop's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DueLines {
    lines: u64,
    /// The round of the first of them.
    round: u64,
}

impl DueLines {
    /// How many there are.
    pub(super) const fn lines(self) -> u64 {
        self.lines
    }

    /// One more.
    pub(super) const fn add(&mut self, due: DueLine) {
        if self.lines == 0 {
            self.round = due.round;
        }
        self.lines += 1;
    }

    /// Takes the first of them, and returns when it was due.
    fn take(&mut self, owner: usize, pace: &Pace) -> Option<MonotonicNs> {
        self.lines = self.lines.checked_sub(1)?;
        let due = DueLine { owner, round: self.round };
        self.round = pace.after(self.round);
        Some(pace.moment(due))
    }
}

/// Which lines a connection may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permit {
    /// Whatever there is.
    Any,
    /// None for the present: it waits for the others.
    None,
    /// Only those that it was handed: the run is over.
    Owed,
}

/// What one connection is supplied with.
#[derive(Debug)]
pub(super) struct LineSource<'a> {
    pub lines: &'a mut LineBudget,
    /// The open loop's schedule.
    pub pace: Option<&'a Pace>,
    /// Which connection of the schedule it is, and what that was handed.
    pub owner: usize,
    pub due: &'a mut DueLines,
    pub permit: Permit,
}

impl Supply for LineSource<'_> {
    #[inline]
    fn next(&mut self, now: MonotonicNs) -> Option<MonotonicNs> {
        if let Some(pace) = self.pace {
            return self.due.take(self.owner, pace);
        }
        if self.permit != Permit::Any || self.lines.all_issued() {
            return None;
        }
        self.lines.issued();
        Some(now)
    }

    #[inline]
    fn is_over(&self) -> bool {
        self.permit == Permit::Owed && self.due.lines() == 0 && self.pace.is_none_or(Pace::is_done)
    }
}
