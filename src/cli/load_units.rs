//! Parsers of numbers and sizes for the load generator's options.

use std::time::Duration;

use crate::line::LINE_BYTES_LIMIT;
use crate::load::LineSize;
use crate::num;

use super::units::{bytes, duration, whole};

/// The maximum number of lines, in millions: a line every microsecond for thirty years.
const LINES_MAX_M: u64 = 1_000_000_000;

/// The maximum number of connections of a process, in millions: about a gigabyte of them.
const CONNECTIONS_MAX_M: u64 = 4;

/// The maximum number of lines in flight on a connection, in millions; each takes 16 bytes.
const PIPELINE_MAX_M: u64 = 1;

/// The lowest rate, a line in 17 minutes, and the highest, a line every nanosecond.
const RATE_MIN: f64 = 0.001;
const RATE_MAX: f64 = 1e9;

/// Parses a number of lines such as 5000 or 5k.
pub(super) fn lines(text: &str) -> Result<u64, String> {
    count(text, LINES_MAX_M)
}

/// Parses a number of connections such as 5000 or 5k.
pub(super) fn connections(text: &str) -> Result<usize, String> {
    count(text, CONNECTIONS_MAX_M).map(num::to_usize)
}

/// Parses a number of lines in flight per connection, such as 100 or 5k.
pub(super) fn pipeline(text: &str) -> Result<usize, String> {
    count(text, PIPELINE_MAX_M).map(num::to_usize)
}

/// Parses a count such as 5000 or 5k, from 1 to `millions_max` millions.
fn count(text: &str, millions_max: u64) -> Result<u64, String> {
    let (digits, unit) = thousands(text);
    let count = whole(digits).ok_or_else(|| "expected a count like 5000 or 5k".to_owned())?;
    match count.saturating_mul(unit) {
        0 => Err("at least 1 is needed".to_owned()),
        count if count > millions_max * 1_000_000 => Err(format!("at most {millions_max}m")),
        count => Ok(count),
    }
}

/// Parses a duration that may be zero.
pub(super) fn duration_or_none(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Ok(Duration::ZERO),
        _ if text == "0" => Ok(Duration::ZERO),
        _ => duration(text),
    }
}

/// Parses a rate in lines per second, such as 500, 2.5k or 1m.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let (digits, unit) = thousands(text);
    let rate: f64 =
        digits.parse().map_err(|_error| "expected lines a second, like 500 or 10k".to_owned())?;
    let unit = u32::try_from(unit).map_or(1.0, f64::from);
    let rate = rate * unit;
    if !(RATE_MIN..=RATE_MAX).contains(&rate) {
        return Err(format!("a rate is from {RATE_MIN} lines a second to 1000m"));
    }
    Ok(rate)
}

/// Parses a number of bytes, or a range such as 64-4096.
pub(super) fn size(text: &str) -> Result<LineSize, String> {
    let (min, max) = text.split_once('-').unwrap_or((text, text));
    let (min, max) = (bytes(min)?, bytes(max)?);
    if min == 0 || max > LINE_BYTES_LIMIT {
        return Err(format!(
            "a line is from 1 byte, its newline, to {}m long",
            LINE_BYTES_LIMIT >> 20
        ));
    }
    if min > max {
        return Err("a range goes from the shorter to the longer, like 64-4096".to_owned());
    }
    Ok(LineSize { min, max })
}

/// Splits off the unit; returns the digits and the unit's factor.
fn thousands(text: &str) -> (&str, u64) {
    if let Some(digits) = text.strip_suffix(['k', 'K']) {
        (digits, 1_000)
    } else if let Some(digits) = text.strip_suffix(['m', 'M']) {
        (digits, 1_000_000)
    } else {
        (text, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_rates_count_in_1000() {
        assert_eq!((lines("5"), lines("5k"), lines("2M")), (Ok(5), Ok(5_000), Ok(2_000_000)));
        assert_eq!((rate("0.5"), rate("2.5k")), (Ok(0.5), Ok(2_500.0)));
        for wrong in ["", "k", "0", "-1", "1.5", "5g"] {
            assert!(lines(wrong).is_err(), "{wrong}");
        }
        for endless in ["1000000001m", "99999999999999999999", "9999999999999999m"] {
            assert_eq!(lines(endless).unwrap_err(), "at most 1000000000m", "{endless}");
            assert_eq!(connections(endless).unwrap_err(), "at most 4m", "{endless}");
            assert_eq!(pipeline(endless).unwrap_err(), "at most 1m", "{endless}");
        }
        assert_eq!((connections("4m"), pipeline("1m")), (Ok(4_000_000), Ok(1_000_000)));
        for wrong in ["", "0", "-1", "NaN", "inf", "1001m", "fast", "1e-300"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn zero_may_have_any_unit() {
        for none in ["0", "0s", "0ms"] {
            assert_eq!(duration_or_none(none), Ok(Duration::ZERO));
        }
        assert_eq!(duration_or_none("2s"), Ok(Duration::from_secs(2)));
        assert!(duration_or_none("5").is_err() && duration_or_none("1ns").is_err());
    }

    #[test]
    fn sizes_are_one_or_a_range() {
        assert_eq!(size("64"), Ok(LineSize { min: 64, max: 64 }));
        assert_eq!(size("1-4k"), Ok(LineSize { min: 1, max: 4096 }));
        for wrong in ["", "0", "0-5", "9-8", "-", "5-", "17m", "a-b", "99999999999g"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
