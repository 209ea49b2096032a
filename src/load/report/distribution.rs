//! Times of what came back, beside how many never did: a percentile counts both.

use hdrhistogram::Histogram;

use super::{Percentiles, Times, format};

/// By how much a rank may pass the last answer for want of a fraction's last bits.
const ROUNDING: f64 = 1e-9;

/// A figure of a run: of a distribution of times in microseconds, or any other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// It is that much.
    Value(f64),
    /// It falls among those that never came back: it is longer than any time.
    Lost,
    /// Nothing was measured.
    NotMeasured,
}

impl Found {
    /// The value, as the JSON object has it: null where there is none.
    pub const fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Lost | Self::NotMeasured => None,
        }
    }
}

/// How many came back, and how many never did.
///
/// A percentile is taken of both: of a hundred lines, two of which were never answered, the 98th
/// is the slowest answer, and the 99th is lost. Otherwise a server would look the faster for what
/// it does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// How many came back.
    pub answered: u64,
    /// How many never did.
    pub lost: u64,
}

impl Answers {
    /// Which part came back, from 0 to 1; none if nothing was waited for.
    pub fn share(self) -> Option<f64> {
        let all = self.answered.saturating_add(self.lost);
        (all > 0).then(|| format::float(self.answered) / format::float(all))
    }

    /// What that part of all, from 0 to 1, did not exceed. The times, in nanoseconds, are those of
    /// what came back, or of a sample of it.
    pub fn at(self, times: &Histogram<u64>, part: f64) -> Found {
        let Some(share) = self.share() else { return Found::NotMeasured };
        if self.lost > 0 && part > share + ROUNDING {
            return Found::Lost;
        }
        if times.is_empty() {
            return Found::NotMeasured;
        }
        let within = (part / share).min(1.0);
        Found::Value(format::float(times.value_at_quantile(within)) / 1e3)
    }
}

/// Times in nanoseconds, and what they are of.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// The times of what came back, or of a sample of it.
    pub times: Histogram<u64>,
    /// How many came back, and how many did not.
    pub answers: Answers,
}

impl Distribution {
    /// Of times that are all there are, and of so many that never came.
    pub fn new(times: Histogram<u64>, lost: u64) -> Self {
        Self { answers: Answers { answered: times.len(), lost }, times }
    }

    /// What that part of all, from 0 to 1, did not exceed.
    pub fn at(&self, part: f64) -> Found {
        self.answers.at(&self.times, part)
    }

    /// The longest: lost if anything is.
    pub fn max(&self) -> Found {
        if self.answers.lost > 0 {
            Found::Lost
        } else {
            self.found(format::float(self.times.max()))
        }
    }

    /// The mean of what came back.
    pub fn mean(&self) -> Found {
        self.found(self.times.mean())
    }

    fn found(&self, time_ns: f64) -> Found {
        match () {
            () if !self.times.is_empty() => Found::Value(time_ns / 1e3),
            () if self.answers.lost > 0 => Found::Lost,
            () => Found::NotMeasured,
        }
    }

    /// The figures that the report has.
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
    /// Of lines, there and back.
    pub latency: Distribution,
    /// Of connects.
    pub connect: Distribution,
    /// By how much lines were sent too late.
    pub late: Distribution,
}

impl Distributions {
    /// Those times.
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

    /// So many lines after 1 ms, 2 ms and so on, and so many never.
    fn of(times: u64, lost: u64) -> Distribution {
        let mut histogram = Histogram::new(3).unwrap();
        for time in 1..=times {
            histogram.record(time * 1_000_000).unwrap();
        }
        Distribution::new(histogram, lost)
    }

    /// In whole milliseconds.
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
