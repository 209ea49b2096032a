//! The limit of a threshold: a duration, a number, or a part of a whole.

use std::fmt;
use std::time::Duration;

use crate::num;

use super::metric::ThresholdMetric;

/// A limit, as written after the operator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ThresholdValue {
    Time(Duration),
    Number(f64),
    /// A part of the whole, from 0 to 1.
    Part(f64),
}

impl ThresholdValue {
    /// Parses a limit for that metric.
    pub(super) fn parse(metric: &ThresholdMetric, text: &str) -> Result<Self, String> {
        if metric.is_time() {
            let time = humantime::parse_duration(text).map_err(|error| {
                format!("{metric} needs a duration like 5ms, 250us or 1s, not {text:?}: {error}")
            })?;
            return Ok(Self::Time(time));
        }
        let part = metric.whole_name().and_then(|_| text.strip_suffix('%'));
        if let Some(percent) = part.and_then(|percent| number(percent.trim_end())) {
            return Ok(Self::Part(percent / 100.0));
        }
        number(text).map(Self::Number).ok_or_else(|| {
            let part = metric.whole_name().map(|of| format!(", or a part of all {of} like 0.1%"));
            format!(
                "{metric} needs a number like 100, 10k (10000) or 2m (2000000){}, not {text:?}",
                part.unwrap_or_default()
            )
        })
    }

    /// Returns the limit in the report's unit: a time in microseconds.
    pub(super) fn value(self) -> f64 {
        match self {
            // In two parts: as a fraction of a second, 250 us would not be exactly 250.
            Self::Time(time) => {
                num::to_f64(time.as_secs()) * 1e6 + f64::from(time.subsec_nanos()) / 1e3
            }
            Self::Number(number) | Self::Part(number) => number,
        }
    }
}

impl fmt::Display for ThresholdValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => humantime::format_duration(*time).fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Part(part) => write!(f, "{}%", part * 100.0),
        }
    }
}

/// Parses decimal digits, with or without a fraction, and with `k` or `m` for 10^3 or 10^6.
fn number(text: &str) -> Option<f64> {
    let (digits, unit) = match (text.strip_suffix('k'), text.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1e3),
        (_, Some(digits)) => (digits, 1e6),
        (None, None) => (text, 1.0),
    };
    // `parse` would also accept signs, exponents, infinities and NaN.
    let plain = digits.chars().all(|digit| digit.is_ascii_digit() || digit == '.');
    let number = digits.parse::<f64>().ok().filter(|_| plain)? * unit;
    number.is_finite().then_some(number)
}
