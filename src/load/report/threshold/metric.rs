//! The metric of a threshold: its name, and its value in a report.

use std::fmt;

use crate::load::engine::error::RunError;
use crate::load::report::{Distributions, Found, Report, Times, format};
use crate::num;

use super::field::Field;
use super::statistic::LatencyStatistic;

/// A metric of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ThresholdMetric {
    Time(Times, LatencyStatistic),
    Errors,
    /// Errors with this word.
    ErrorsOf(&'static str),
    Mismatches,
    Unanswered,
    /// `Unanswered` by its shorter name.
    Lost,
    Failed,
    Lines,
    Rate,
    BytesRate,
    /// Any other number of the report.
    Field(Field),
}

/// Prefixes of the names of times, and of error words.
const PREFIXES: [(&str, Times); 2] = [("connect-", Times::Connect), ("late-", Times::Late)];
const ERRORS_OF: &str = "errors.";

impl ThresholdMetric {
    /// Metrics that are no times, and take a plain number as limit.
    const NUMBERS: [Self; 8] = [
        Self::Errors,
        Self::Mismatches,
        Self::Unanswered,
        Self::Lost,
        Self::Failed,
        Self::Lines,
        Self::Rate,
        Self::BytesRate,
    ];

    /// Parses the name of a metric.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        if let Some(word) = name.strip_prefix(ERRORS_OF) {
            return error_word(word).map(Self::ErrorsOf);
        }
        if let Some(metric) = Self::NUMBERS.into_iter().find(|metric| metric.to_string() == name) {
            return Ok(metric);
        }
        let prefixed = PREFIXES
            .into_iter()
            .find_map(|(prefix, times)| Some((times, name.strip_prefix(prefix)?)));
        let (times, statistic) = prefixed.unwrap_or((Times::Latency, name));
        let time = LatencyStatistic::parse(statistic).map(|statistic| Self::Time(times, statistic));
        time.or_else(|| Field::parse(name).map(Self::Field)).ok_or_else(|| {
            format!(
                "{name:?} is not a figure of the report: expected pN, for any N up to 100 like p50 \
                 or p99.9, max or mean, those with connect- or late- before them, errors.WORD, \
                 one of {}, or a number of the JSON report by its dotted name",
                Self::NUMBERS.map(|metric| metric.to_string()).join(" ")
            )
        })
    }

    /// True if it is a time, with a duration as limit.
    pub(super) const fn is_time(&self) -> bool {
        matches!(self, Self::Time(..))
    }

    /// True if it counts losses or failures: then its threshold decides how many are allowed.
    pub(super) fn is_about_loss(&self) -> bool {
        if let Self::Field(field) = self {
            return field.is_about_loss();
        }
        self.whole_name().is_some()
    }

    /// Names the whole that it is a part of, if its limit may be in percent.
    pub(super) const fn whole_name(&self) -> Option<&'static str> {
        match self {
            Self::Errors | Self::ErrorsOf(_) | Self::Mismatches | Self::Failed => {
                Some("connections")
            }
            Self::Unanswered | Self::Lost => Some("lines"),
            Self::Time(..) | Self::Lines | Self::Rate | Self::BytesRate | Self::Field(_) => None,
        }
    }

    /// Returns the size of that whole: connections attempted, or lines sent or due.
    pub(super) const fn whole(&self, report: &Report) -> u64 {
        match self {
            Self::Unanswered | Self::Lost => report.lines_asked(),
            Self::Errors
            | Self::ErrorsOf(_)
            | Self::Mismatches
            | Self::Failed
            | Self::Time(..)
            | Self::Lines
            | Self::Rate
            | Self::BytesRate
            | Self::Field(_) => report.connections.attempted,
        }
    }

    /// Returns its value in a run: a time in microseconds, a count, or a rate per second.
    pub(super) fn found(&self, report: &Report, times: &Distributions) -> Found {
        // Without measured time there is no rate.
        let per_second = |rate| {
            if report.duration_s > 0.0 { Found::Value(rate) } else { Found::NotMeasured }
        };
        let count = |count| Found::Value(num::to_f64(count));
        match self {
            Self::Time(of, statistic) => statistic.found(*of, report, times),
            Self::Field(field) => field.found(report),
            Self::Errors => count(report.errors.values().sum()),
            Self::ErrorsOf(word) => count(report.errors.get(*word).copied().unwrap_or_default()),
            Self::Mismatches => count(report.mismatches),
            Self::Unanswered | Self::Lost => count(report.unanswered),
            Self::Failed => count(report.connections.failed),
            Self::Lines => count(report.lines),
            Self::Rate => per_second(report.lines_per_s),
            Self::BytesRate => per_second(report.bytes_per_s),
        }
    }

    /// Formats a value.
    pub(super) fn shown(&self, found: f64) -> String {
        match self {
            Self::Time(..) => format::time(found),
            Self::Rate => format!("{} lines a second", format::rate(found)),
            Self::BytesRate => format!("{} a second", format::bytes(found)),
            Self::Errors
            | Self::ErrorsOf(_)
            | Self::Mismatches
            | Self::Unanswered
            | Self::Lost
            | Self::Failed
            | Self::Lines => format!("{found:.0}"),
            // As exact as the measurement, and no more.
            Self::Field(_) => format!("{}", (found * 1e6).round() / 1e6),
        }
    }
}

