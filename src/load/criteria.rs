//! `--fail-if`: what makes a run a failure, as an expression like `p99>5ms` and its judgement.

mod metric;

use std::fmt;
use std::time::Duration;

use super::report::{Report, figures};

use metric::Metric;

/// An expression like `p99>5ms`: a figure of the report, an operator, a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Criterion {
    metric: Metric,
    operator: Operator,
    limit: Limit,
}

/// What a report says about a criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, so the run has failed; the figure that was found, for people.
    Holds(String),
    /// It does not.
    No,
    /// The figure was not measured in this run, so neither can be said.
    NotMeasured,
}

impl Criterion {
    /// Reads one, with spaces or without.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write in its place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((name, rest)) =
            text.find(['<', '>', '=']).and_then(|at| text.split_at_checked(at))
        else {
            return Err(format!(
                "{text:?} has no operator: expected one of {}, as in p99>5ms",
                Operator::ALL.map(Operator::sign).join(" ")
            ));
        };
        let metric = Metric::parse(name.trim())?;
        let (operator, limit) = Operator::split(rest)
            .ok_or_else(|| format!("{rest:?} does not begin with an operator"))?;
        Ok(Self { metric, operator, limit: Limit::parse(metric, limit.trim())? })
    }

    /// Whether it holds for that run.
    pub fn judge(&self, report: &Report) -> Verdict {
        match self.metric.found(report) {
            None => Verdict::NotMeasured,
            Some(found) if self.operator.holds(found, self.limit.value()) => {
                Verdict::Holds(self.metric.shown(found))
            }
            Some(_) => Verdict::No,
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.metric, self.operator.sign(), self.limit)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    AtLeast,
    AtMost,
    Above,
    Below,
    Equal,
}

impl Operator {
    /// Every operator; one whose sign begins like another's stands before it.
    const ALL: [Self; 5] = [Self::AtLeast, Self::AtMost, Self::Above, Self::Below, Self::Equal];

