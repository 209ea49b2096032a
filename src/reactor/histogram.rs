//! Counts of values in fixed ranges.

/// The bounds for the duration of a turn, in milliseconds. A turn is timed by the coarse clock,
/// which moves every four milliseconds on most machines.
const TURN_MS: &[u64] = &[10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

/// The bounds for the lifetime of a connection, in milliseconds: up to a day.
const LIFETIME_MS: &[u64] =
    &[10, 100, 1000, 10_000, 60_000, 600_000, 3_600_000, 21_600_000, 86_400_000];

/// The bounds for the lines of a connection.
const LINES: &[u64] = &[0, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];

/// The bounds for round-trip times, in microseconds: two a decade, from loopback to a lost network.
const RTT_US: &[u64] = &[
    10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000,
    10_000_000,
];

/// Values by range: each range ends at a bound, which belongs to it; the last one has no end.
#[derive(Clone, Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    counts: Vec<u64>,
    sum: u64,
}

impl Histogram {
    pub(super) fn of_turns() -> Self {
        Self::new(TURN_MS)
    }

    pub(super) fn of_lifetimes() -> Self {
        Self::new(LIFETIME_MS)
    }

    pub(super) fn of_lines() -> Self {
        Self::new(LINES)
    }

    pub(super) fn of_rtts() -> Self {
        Self::new(RTT_US)
    }

    fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0 }
    }

    /// Counts a value.
    pub(super) fn record(&mut self, value: u64) {
        let range = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(range) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(value);
    }

    /// Returns this histogram with so many values that `total` are counted; the missing ones were
    /// too small to be recorded.
    #[must_use]
    pub(super) fn filled_up(mut self, total: u64) -> Self {
        let missing = total.saturating_sub(self.count());
        if let Some(smallest) = self.counts.first_mut() {
            *smallest += missing;
        }
        self
    }

    /// Returns each bound with the number of values between the one before and this; the last
    /// range has no bound.
    pub fn ranges(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter().copied())
    }

    /// Returns the number of values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the sum of all values.
    pub const fn sum(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_range_that_it_ends() {
        let mut lines = Histogram::of_lines();
        for value in [0, 1, 2, 10, 11, u64::MAX] {
            lines.record(value);
        }
        let counts: Vec<_> = lines.ranges().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 1, 2, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!((lines.count(), lines.sum()), (6, u64::MAX));
        assert_eq!(lines.ranges().last(), Some((None, 1)));
    }

    #[test]
    fn values_that_were_too_small_to_record_are_in_the_first_range() {
        let mut turns = Histogram::of_turns();
        turns.record(30);
        let turns = turns.filled_up(100);
        assert_eq!(turns.ranges().next(), Some((Some(10), 99)));
        assert_eq!((turns.count(), turns.sum()), (100, 30));
    }
}
