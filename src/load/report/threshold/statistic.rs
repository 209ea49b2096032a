//! The statistic of a time in a threshold: `p99`, `p99.95`, `max`, `mean`.

use std::fmt;

use crate::load::report::{Distributions, Found, Report, Statistic, Times};

/// A statistic of times: one of the report's, or any other percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LatencyStatistic {
    Share(Statistic),
    /// The percentile with this number, up to 100.
    Percentile(f64),
}

impl LatencyStatistic {
    /// Parses a name: `pN` for any N above 0 and up to 100, `max` or `mean`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let named = |share: &Statistic| share.name() == name || share.title() == name;
        if let Some(share) = Statistic::ALL.into_iter().find(named) {
            return Some(Self::Share(share));
        }
        let digits = name.strip_prefix('p')?;
        let plain = digits.chars().all(|digit| digit.is_ascii_digit() || digit == '.');
        let percent = digits.parse::<f64>().ok().filter(|_| plain)?;
        (percent > 0.0 && percent <= 100.0).then_some(Self::Percentile(percent))
    }

    /// Returns its value in a run.
    pub(super) fn found(self, of: Times, report: &Report, times: &Distributions) -> Found {
        match self {
            // From the report, to agree with it to the last digit.
            Self::Share(share) => report.time(of, share),
            Self::Percentile(percent) => times.of(of).at(percent / 100.0),
        }
    }
}

impl fmt::Display for LatencyStatistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => f.write_str(share.name()),
            Self::Percentile(percent) => write!(f, "p{percent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_percentile_has_a_name() {
        for share in Statistic::ALL {
            assert_eq!(LatencyStatistic::parse(share.name()), Some(LatencyStatistic::Share(share)));
        }
        for (name, share) in [("p99.9", Statistic::P999), ("p999", Statistic::P999)] {
            assert_eq!(
                LatencyStatistic::parse(name),
                Some(LatencyStatistic::Share(share)),
                "{name}"
            );
        }
        for (name, percent) in [("p95", 95.0), ("p99.95", 99.95), ("p0.1", 0.1), ("p100", 100.0)] {
            let found = LatencyStatistic::parse(name).unwrap();
            assert_eq!(
                (found, found.to_string().as_str()),
                (LatencyStatistic::Percentile(percent), name)
            );
        }
        for wrong in ["", "p", "p0", "p101", "p9999", "p-1", "p1e1", "pinf", "p9.9.9", "P99", "q5"]
        {
            assert_eq!(LatencyStatistic::parse(wrong), None, "{wrong}");
        }
    }
}
