//! `--fail-if`: parses thresholds such as `p99>5ms`, and checks a run against them.

mod field;
mod limit;
mod metric;
mod statistic;

use std::fmt;

use crate::load::report::{Distributions, Found, Report, format};
use crate::num;

use limit::ThresholdValue;
use metric::ThresholdMetric;

/// A threshold such as `p99>5ms`: a metric of the report, an operator, a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    metric: ThresholdMetric,
    operator: Operator,
    limit: ThresholdValue,
}

/// The result of a check against a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThresholdResult {
    /// The threshold holds, so the run has failed; with the value found, formatted.
    Holds(String),
    /// The threshold does not hold.
    No,
    /// The run did not measure the metric.
    NotMeasured,
}

impl Threshold {
    /// Parses a threshold, with or without spaces.
    ///
    /// # Errors
    ///
    /// Names the mistake, and a correct form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((name, rest)) =
            text.find(['<', '>', '=']).and_then(|at| text.split_at_checked(at))
        else {
            return Err(format!(
                "{text:?} has no operator: expected one of {}, as in p99>5ms",
                Operator::ALL.map(Operator::sign).join(" ")
            ));
        };
        let metric = ThresholdMetric::parse(name.trim())?;
        let (operator, limit) = Operator::split(rest)
            .ok_or_else(|| format!("{rest:?} does not begin with an operator"))?;
        let limit = ThresholdValue::parse(&metric, limit.trim())?;
        Ok(Self { metric, operator, limit })
    }

    /// Checks whether the threshold holds for a run.
    pub fn check(&self, report: &Report, times: &Distributions) -> ThresholdResult {
        let found = self.metric.found(report, times);
        if let ThresholdValue::Part(limit) = self.limit {
            return self.check_part(found, self.metric.whole(report), limit);
        }
        match found {
            Found::NotMeasured => ThresholdResult::NotMeasured,
            // A lost value is longer than any limit.
            Found::Lost if self.operator.holds(f64::INFINITY, self.limit.value()) => {
                ThresholdResult::Holds("lost, as it falls among those never answered".to_owned())
            }
            Found::Value(found) if self.operator.holds(found, self.limit.value()) => {
                ThresholdResult::Holds(self.metric.shown(found))
            }
            Found::Value(_) | Found::Lost => ThresholdResult::No,
        }
    }

    /// True if the metric counts losses or failures: then the threshold decides how many are
    /// allowed.
    pub(in crate::load) fn is_about_loss(&self) -> bool {
        self.metric.is_about_loss()
    }

    fn check_part(&self, found: Found, whole: u64, limit: f64) -> ThresholdResult {
        let (Found::Value(found), 1..) = (found, whole) else {
            return ThresholdResult::NotMeasured;
        };
        let part = found / num::to_f64(whole);
        if !self.operator.holds(part, limit) {
            return ThresholdResult::No;
        }
        let of = self.metric.whole_name().unwrap_or_default();
        ThresholdResult::Holds(format!(
            "{:.3} %, {found:.0} of {} {of}",
            100.0 * part,
            format::count(whole)
        ))
    }
}

impl fmt::Display for Threshold {
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
    /// Every operator; a longer sign stands before one that is its prefix.
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

    /// Splits off the operator that `text` begins with.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::load::report::{Percentiles, sample};

    use super::*;

    fn judged(text: &str) -> ThresholdResult {
        Threshold::parse(text).unwrap().check(&sample::report(), &sample::distributions())
    }

    #[test]
    fn a_threshold_is_compared_with_the_value() {
        let holds = |found: &str| ThresholdResult::Holds(found.to_owned());
        let table = [
            ("p99>1ms", holds("1.93 ms")),
            ("p99>1930us", ThresholdResult::No),
            ("p99 >= 1930us", holds("1.93 ms")),
            ("p99=1930us", holds("1.93 ms")),
            (" p99 < 1s ", holds("1.93 ms")),
            ("p99<=1929us", ThresholdResult::No),
            ("errors>0", holds("7")),
            ("errors=7", holds("7")),
            ("rate<60k", holds("51,234 lines a second")),
            ("rate<51.2k", ThresholdResult::No),
            ("bytes-rate>1m", holds("3.13 MiB a second")),
            ("late-p99>1ns", ThresholdResult::NotMeasured),
            ("late-p95>1ns", ThresholdResult::NotMeasured),
            ("p95>1us", holds("1.50 ms")),
            ("p95>2ms", ThresholdResult::No),
            ("lost>4", holds("5")),
            ("lost>0.1%", ThresholdResult::No),
            ("lost>0.0001%", holds("0.001 %, 5 of 563,215 lines")),
            ("errors>1%", holds("14.000 %, 7 of 50 connections")),
            ("errors > 14 %", ThresholdResult::No),
            ("errors.reset>=8%", holds("8.000 %, 4 of 50 connections")),
            ("errors.unreachable>0", ThresholdResult::No),
            ("connections.failed>6", holds("7")),
            ("answered_share<0.99", ThresholdResult::No),
        ];
        for (text, verdict) in table {
            assert_eq!(judged(text), verdict, "{text}");
        }
    }

