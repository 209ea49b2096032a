//! The statistics of a distribution of times, by name.

use super::distribution::Percentiles;

/// A statistic of [`Percentiles`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// The median.
    P50,
    /// The 90th percentile.
    P90,
    /// The 99th percentile.
    P99,
    /// The 99.9th percentile.
    P999,
    /// The longest.
    Max,
    /// The mean.
    Mean,
}

impl Statistic {
    /// Every statistic, in the order of the report.
    pub const ALL: [Self; 6] = [Self::P50, Self::P90, Self::P99, Self::P999, Self::Max, Self::Mean];

    /// Returns its name in the JSON object and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Max => "max",
            Self::Mean => "mean",
        }
    }

    /// Returns its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::P999 => "p99.9",
            Self::P50 | Self::P90 | Self::P99 | Self::Max | Self::Mean => self.name(),
        }
    }

    /// Returns the statistic with that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|share| share.name() == name)
    }

    /// Returns its value in microseconds, if anything was measured.
    pub const fn of(self, times: &Percentiles) -> Option<f64> {
        match self {
            Self::P50 => times.p50,
            Self::P90 => times.p90,
            Self::P99 => times.p99,
            Self::P999 => times.p999,
            Self::Max => times.max,
            Self::Mean => times.mean,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_is_found_by_its_name_and_has_its_own_value() {
        let times = Percentiles {
            count: 1,
            p50: Some(1.0),
            p90: Some(2.0),
            p99: Some(3.0),
            p999: Some(4.0),
            max: Some(5.0),
            mean: Some(6.0),
        };
        let values = Statistic::ALL.map(|share| share.of(&times));
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].map(Some));
        for share in Statistic::ALL {
            assert_eq!(Statistic::by_name(share.name()), Some(share));
        }
        assert_eq!(Statistic::by_name("p99.9"), None);
    }
}
