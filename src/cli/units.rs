//! Sizes, durations and switches as people write them.

use std::time::Duration;

use crate::keepalive::Keepalive;

/// A size in bytes: `4096`, `4k`, `1m` (1024).
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.strip_suffix(['k', 'm', 'g']) {
        Some(digits) if lower.ends_with('k') => (digits, 1 << 10),
        Some(digits) if lower.ends_with('m') => (digits, 1 << 20),
        Some(digits) => (digits, 1 << 30),
        None => (lower.as_str(), 1),
    };
    let number: usize =
        digits.parse().map_err(|_error| "expected a size like 4096, 4k or 1m".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "that is more than fits into memory".to_owned())
}

/// A duration longer than nothing: `250ms`, `10s`, `3m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("expected a duration like 250ms, 10s or 3m: {error}"))?;
    if duration < Duration::from_millis(1) {
        return Err("a duration is at least 1ms; leave the option out to do without".to_owned());
    }
    Ok(duration)
}

/// A value or `off`.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrOff<T>(pub Option<T>);

/// A duration, or `off`.
pub(super) fn duration_or_off(text: &str) -> Result<OrOff<Duration>, String> {
    if text == "off" { Ok(OrOff(None)) } else { duration(text).map(|wait| OrOff(Some(wait))) }
}

/// A duration that the kernel can take as `TCP_USER_TIMEOUT`, or `off`.
pub(super) fn user_timeout_or_off(text: &str) -> Result<OrOff<Duration>, String> {
    let wait = duration_or_off(text)?;
    if wait.0.is_some_and(|wait| i32::try_from(wait.as_millis()).is_err()) {
        return Err("the kernel counts this in milliseconds, up to 24 days".to_owned());
    }
    Ok(wait)
}

/// `IDLE/INTERVAL/COUNT`, or `off`.
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
        // The kernel counts these in seconds, and takes no more than 32767 (tcp(7)).
        if wait.subsec_nanos() != 0 || wait.as_secs() > 32_767 {
            return Err(format!("{text}: keep-alive wants whole seconds, from 1s to 32767s"));
        }
        Ok(wait)
    };
    let count: u32 = count.parse().map_err(|_error| format!("{count}: expected a number"))?;
    if !(1..=127).contains(&count) {
        return Err(format!("{count}: the number of probes is from 1 to 127"));
    }
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
        for wrong in ["", "k", "-1", "4kb", "1.5k", "99999999999999999999", "99999999999999999g"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_have_a_unit_and_are_not_nothing() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("3m"), Ok(Duration::from_secs(180)));
        for wrong in ["", "10", "-1s", "0s", "1ns", "ten seconds"] {
            assert!(duration(wrong).is_err(), "{wrong}");
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
