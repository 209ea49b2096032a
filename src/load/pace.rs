//! The open loop's schedule: when each line is to be sent, whatever has come back.

use std::time::Duration;

use crate::clock::Nanos;

use super::report::figures::float;

/// The moments at which lines are due, one after another.
///
/// During the ramp the rate rises evenly from nothing: after `t` of `ramp` seconds `rate × t² /
/// (2 × ramp)` lines were due, so line `k` is due after `√(2 × ramp × k / rate)`.
#[derive(Debug)]
pub(super) struct Pace {
    start: Nanos,
    /// Lines a second.
    rate: f64,
    ramp_s: f64,
    /// The line that is due next, from 0.
    line: u64,
    next: Nanos,
    /// No line from this one on.
    lines: u64,
    /// No line from this moment on.
    end: Nanos,
}

impl Pace {
    /// A schedule from `start` on, of `lines` at the most.
    pub(super) fn new(start: Nanos, rate: f64, ramp: Duration, lines: u64) -> Self {
        let ramp_s = ramp.as_secs_f64();
        let mut pace = Self { start, rate, ramp_s, line: 0, next: start, lines, end: Nanos::NEVER };
        pace.next = pace.at(0);
        pace
    }

    /// If a line is due by now: since when.
    pub(super) fn due(&mut self, now: Nanos) -> Option<Nanos> {
        let due = self.next;
        if due > now || due >= self.end || self.line >= self.lines {
            return None;
        }
        self.line += 1;
        self.next = self.at(self.line);
        Some(due)
    }

    /// When the next line is due.
    pub(super) fn next(&self) -> Nanos {
        if self.next >= self.end || self.line >= self.lines { Nanos::NEVER } else { self.next }
    }

    /// Plans nothing for `end` and later.
    pub(super) fn end_at(&mut self, end: Nanos) {
        self.end = end;
    }

    fn at(&self, line: u64) -> Nanos {
        let line = float(line);
        let rising = self.rate * self.ramp_s / 2.0;
        let seconds = if line < rising {
            (2.0 * self.ramp_s * line / self.rate).sqrt()
        } else {
            self.ramp_s + (line - rising) / self.rate
        };
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        self.start.after(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn due_by(pace: &mut Pace, now: u64) -> usize {
        std::iter::from_fn(|| pace.due(Nanos(now))).count()
    }

    #[test]
    fn lines_are_due_evenly() {
        let mut pace = Pace::new(Nanos(7), 1000.0, Duration::ZERO, u64::MAX);
        assert_eq!(pace.due(Nanos(6)), None);
        assert_eq!(pace.due(Nanos(7)), Some(Nanos(7)), "the first at once");
        assert_eq!(pace.due(Nanos(7)), None);
        assert_eq!(pace.next(), Nanos(1_000_007));
        assert_eq!(due_by(&mut pace, 7 + SECOND), 1000);
    }

    #[test]
    fn what_is_late_is_still_due_at_its_own_time() {
        let mut pace = Pace::new(Nanos(0), 10.0, Duration::ZERO, u64::MAX);
        let late: Vec<_> = std::iter::from_fn(|| pace.due(Nanos(SECOND / 2))).collect();
        assert_eq!(late, [0, 1, 2, 3, 4, 5].map(|tenth| Nanos(tenth * SECOND / 10)));
    }

    #[test]
    fn during_the_ramp_the_rate_rises_evenly() {
        let mut pace = Pace::new(Nanos(0), 1000.0, Duration::from_secs(10), u64::MAX);
        let by_second: Vec<_> =
            (1..=12).map(|second| due_by(&mut pace, second * SECOND - 1)).collect();
        assert_eq!(by_second, [50, 150, 250, 350, 450, 550, 650, 750, 850, 950, 1000, 1000]);
    }

    #[test]
    fn it_ends_with_its_lines_or_its_time() {
        let mut pace = Pace::new(Nanos(0), 10.0, Duration::ZERO, 5);
        assert_eq!(due_by(&mut pace, 100 * SECOND), 5);
        assert_eq!(pace.next(), Nanos::NEVER);
        let mut pace = Pace::new(Nanos(0), 10.0, Duration::ZERO, u64::MAX);
        pace.end_at(Nanos(SECOND));
        assert_eq!(due_by(&mut pace, 100 * SECOND), 10);
        assert_eq!(pace.next(), Nanos::NEVER);
    }
}