    #[test]
    fn a_rate_over_no_time_was_not_measured() {
        let report = Report { duration_s: 0.0, ..sample::report() };
        let threshold = Threshold::parse("rate<10k").unwrap();
        assert_eq!(
            threshold.check(&report, &sample::distributions()),
            ThresholdResult::NotMeasured
        );
    }

    /// A percentile among unanswered lines is longer than any limit; the mean covers only the
    /// answered ones.
    #[test]
    fn g03_an_unanswered_line_is_slower_than_any_limit() {
        let latency = Percentiles { p50: Some(800.0), mean: Some(900.0), ..Percentiles::default() };
        let report = Report { latency_us: latency, answered_share: Some(0.7), ..sample::report() };
        let times = Distributions { latency: sample::lossy(), ..sample::distributions() };
        let judged = |text: &str| Threshold::parse(text).unwrap().check(&report, &times);
        for holds in ["p99>5ms", "p99>=100h", "p90>1s", "max>1s", "p95>1s", "p70.1>1s"] {
            assert!(
                matches!(judged(holds), ThresholdResult::Holds(why) if why.contains("lost")),
                "{holds}"
            );
        }
        for not in ["p99<5ms", "p99<=100h", "p99=1s", "p50>1s", "p70>1s", "mean>1s"] {
            assert_eq!(judged(not), ThresholdResult::No, "{not}");
        }
    }

    #[test]
    fn an_error_names_the_mistake_and_a_correct_form() {
        let table = [
            ("p99", "\"p99\" has no operator: expected one of >= <= > < =, as in p99>5ms"),
            ("p99>5", "p99 needs a duration like 5ms, 250us or 1s, not \"5\""),
            ("p99>", "p99 needs a duration"),
            ("p99=>5ms", "p99 needs a duration like 5ms, 250us or 1s, not \">5ms\""),
            ("rate<10ms", "rate needs a number like 100, 10k (10000) or 2m (2000000)"),
            ("errors>-1", "errors needs a number"),
            ("errors>1e3", "errors needs a number"),
            ("errors>inf", "errors needs a number"),
            ("p999.9>5ms", "\"p999.9\" is not a figure of the report"),
            ("errors>x%", "errors needs a number like 100, 10k (10000) or 2m (2000000), or a part"),
            ("lost>1%%", "lost needs a number"),
            ("rate<1%", "rate needs a number"),
            ("errors.late>0", "\"late\" is no word of an error"),
        ];
        for (text, begin) in table {
            let error = Threshold::parse(text).unwrap_err();
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
            ("p99.9>1s", "p999>1s"),
            ("p99.95>1s", "p99.95>1s"),
            ("lost > 12.5 %", "lost>12.5%"),
        ] {
            assert_eq!(Threshold::parse(text).unwrap().to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".*") {
            drop(Threshold::parse(&text));
        }

        #[test]
        fn a_threshold_shown_parses_to_itself(
            metric in "(connect-|late-)?(p50|p90|p99|p999|max|mean)",
            number in "errors|mismatches|unanswered|failed|lines|rate|bytes-rate",
            operator in "[<>]=?|=",
            time in "[0-9]{1,9}(ns|us|ms|s|m|h|d)",
            limit in r"[0-9]{1,12}(\.[0-9]{1,6})?[km]?",
        ) {
            let times = format!("{metric}{operator}{time}");
            for text in [times, format!("{number}{operator}{limit}")] {
                let threshold = Threshold::parse(&text).unwrap();
                prop_assert_eq!(Threshold::parse(&threshold.to_string()), Ok(threshold));
            }
        }
    }
}
