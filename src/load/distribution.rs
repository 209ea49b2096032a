//! Distributions of times, with the number of missing answers: percentiles rank both.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::num;

/// Tolerance by which a rank may exceed the last answer, for the rounding errors of fractions.
const ROUNDING: f64 = 1e-9;

/// The kind of time that a statistic describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Latencies of lines, there and back.
    Latency,
    /// Times of connects.
    Connect,
    /// Delays of the generator in sending lines.
    Late,
}

/// A distribution of times, in microseconds. A percentile that falls among missing answers is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Number of answers timed.
    pub count: u64,
    /// The median.
    pub p50: Option<f64>,
    /// The 90th percentile.
    pub p90: Option<f64>,
    /// The 99th percentile.
    pub p99: Option<f64>,
    /// The 99.9th percentile.
    pub p999: Option<f64>,
    /// The longest; null if an answer is missing.
    pub max: Option<f64>,
    /// The mean of the answers.
    pub mean: Option<f64>,
}

/// A value of a run: a time in microseconds, or any other number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// The value found.
    Value(f64),
    /// The value falls among missing answers: it is longer than any time.
    Lost,
    /// Nothing was measured.
    NotMeasured,
}

impl Found {
    /// Returns the value, as in the JSON object: null if there is none.
    pub const fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Lost | Self::NotMeasured => None,
        }
    }
}

/// The number of answers, and of missing ones.
///
/// Percentiles rank both: of a hundred lines, two of which were never answered, the 98th is the
/// slowest answer, and the 99th is lost. Otherwise a server would look faster for the lines that it
/// does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Number of lines or connects answered.
    pub answered: u64,
    /// Number never answered.
    pub lost: u64,
}

impl Answers {
    /// Returns the share answered, from 0 to 1; none if no answer was due.
    pub fn share(self) -> Option<f64> {
        let all = self.answered.saturating_add(self.lost);
        (all > 0).then(|| num::to_f64(self.answered) / num::to_f64(all))
    }

    /// Returns the time that a share `part` of all, from 0 to 1, did not exceed. `times` holds the
    /// times of the answers, or of a sample of them, in nanoseconds.
    pub fn at(self, times: &Histogram<u64>, part: f64) -> Found {
        let Some(share) = self.share() else { return Found::NotMeasured };
        if self.lost > 0 && part > share + ROUNDING {
            return Found::Lost;
        }
        if times.is_empty() {
            return Found::NotMeasured;
        }
        let within = (part / share).min(1.0);
        Found::Value(num::to_f64(times.value_at_quantile(within)) / 1e3)
    }
}

/// Times in nanoseconds, and the answers that they stand for.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// The times of the answers, or of a sample of them.
    pub times: Histogram<u64>,
    /// The number of answers, and of missing ones.
    pub answers: Answers,
}

impl Distribution {
    /// Creates a distribution from the times of all answers, and the number of missing ones.
    pub fn new(times: Histogram<u64>, lost: u64) -> Self {
        Self { answers: Answers { answered: times.len(), lost }, times }
    }

    /// Returns the time that a share `part` of all, from 0 to 1, did not exceed.
    pub fn at(&self, part: f64) -> Found {
        self.answers.at(&self.times, part)
    }

    /// Returns the longest time; lost if any answer is missing.
    pub fn max(&self) -> Found {
        if self.answers.lost > 0 { Found::Lost } else { self.found(num::to_f64(self.times.max())) }
    }

    /// Returns the mean of the answers.
    pub fn mean(&self) -> Found {
        self.found(self.times.mean())
    }

    fn found(&self, time_ns: f64) -> Found {
        if !self.times.is_empty() {
            Found::Value(time_ns / 1e3)
        } else if self.answers.lost > 0 {
            Found::Lost
        } else {
            Found::NotMeasured
        }
    }

    /// Returns the statistics of the report.
    pub fn percentiles(&self) -> Percentiles {
        let at = |part| self.at(part).value();
        Percentiles {
            count: self.times.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.max().value(),
            mean: self.mean().value(),
        }
    }
}

/// All distributions of a run.
#[derive(Clone, Debug)]
pub struct Distributions {
    /// Latencies of lines, there and back.
    pub latency: Distribution,
    /// Times of connects.
    pub connect: Distribution,
    /// Delays of the generator in sending lines.
    pub late: Distribution,
}

impl Distributions {
    /// Returns the distribution of those times.
    pub const fn of(&self, times: Times) -> &Distribution {
        match times {
            Times::Latency => &self.latency,
            Times::Connect => &self.connect,
            Times::Late => &self.late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines answered after 1 ms, 2 ms and so on up to `times`, and `lost` lines without an answer.
    fn of(times: u64, lost: u64) -> Distribution {
        let mut histogram = Histogram::new(3).unwrap();
        for time in 1..=times {
            histogram.record(time * 1_000_000).unwrap();
        }
        Distribution::new(histogram, lost)
    }

    /// Formats whole milliseconds.
    fn milliseconds(found: Found) -> String {
        format!("{:.0}", found.value().unwrap() / 1000.0)
    }

    #[test]
    fn a_percentile_counts_what_never_came() {
        let some = of(98, 2);
        assert_eq!(some.answers.share(), Some(0.98));
        assert_eq!(
            (milliseconds(some.at(0.5)), milliseconds(some.at(0.9))),
            ("50".to_owned(), "90".to_owned())
        );
        assert_eq!(milliseconds(some.at(0.98)), "98", "the slowest answer");
        assert_eq!((some.at(0.99), some.max()), (Found::Lost, Found::Lost));
        assert!((49.0..50.0).contains(&(some.mean().value().unwrap() / 1000.0)));
    }

    #[test]
    fn without_losses_it_is_as_it_always_was() {
        let all = of(1000, 0);
        for (part, time) in [(0.5, "500"), (0.99, "990"), (0.999, "999"), (1.0, "1000")] {
            assert_eq!(milliseconds(all.at(part)), time);
        }
        assert_eq!((milliseconds(all.max()).as_str(), all.percentiles().count), ("1000", 1000));
    }

    #[test]
    fn all_lost_is_not_the_same_as_nothing_measured() {
        let (none, lost) = (of(0, 0), of(0, 7));
        for found in [none.at(0.5), none.max(), none.mean()] {
            assert_eq!(found, Found::NotMeasured);
        }
        for found in [lost.at(0.0001), lost.max(), lost.mean()] {
            assert_eq!(found, Found::Lost);
        }
        assert_eq!((none.answers.share(), lost.answers.share()), (None, Some(0.0)));
        assert_eq!(lost.percentiles(), Percentiles::default());
    }

    #[test]
    fn a_sample_stands_for_all_that_came_back() {
        let answers = Answers { answered: 1_000_000, lost: 20_000 };
        let sample = Distribution { answers, ..of(100, 0) };
        assert_eq!(milliseconds(sample.at(0.9)), "92");
        assert_eq!(sample.at(0.99), Found::Lost);
    }
}
