//! The open loop's schedule: when each line is due, regardless of the echoes, and on which
//! connection.
//!
//! Lines are due in rounds, in each of which every connection has one. So the lines that a
//! connection has not sent yet are a count and the round of the first, and take constant memory
//! however far it is behind.

use std::time::Duration;

use crate::clock::MonotonicNs;
use crate::num;

/// The due times of lines, one after another.
///
/// During the ramp the rate rises evenly from zero: after `t` of `ramp` seconds
/// `rate × t² / (2 × ramp)` lines were due, so line `k` is due after `√(2 × ramp × k / rate)`.
#[derive(Debug)]
pub(super) struct Pace {
    start: MonotonicNs,
    /// Lines per second.
    rate: f64,
    ramp_s: f64,
    rounds: Rounds,
    /// Number of the next line, from 0.
    line: u64,
    next: MonotonicNs,
    /// Number of lines: the schedule ends before this line.
    lines: u64,
    /// The schedule ends before this time.
    end: MonotonicNs,
}

/// A due line: its connection and its round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DueLine {
    pub owner: usize,
    pub round: u64,
}

impl Pace {
    /// Creates a schedule from `start` on, of at most `lines` lines.
    pub(super) fn new(start: MonotonicNs, rate: f64, ramp: Duration, lines: u64) -> Self {
        let (ramp_s, rounds) = (ramp.as_secs_f64(), Rounds::default());
        let mut pace = Self {
            start,
            rate,
            ramp_s,
            rounds,
            line: 0,
            next: start,
            lines,
            end: MonotonicNs::NEVER,
        };
        pace.next = pace.at(0);
        pace
    }

    /// Returns the next line if it is due by now. A round that begins with it has `connections`
    /// lines.
    pub(super) fn due(&mut self, now: MonotonicNs, connections: usize) -> Option<DueLine> {
        if self.next > now || self.is_done() {
            return None;
        }
        let round = self.rounds.of_next(self.line, connections);
        let owner = num::to_usize(self.line - round);
        self.line += 1;
        self.next = self.at(self.line);
        Some(DueLine { owner, round })
    }

    /// Returns when the next line is due.
    pub(super) fn next(&self) -> MonotonicNs {
        if self.is_done() { MonotonicNs::NEVER } else { self.next }
    }

    /// True once no line is left.
    pub(super) fn is_done(&self) -> bool {
        self.next >= self.end || self.line >= self.lines
    }

    /// Drops all lines due at `end` or later.
    pub(super) fn end_at(&mut self, end: MonotonicNs) {
        self.end = self.end.min(end);
    }

    /// Number of lines before the end that [`Self::due`] has not returned.
    pub(super) fn rest(&self) -> u64 {
        if self.is_done() {
            return 0;
        }
        self.before(self.end).min(self.lines).saturating_sub(self.line).max(1)
    }

    /// Drops the remaining lines, and returns their number.
    pub(super) fn abandon_rest(&mut self) -> u64 {
        let rest = self.rest();
        self.lines = self.line;
        rest
    }

    /// Returns when a line is due.
    pub(super) fn moment(&self, due: DueLine) -> MonotonicNs {
        self.at(due.round.saturating_add(num::to_u64(due.owner)))
    }

    /// Returns the round after `round`.
    pub(super) fn after(&self, round: u64) -> u64 {
        self.rounds.after(round)
    }

    fn at(&self, line: u64) -> MonotonicNs {
        let line = num::to_f64(line);
        let rising = self.rising();
        let seconds = if line < rising {
            (2.0 * self.ramp_s * line / self.rate).sqrt()
        } else {
            self.ramp_s + (line - rising) / self.rate
        };
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        self.start.after(wait)
    }

    /// Number of lines due before `moment`: the inverse of [`Self::at`].
    fn before(&self, moment: MonotonicNs) -> u64 {
        let seconds = moment.since(self.start).as_secs_f64();
        let lines = if seconds < self.ramp_s {
            self.rate * seconds * seconds / (2.0 * self.ramp_s)
        } else {
            self.rising() + (seconds - self.ramp_s) * self.rate
        };
        // Through a duration, which is a whole number of nanoseconds.
        let lines = Duration::try_from_secs_f64(lines.ceil() / 1e9);
        lines.map_or(u64::MAX, num::nanos)
    }

    /// Number of lines due during the ramp.
    fn rising(&self) -> f64 {
        self.rate * self.ramp_s / 2.0
    }
}

/// The rounds of the schedule. A round is identified by its first line, and has one line for each
/// connection opened before it begins: more and more, until all are open.
#[derive(Debug, Default)]
struct Rounds {
    /// The first round of each width, and that width, in order; at most one entry per connection.
    widths: Vec<(u64, u64)>,
    /// The round of the previous line.
    current: u64,
}

