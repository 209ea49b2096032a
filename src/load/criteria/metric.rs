//! Which figure of a report a criterion is about: its name, and where it is found.

use std::fmt;

use crate::load::report::{Report, Share, figures};

/// A figure of the report. The times are those of [`Share`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    Latency(Share),
    Connect(Share),
    Late(Share),
    Errors,
    Mismatches,
    Unanswered,
    Failed,
    Lines,
    Rate,
    BytesRate,
}

impl Metric {
    /// Those that are no times, and their limits plain numbers.
    const NUMBERS: [Self; 7] = [
        Self::Errors,
        Self::Mismatches,
        Self::Unanswered,
        Self::Failed,
        Self::Lines,
        Self::Rate,
        Self::BytesRate,
    ];

    /// The figure with that name.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let number = Self::NUMBERS.into_iter().find(|metric| metric.to_string() == name);
        let time = || {
            let (of, share): (fn(Share) -> Self, _) = match name.split_once('-') {
                None => (Self::Latency, name),
                Some(("connect", share)) => (Self::Connect, share),
                Some(("late", share)) => (Self::Late, share),
                Some(_) => return None,
            };
            Share::by_name(share).map(of)
        };
        number.or_else(time).ok_or_else(|| {
            format!(
                "{name:?} is not a figure of the report: expected one of {}, those with connect- \
                 or late- before them, or one of {}",
                Share::ALL.map(Share::name).join(" "),
                Self::NUMBERS.map(|metric| metric.to_string()).join(" ")
            )
        })
    }

    /// Whether it is a time, and its limit a duration.
    pub(super) const fn is_time(self) -> bool {
        matches!(self, Self::Latency(_) | Self::Connect(_) | Self::Late(_))
    }

    /// Its value in that run: a time in microseconds, a count, or how many a second.
    pub(super) fn found(self, report: &Report) -> Option<f64> {
        // A rate over no time is none.
        let per_second = |rate| (report.duration_s > 0.0).then_some(rate);
        match self {
            Self::Latency(share) => share.of(&report.latency_us),
            Self::Connect(share) => share.of(&report.connect_us),
            Self::Late(share) => share.of(&report.late_us),
            Self::Errors => Some(figures::float(report.errors.values().sum())),
            Self::Mismatches => Some(figures::float(report.mismatches)),
            Self::Unanswered => Some(figures::float(report.unanswered)),
            Self::Failed => Some(figures::float(report.connections.failed)),
            Self::Lines => Some(figures::float(report.lines)),
            Self::Rate => per_second(report.lines_per_s),
            Self::BytesRate => per_second(report.bytes_per_s),
        }
    }

    /// That value for people.
    pub(super) fn shown(self, found: f64) -> String {
        match self {
            Self::Latency(_) | Self::Connect(_) | Self::Late(_) => figures::time(found),
            Self::Rate => format!("{} lines a second", figures::rate(found)),
            Self::BytesRate => format!("{} a second", figures::bytes(found)),
            Self::Errors | Self::Mismatches | Self::Unanswered | Self::Failed | Self::Lines => {
                format!("{found:.0}")
            }
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Latency(share) => share.name(),
            Self::Connect(share) => return write!(f, "connect-{}", share.name()),
            Self::Late(share) => return write!(f, "late-{}", share.name()),
            Self::Errors => "errors",
            Self::Mismatches => "mismatches",
            Self::Unanswered => "unanswered",
            Self::Failed => "failed",
            Self::Lines => "lines",
            Self::Rate => "rate",
            Self::BytesRate => "bytes-rate",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::load::report::sample;

    #[test]
    fn every_figure_is_found_by_its_name() {
        let times = [Metric::Latency, Metric::Connect, Metric::Late];
        let times = times.into_iter().flat_map(|of| Share::ALL.map(of));
        for metric in times.chain(Metric::NUMBERS) {
            assert_eq!(Metric::parse(&metric.to_string()), Ok(metric));
        }
        for wrong in ["", "p95", "latency-p99", "connect-", "connect-errors", "late", "P99"] {
            let error = Metric::parse(wrong).unwrap_err();
            assert!(error.starts_with(&format!("{wrong:?} is not a figure")), "{error}");
            assert!(error.contains("p50 p90 p99 p999 max mean"), "{error}");
            assert!(error.contains("errors mismatches unanswered failed lines rate"), "{error}");
        }
    }

    #[test]
    fn every_figure_is_found_in_the_report() {
        let report = sample::report();
        let table = [
            ("p99", Some(1930.0), "1.93 ms"),
            ("connect-mean", Some(95.0), "95.0 us"),
            ("late-max", None, ""),
            ("errors", Some(7.0), "7"),
            ("mismatches", Some(1.0), "1"),
            ("unanswered", Some(5.0), "5"),
            ("failed", Some(7.0), "7"),
            ("lines", Some(512_340.0), "512340"),
            ("rate", Some(51_234.0), "51,234 lines a second"),
            ("bytes-rate", Some(3_278_976.0), "3.13 MiB a second"),
        ];
        for (name, value, shown) in table {
            let metric = Metric::parse(name).unwrap();
            assert_eq!(metric.found(&report), value, "{name}");
            assert_eq!(value.map_or_else(String::new, |value| metric.shown(value)), shown);
        }
    }
}
