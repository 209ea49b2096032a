//! What was measured, and what follows from it: medians, and ratios within each round.

use std::collections::BTreeMap;

use super::cases::Metric;

/// What one load on one server has shown.
pub(crate) type Sample = BTreeMap<Metric, f64>;

/// The middle one of some numbers, and the ends.
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
    /// Servers that were left out, and why.
    pub(crate) skipped: Vec<String>,
}

impl Results {
    /// One more round of that server in that case.
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

    /// Over the rounds in which there is a measurement.
    pub(crate) fn spread(&self, case: &str, server: &str, metric: Metric) -> Option<Spread> {
        let samples = self.rounds(case, server).flatten();
        spread(samples.filter_map(|sample| sample.get(&metric).copied()))
    }

    /// The middle one of [`Self::spread`].
    pub(crate) fn median(&self, case: &str, server: &str, metric: Metric) -> Option<f64> {
        self.spread(case, server, metric).map(|spread| spread.median)
    }

    /// How many times that of another server it is, round by round.
    pub(crate) fn ratio(
        &self,
        case: &str,
        server: &str,
        other: &str,
        metric: Metric,
    ) -> Option<Spread> {
        spread(self.pairs(case, server, other, metric).flatten())
    }

    /// How many times more a metric grows from one case to another than that of another server,
    /// round by round.
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

    /// The ratio of each round; nothing for one in which either of the two has no measurement.
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

    /// The samples of each round, and nothing for one in which something went wrong.
    fn rounds(&self, case: &str, server: &str) -> impl Iterator<Item = Option<&Sample>> {
        let key = self.samples.keys().find(|key| **key == (case, server));
        let samples = key.and_then(|key| self.samples.get(key)).into_iter().flatten();
        samples.map(|sample| sample.as_ref().ok())
    }

    /// Each sample that is none, and why.
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

/// Nothing of nothing.
fn spread(numbers: impl Iterator<Item = f64>) -> Option<Spread> {
    let mut sorted: Vec<_> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let (least, most) = (*sorted.first()?, *sorted.last()?);
    let (lower, upper) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    Some(Spread { median: f64::midpoint(lower, upper), least, most })
}