impl Rounds {
    /// Returns the round of the next line; a new round has `connections` lines.
    fn of_next(&mut self, line: u64, connections: usize) -> u64 {
        if self.widths.is_empty() || line >= self.after(self.current) {
            self.current = line;
            let width = num::to_u64(connections.max(1));
            if self.widths.last().is_none_or(|(_, last)| *last != width) {
                self.widths.push((line, width));
            }
        }
        self.current
    }

    fn after(&self, round: u64) -> u64 {
        let width = match self.widths.last() {
            Some((from, width)) if round >= *from => *width,
            _ => {
                let place = self.widths.partition_point(|(from, _)| *from <= round);
                self.widths.get(place.saturating_sub(1)).map_or(1, |(_, width)| *width)
            }
        };
        round.saturating_add(width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn due_by(pace: &mut Pace, now: u64) -> usize {
        std::iter::from_fn(|| pace.due(MonotonicNs(now), 1)).count()
    }

    #[test]
    fn lines_are_due_evenly() {
        let mut pace = Pace::new(MonotonicNs(7), 1000.0, Duration::ZERO, u64::MAX);
        assert_eq!(pace.due(MonotonicNs(6), 1), None);
        let first = pace.due(MonotonicNs(7), 1).unwrap();
        assert_eq!(pace.moment(first), MonotonicNs(7), "the first at once");
        assert_eq!(pace.due(MonotonicNs(7), 1), None);
        assert_eq!(pace.next(), MonotonicNs(1_000_007));
        assert_eq!(due_by(&mut pace, 7 + SECOND), 1000);
    }

    #[test]
    fn a_late_line_is_still_due_at_its_own_time() {
        let mut pace = Pace::new(MonotonicNs(0), 10.0, Duration::ZERO, u64::MAX);
        let late: Vec<_> = std::iter::from_fn(|| pace.due(MonotonicNs(SECOND / 2), 3)).collect();
        let moments: Vec<_> = late.iter().map(|due| pace.moment(*due)).collect();
        assert_eq!(moments, [0, 1, 2, 3, 4, 5].map(|tenth| MonotonicNs(tenth * SECOND / 10)));
    }

    /// Each connection has one line per round, and finds its next line from the last one, even if
    /// connections were opened in between.
    #[test]
    fn a_connection_finds_its_lines_by_their_rounds() {
        let mut pace = Pace::new(MonotonicNs(0), 10.0, Duration::ZERO, 40);
        let mut lines = vec![Vec::new(); 5];
        for opened in [1, 1, 1, 3, 4].into_iter().chain([5; 35]) {
            let due = pace.due(MonotonicNs(100 * SECOND), opened).unwrap();
            lines[due.owner].push(due);
        }
        assert!(pace.is_done());
        for of_one in lines {
            for pair in of_one.windows(2) {
                assert_eq!(pace.after(pair[0].round), pair[1].round, "{of_one:?}");
            }
        }
    }

    #[test]
    fn during_the_ramp_the_rate_rises_evenly() {
        let mut pace = Pace::new(MonotonicNs(0), 1000.0, Duration::from_secs(10), u64::MAX);
        let by_second: Vec<_> =
            (1..=12).map(|second| due_by(&mut pace, second * SECOND - 1)).collect();
        assert_eq!(by_second, [50, 150, 250, 350, 450, 550, 650, 750, 850, 950, 1000, 1000]);
    }

    #[test]
    fn it_ends_with_its_lines_or_its_time() {
        let mut pace = Pace::new(MonotonicNs(0), 10.0, Duration::ZERO, 5);
        assert_eq!(due_by(&mut pace, 100 * SECOND), 5);
        assert_eq!((pace.next(), pace.rest()), (MonotonicNs::NEVER, 0));
        let mut pace = Pace::new(MonotonicNs(0), 10.0, Duration::ZERO, u64::MAX);
        pace.end_at(MonotonicNs(SECOND));
        assert_eq!(due_by(&mut pace, 100 * SECOND), 10);
        assert_eq!((pace.next(), pace.rest()), (MonotonicNs::NEVER, 0));
    }

    #[test]
    fn remaining_lines_are_counted_without_a_loop() {
        for (ramp, due) in [(0, 5_000_000_000), (2, 4_000_000_000), (10, 1_250_000_000)] {
            let ramp = Duration::from_secs(ramp);
            let mut pace = Pace::new(MonotonicNs(0), 1e9, ramp, u64::MAX);
            pace.end_at(MonotonicNs(5 * SECOND));
            assert!(pace.due(MonotonicNs(5 * SECOND), 1).is_some());
            assert_eq!((pace.rest(), pace.abandon_rest(), pace.rest()), (due - 1, due - 1, 0));
        }
    }
}