/// Parses an error word of the report.
fn error_word(name: &str) -> Result<&'static str, String> {
    let words = RunError::kinds;
    words().find(|word| *word == name).ok_or_else(|| {
        format!(
            "{name:?} is no word of an error: expected one of {}",
            words().collect::<Vec<_>>().join(" ")
        )
    })
}

impl fmt::Display for ThresholdMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Time(times, statistic) => {
                let prefix = PREFIXES.iter().find(|(_, of)| of == times);
                return write!(f, "{}{statistic}", prefix.map_or("", |(prefix, _)| prefix));
            }
            Self::ErrorsOf(word) => return write!(f, "{ERRORS_OF}{word}"),
            Self::Errors => "errors",
            Self::Mismatches => "mismatches",
            Self::Unanswered => "unanswered",
            Self::Lost => "lost",
            Self::Failed => "failed",
            Self::Lines => "lines",
            Self::Rate => "rate",
            Self::BytesRate => "bytes-rate",
            Self::Field(field) => return field.fmt(f),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::load::report::{Statistic, sample};

    #[test]
    fn every_figure_is_found_by_its_name() {
        let times = [Times::Latency, Times::Connect, Times::Late].into_iter();
        let statistics = || {
            Statistic::ALL
                .map(LatencyStatistic::Share)
                .into_iter()
                .chain([LatencyStatistic::Percentile(95.5)])
        };
        let times =
            times.flat_map(|of| statistics().map(move |one| ThresholdMetric::Time(of, one)));
        let others = [
            ThresholdMetric::ErrorsOf("timed-out"),
            ThresholdMetric::parse("connections.failed").unwrap(),
        ];
        for metric in times.chain(ThresholdMetric::NUMBERS).chain(others) {
            assert_eq!(ThresholdMetric::parse(&metric.to_string()), Ok(metric));
        }
        for wrong in ["", "p950", "latency-p99", "connect-", "connect-errors", "late", "P99"] {
            let error = ThresholdMetric::parse(wrong).unwrap_err();
            assert!(error.starts_with(&format!("{wrong:?} is not a figure")), "{error}");
            assert!(
                error.contains("errors mismatches unanswered lost failed lines rate"),
                "{error}"
            );
        }
        let error = ThresholdMetric::parse("errors.timeout").unwrap_err();
        assert!(error.starts_with("\"timeout\" is no word of an error"), "{error}");
        assert!(error.contains("timed-out") && error.contains("mismatch"), "{error}");
    }

    #[test]
    fn every_figure_is_found_in_the_report() {
        let report = sample::report();
        let table = [
            ("p99", Some(1930.0), "1.93 ms"),
            ("connect-mean", Some(95.0), "95.0 us"),
            ("late-max", None, ""),
            ("errors", Some(7.0), "7"),
            ("errors.reset", Some(4.0), "4"),
            ("errors.unreachable", Some(0.0), "0"),
            ("mismatches", Some(1.0), "1"),
            ("unanswered", Some(5.0), "5"),
            ("lost", Some(5.0), "5"),
            ("failed", Some(7.0), "7"),
            ("connections.failed", Some(7.0), "7"),
            ("settings.rate", None, ""),
            ("lines", Some(512_340.0), "512340"),
            ("rate", Some(51_234.0), "51,234 lines a second"),
            ("bytes-rate", Some(3_278_976.0), "3.13 MiB a second"),
        ];
        for (name, value, shown) in table {
            let metric = ThresholdMetric::parse(name).unwrap();
            assert_eq!(metric.found(&report, &sample::distributions()).value(), value, "{name}");
            assert_eq!(value.map_or_else(String::new, |value| metric.shown(value)), shown);
        }
    }
}