    const fn sign(self) -> &'static str {
        match self {
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::Below => "<",
            Self::Equal => "=",
        }
    }

    /// The operator that `text` begins with, and what follows it.
    fn split(text: &str) -> Option<(Self, &str)> {
        Self::ALL.into_iter().find_map(|one| text.strip_prefix(one.sign()).map(|rest| (one, rest)))
    }

    fn holds(self, found: f64, limit: f64) -> bool {
        let order = found.total_cmp(&limit);
        match self {
            Self::AtLeast => order.is_ge(),
            Self::AtMost => order.is_le(),
            Self::Above => order.is_gt(),
            Self::Below => order.is_lt(),
            Self::Equal => order.is_eq(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    Time(Duration),
    Number(f64),
}

impl Limit {
    /// What that figure may be compared with.
    fn parse(metric: Metric, text: &str) -> Result<Self, String> {
        if metric.is_time() {
            let time = humantime::parse_duration(text).map_err(|error| {
                format!("{metric} needs a duration like 5ms, 250us or 1s, not {text:?}: {error}")
            })?;
            return Ok(Self::Time(time));
        }
        number(text).map(Self::Number).ok_or_else(|| {
            format!("{metric} needs a number like 100, 10k (10000) or 2m (2000000), not {text:?}")
        })
    }

    /// As the report counts: a time in microseconds.
    fn value(self) -> f64 {
        match self {
            // In two parts: with a fraction of a second 250 us would not be 250.
            Self::Time(time) => {
                figures::float(time.as_secs()) * 1e6 + f64::from(time.subsec_nanos()) / 1e3
            }
            Self::Number(number) => number,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => humantime::format_duration(*time).fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// A number of decimal digits, with a fraction or without, and with `k` or `m` for 10^3 or 10^6.
fn number(text: &str) -> Option<f64> {
    let (digits, unit) = match (text.strip_suffix('k'), text.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1e3),
        (_, Some(digits)) => (digits, 1e6),
        (None, None) => (text, 1.0),
    };
    // Signs, exponents, infinities and what is no number would be read as well.
    let plain = digits.chars().all(|digit| digit.is_ascii_digit() || digit == '.');
    let number = digits.parse::<f64>().ok().filter(|_| plain)? * unit;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::load::report::sample;

    use super::*;

    fn judged(text: &str) -> Verdict {
        Criterion::parse(text).unwrap().judge(&sample::report())
    }

    #[test]
    fn a_criterion_is_compared_with_what_was_found() {
        let holds = |found: &str| Verdict::Holds(found.to_owned());
        let table = [
            ("p99>1ms", holds("1.93 ms")),
            ("p99>1930us", Verdict::No),
            ("p99 >= 1930us", holds("1.93 ms")),
            ("p99=1930us", holds("1.93 ms")),
            (" p99 < 1s ", holds("1.93 ms")),
            ("p99<=1929us", Verdict::No),
            ("errors>0", holds("7")),
            ("errors=7", holds("7")),
            ("rate<60k", holds("51,234 lines a second")),
            ("rate<51.2k", Verdict::No),
            ("bytes-rate>1m", holds("3.13 MiB a second")),
            ("late-p99>1ns", Verdict::NotMeasured),
        ];
        for (text, verdict) in table {
            assert_eq!(judged(text), verdict, "{text}");
        }
    }

    #[test]
    fn a_rate_over_no_time_was_not_measured() {
        let report = Report { duration_s: 0.0, ..sample::report() };
        let criterion = Criterion::parse("rate<10k").unwrap();
        assert_eq!(criterion.judge(&report), Verdict::NotMeasured);
    }

    #[test]
    fn the_complaint_names_what_is_wrong_and_what_to_write() {
        let table = [
            ("p99", "\"p99\" has no operator: expected one of >= <= > < =, as in p99>5ms"),
            ("p99>5", "p99 needs a duration like 5ms, 250us or 1s, not \"5\""),
            ("p99>", "p99 needs a duration"),
            ("p99=>5ms", "p99 needs a duration like 5ms, 250us or 1s, not \">5ms\""),
            ("rate<10ms", "rate needs a number like 100, 10k (10000) or 2m (2000000)"),
            ("errors>-1", "errors needs a number"),
            ("errors>1e3", "errors needs a number"),
            ("errors>inf", "errors needs a number"),
            ("p95>5ms", "\"p95\" is not a figure of the report"),
        ];
        for (text, begin) in table {
            let error = Criterion::parse(text).unwrap_err();
            assert!(error.starts_with(begin), "{text}: {error}");
        }
    }

    #[test]
    fn it_is_shown_as_it_would_be_written() {
        for (text, shown) in [
            ("p99 > 5ms", "p99>5ms"),
            ("connect-max>=1500ms", "connect-max>=1s 500ms"),
            ("rate<10k", "rate<10000"),
            ("bytes-rate < 1.5m", "bytes-rate<1500000"),
        ] {
            assert_eq!(Criterion::parse(text).unwrap().to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".*") {
            drop(Criterion::parse(&text));
        }

        #[test]
        fn what_is_shown_reads_the_same(
            metric in "(connect-|late-)?(p50|p90|p99|p999|max|mean)",
            number in "errors|mismatches|unanswered|failed|lines|rate|bytes-rate",
            operator in "[<>]=?|=",
            time in "[0-9]{1,9}(ns|us|ms|s|m|h|d)",
            limit in r"[0-9]{1,12}(\.[0-9]{1,6})?[km]?",
        ) {
            let times = format!("{metric}{operator}{time}");
            for text in [times, format!("{number}{operator}{limit}")] {
                let criterion = Criterion::parse(&text).unwrap();
                prop_assert_eq!(Criterion::parse(&criterion.to_string()), Ok(criterion));
            }
        }
    }
}
