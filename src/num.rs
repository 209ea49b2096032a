//! Conversions between integers that clip where the target is too narrow, in place of failing.

use std::time::Duration;

/// Converts a size or a count. Clips only where `usize` has more than 64 bits, which no system has.
pub fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Converts a count; a larger one than the system can address becomes the largest.
pub fn to_usize(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

/// The whole milliseconds of a duration.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The nanoseconds of a duration, which a `u64` holds for 584 years.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Converts a count for ratios: the nearest `f64`, which is exact up to 2^53.
pub fn to_f64(number: u64) -> f64 {
    // In two halves, each of which converts exactly.
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).map_or(0.0, f64::from);
    half(number >> 32) * 4_294_967_296.0 + half(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_large_numbers_clip() {
        assert_eq!(to_usize(u128::MAX), usize::MAX);
        assert_eq!(millis(Duration::MAX), u64::MAX);
        assert_eq!(nanos(Duration::MAX), u64::MAX);
        assert_eq!((to_u64(7), to_usize(7_u64), millis(Duration::from_secs(7))), (7, 7, 7000));
    }
}
