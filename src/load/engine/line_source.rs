//! Which lines may be sent: in a closed loop as soon as a connection is free, in an open loop once
//! they are due.

use crate::clock::MonotonicNs;
use crate::num;

use crate::load::engine::pace::{DueLine, Pace};

/// The line limit of a run, and the lines issued so far.
#[derive(Debug)]
pub(super) struct LineBudget {
    limit: u64,
    issued: u64,
}

impl LineBudget {
    /// Creates a budget of `limit` lines.
    pub(super) const fn new(limit: u64) -> Self {
        Self { limit, issued: 0 }
    }

    /// Returns the limit.
    pub(super) const fn limit(&self) -> u64 {
        self.limit
    }

    /// True once all lines are issued.
    pub(super) const fn all_issued(&self) -> bool {
        self.issued >= self.limit
    }

    /// Completed share of the run, from 0 to 1, if limited by lines.
    pub(super) fn done(&self, over: u64) -> f64 {
        match self.limit {
            0 | u64::MAX => 0.0,
            limit => num::to_f64(over) / num::to_f64(limit),
        }
    }

    /// Issues `last` more lines at once, as the last ones.
    pub(super) const fn end_with(&mut self, last: u64) {
        self.issued = self.issued.saturating_add(last);
        self.limit = self.issued;
    }

    /// Counts a line assigned to a connection.
    pub(super) const fn issued(&mut self) {
        self.issued += 1;
    }
}

/// Lines of the open loop that are assigned to a connection and not begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DueLines {
    lines: u64,
    /// The round of the first line.
    round: u64,
}

impl DueLines {
    /// Returns the number of lines.
    pub(super) const fn lines(self) -> u64 {
        self.lines
    }

    /// Adds a line.
    pub(super) const fn add(&mut self, due: DueLine) {
        if self.lines == 0 {
            self.round = due.round;
        }
        self.lines += 1;
    }

    /// Takes the first line, and returns when it was due.
    fn take(&mut self, owner: usize, pace: &Pace) -> Option<MonotonicNs> {
        self.lines = self.lines.checked_sub(1)?;
        let due = DueLine { owner, round: self.round };
        self.round = pace.after(self.round);
        Some(pace.moment(due))
    }
}

/// The lines that a connection may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permit {
    /// Any line.
    Any,
    /// No line: the start barrier has not been released.
    None,
    /// Only lines already assigned: the run is over.
    Assigned,
}

/// The line source of one connection.
#[derive(Debug)]
pub(super) struct LineSource<'a> {
    pub budget: &'a mut LineBudget,
    /// The open loop's schedule.
    pub pace: Option<&'a Pace>,
    /// The connection's number in the schedule, and the lines assigned to it.
    pub owner: usize,
    pub due: &'a mut DueLines,
    pub permit: Permit,
}

impl LineSource<'_> {
    /// Takes a line to send now, and returns the time from which its latency counts.
    #[inline]
    pub(super) fn next(&mut self, now: MonotonicNs) -> Option<MonotonicNs> {
        if let Some(pace) = self.pace {
            return self.due.take(self.owner, pace);
        }
        if self.permit != Permit::Any || self.budget.all_issued() {
            return None;
        }
        self.budget.issued();
        Some(now)
    }

    /// Returns true once no other line will come, and connections are to close.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.permit == Permit::Assigned
            && self.due.lines() == 0
            && self.pace.is_none_or(Pace::is_done)
    }
}
