//! The samples and their statistics: medians, and ratios within each round.

use std::collections::BTreeMap;

use super::cases::Metric;

/// The metrics of one load on one server.
pub(crate) type Sample = BTreeMap<Metric, f64>;

/// Median, minimum and maximum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// All samples, by case, server and round.
#[derive(Debug, Default)]
pub(crate) struct Results {
    samples: BTreeMap<(&'static str, &'static str), Vec<Result<Sample, String>>>,
    /// Servers that were skipped.
    pub(crate) skipped: Vec<String>,
}

impl Results {
    /// Adds a round of that server in that case.
    pub(crate) fn add(
        &mut self,
        case: &'static str,
        server: &'static str,
        sample: Result<Sample, String>,
    ) {
        self.samples.entry((case, server)).or_default().push(sample);
    }

    /// True if that server was tried in that case.
    pub(crate) fn has(&self, case: &str, server: &str) -> bool {
        self.rounds(case, server).next().is_some()
    }

    /// The spread over the rounds with a measurement.
    pub(crate) fn spread(&self, case: &str, server: &str, metric: Metric) -> Option<Spread> {
        let samples = self.rounds(case, server).flatten();
        spread(samples.filter_map(|sample| sample.get(&metric).copied()))
    }

    /// The median of [`Self::spread`].
    pub(crate) fn median(&self, case: &str, server: &str, metric: Metric) -> Option<f64> {
        self.spread(case, server, metric).map(|spread| spread.median)
    }

    /// The ratio to another server, round by round.
    pub(crate) fn ratio(
        &self,
        case: &str,
        server: &str,
        other: &str,
        metric: Metric,
    ) -> Option<Spread> {
        spread(self.pairs(case, server, other, metric).flatten())
    }

    /// The growth of a metric from one case to another, as a ratio to that of another server, round
    /// by round.
    pub(crate) fn growth(
        &self,
        cases: [&str; 2],
        server: &str,
        other: &str,
        metric: Metric,
    ) -> Option<Spread> {
        let [few, many] = cases.map(|case| self.pairs(case, server, other, metric));
        spread(few.zip(many).filter_map(|(few, many)| Some(many? / few?)))
    }

    /// The ratio of each round; None if either server has no measurement.
    fn pairs(
        &self,
        case: &str,
        server: &str,
        other: &str,
        metric: Metric,
    ) -> impl Iterator<Item = Option<f64>> {
        let (own, others) = (self.rounds(case, server), self.rounds(case, other));
        own.zip(others).map(move |(own, other)| Some(own?.get(&metric)? / other?.get(&metric)?))
    }

    /// The sample of each round; None if the round failed.
    fn rounds(&self, case: &str, server: &str) -> impl Iterator<Item = Option<&Sample>> {
        let key = self.samples.keys().find(|key| **key == (case, server));
        let samples = key.and_then(|key| self.samples.get(key)).into_iter().flatten();
        samples.map(|sample| sample.as_ref().ok())
    }

    /// The failed samples, each with its error.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let all = self.samples.iter().flat_map(|((case, server), samples)| {
            samples.iter().enumerate().filter_map(move |(round, sample)| {
                let wrong = sample.as_ref().err()?;
                Some(format!("{case}, {server}, round {}: {wrong}", round + 1))
            })
        });
        all.collect()
    }
}

/// None without numbers.
fn spread(numbers: impl Iterator<Item = f64>) -> Option<Spread> {
    let mut sorted: Vec<_> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let (least, most) = (*sorted.first()?, *sorted.last()?);
    let (lower, upper) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    Some(Spread { median: f64::midpoint(lower, upper), least, most })
}
