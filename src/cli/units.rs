//! Parsers of sizes, durations and switches.

use std::fmt::Display;
use std::num::IntErrorKind;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::net::keepalive::Keepalive;
use crate::num;

/// The maximum duration. Three such durations, in nanoseconds, still fit into a u64.
const DURATION_MAX: Duration = Duration::from_secs(DURATION_MAX_YEARS * 31_557_600);
const DURATION_MAX_YEARS: u64 = 100;

/// Parses a whole decimal number, or returns `None`. A number too large for 64 bits becomes
/// `u64::MAX`, so that the caller's own limit rejects it and the error names that limit.
pub(super) fn whole(text: &str) -> Option<u64> {
    match text.parse() {
        Ok(number) => Some(number),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Some(u64::MAX),
        Err(_) => None,
    }
}

/// Returns a parser of whole numbers within `bounds`; its error names the bounds.
pub(super) fn within<T>(
    bounds: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: TryFrom<u64> + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.parse::<u64>().ok().and_then(|number| T::try_from(number).ok());
        number.filter(|number| bounds.contains(number)).ok_or_else(|| {
            format!("expected a whole number from {} to {}", bounds.start(), bounds.end())
        })
    }
}

/// Parses a size in bytes: `4096`, `4k`, `1m` (1024). A size too large for `usize` becomes
/// `usize::MAX`: every caller has its own limit and names it in the error.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.strip_suffix(['k', 'm', 'g']) {
        Some(digits) if lower.ends_with('k') => (digits, 1 << 10),
        Some(digits) if lower.ends_with('m') => (digits, 1 << 20),
        Some(digits) => (digits, 1 << 30),
        None => (lower.as_str(), 1),
    };
    let number = whole(digits).ok_or_else(|| "expected a size like 4096, 4k or 1m".to_owned())?;
    Ok(num::to_usize(number).saturating_mul(unit))
}

/// Parses a duration from a millisecond to a hundred years: `250ms`, `10s`, `3m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("expected a duration like 250ms, 10s or 3m: {error}"))?;
    if duration < Duration::from_millis(1) {
        return Err("a duration is at least 1ms; leave the option out to do without".to_owned());
    }
    if duration > DURATION_MAX {
        return Err(format!("a duration is at most {DURATION_MAX_YEARS} years"));
    }
    Ok(duration)
}

/// A value or `off`.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrOff<T>(pub Option<T>);

/// Parses a duration or `off`.
pub(super) fn duration_or_off(text: &str) -> Result<OrOff<Duration>, String> {
    if text == "off" { Ok(OrOff(None)) } else { duration(text).map(|wait| OrOff(Some(wait))) }
}

/// Parses a duration within the kernel's limit for `TCP_USER_TIMEOUT`, or `off`.
pub(super) fn user_timeout_or_off(text: &str) -> Result<OrOff<Duration>, String> {
    let wait = duration_or_off(text)?;
    if wait.0.is_some_and(|wait| i32::try_from(wait.as_millis()).is_err()) {
        return Err("the kernel counts this in milliseconds, up to 24 days".to_owned());
    }
    Ok(wait)
}

/// Parses `IDLE/INTERVAL/COUNT` or `off`.
pub(super) fn keepalive_or_off(text: &str) -> Result<OrOff<Keepalive>, String> {
    if text == "off" {
        return Ok(OrOff(None));
    }
    let parts: Vec<_> = text.split('/').collect();
    let [idle, interval, count] = parts.as_slice() else {
        return Err("expected IDLE/INTERVAL/COUNT, like 300s/15s/8, or off".to_owned());
    };
    let seconds = |text| {
        let wait = duration(text)?;
        // tcp(7): the kernel counts these in seconds, up to 32767.
        if wait.subsec_nanos() != 0 || wait.as_secs() > 32_767 {
            return Err(format!("{text}: keep-alive wants whole seconds, from 1s to 32767s"));
        }
        Ok(wait)
    };
    let count = within(1..=127_u32)(count)
        .map_err(|_error| format!("{count}: the number of probes is from 1 to 127"))?;
    Ok(OrOff(Some(Keepalive { idle: seconds(idle)?, interval: seconds(interval)?, count })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_in_1024() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("4k"), Ok(4096));
        assert_eq!(bytes("1M"), Ok(1 << 20));
        assert_eq!(bytes("2g"), Ok(2 << 30));
        for wrong in ["", "k", "-1", "4kb", "1.5k"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        for endless in ["99999999999999999999", "99999999999999999g"] {
            assert_eq!(bytes(endless), Ok(usize::MAX), "the caller's limit rejects it");
        }
    }

    #[test]
    fn a_number_out_of_bounds_is_an_error_that_names_them() {
        let parse = within(1..=127_u32);
        assert_eq!((parse("1"), parse("127")), (Ok(1), Ok(127)));
        let most = within(0..=u64::MAX);
        assert_eq!(most("18446744073709551615"), Ok(u64::MAX));
        for wrong in ["0", "128", "4294967297", "99999999999999999999", "", "-1", "1.5", "many"] {
            let said = "expected a whole number from 1 to 127";
            assert_eq!(parse(wrong).unwrap_err(), said, "{wrong}");
        }
    }

    #[test]
    fn durations_have_a_unit_and_are_not_nothing() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("3m"), Ok(Duration::from_secs(180)));
        for wrong in ["", "10", "-1s", "0s", "1ns", "ten seconds"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(duration("100years"), Ok(DURATION_MAX));
        for endless in ["101years", "18446744073709551615s"] {
            assert_eq!(duration(endless).unwrap_err(), "a duration is at most 100 years");
        }
    }

    #[test]
    fn keepalive_has_three_parts() {
        let keepalive = keepalive_or_off("300s/15s/8").unwrap().0.unwrap();
        assert_eq!(keepalive.idle, Duration::from_secs(300));
        assert_eq!(keepalive.interval, Duration::from_secs(15));
        assert_eq!(keepalive.count, 8);
        assert!(keepalive_or_off("off").unwrap().0.is_none());
        for wrong in ["", "300s", "300s/15s", "300s/15s/0", "300s/15s/200", "1ms/15s/8", "10h/1s/1"]
        {
            assert!(keepalive_or_off(wrong).is_err(), "{wrong}");
        }
    }
}
