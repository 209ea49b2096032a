//! Formats numbers for people: three significant digits, and the unit that fits.

use crate::num;

/// Formats a time, given in microseconds, in the unit that fits.
pub(crate) fn time(us: f64) -> String {
    if us < 0.0005 {
        return "0 us".to_owned();
    }
    let (size, unit) = unit(us);
    format!("{} {unit}", three_digits(us / size))
}

/// Returns the unit that fits a time in microseconds: its length in microseconds, and its name.
pub(crate) fn unit(us: f64) -> (f64, &'static str) {
    // From here on the smaller unit would need four digits.
    let fits = |size: f64| us >= 0.9995 * size;
    if fits(1e6) {
        (1e6, "s")
    } else if fits(1e3) {
        (1e3, "ms")
    } else {
        (1.0, "us")
    }
}

/// Formats a time, given in seconds, in the unit that fits.
pub(crate) fn seconds(seconds: f64) -> String {
    time(seconds * 1e6)
}

/// Formats a time, given in nanoseconds, in the unit that fits.
pub(crate) fn nanoseconds(nanoseconds: u64) -> String {
    time(num::to_f64(nanoseconds) / 1e3)
}

/// Formats bytes in the unit that fits, in steps of 1024.
pub(crate) fn bytes(bytes: f64) -> String {
    let mut amount = bytes;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if amount < 1023.5 {
            let digits = if unit == "B" { format!("{amount:.0}") } else { three_digits(amount) };
            return format!("{digits} {unit}");
        }
        amount /= 1024.0;
    }
    format!("{} TiB", three_digits(amount))
}

/// Formats a count in groups of three digits.
pub(crate) fn count(count: u64) -> String {
    grouped(&count.to_string())
}

/// Formats a count with its noun: "1 line", "2 lines".
pub(crate) fn counted(many: u64, what: &str) -> String {
    format!("{} {what}{}", count(many), if many == 1 { "" } else { "s" })
}

/// Formats a rate per second: whole from a hundred on, else with three digits.
pub(crate) fn rate(rate: f64) -> String {
    if rate == 0.0 {
        return "0".to_owned();
    }
    if rate < 99.95 { three_digits(rate) } else { grouped(&format!("{rate:.0}")) }
}

/// Formats a part of a whole in percent.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let percent = 100.0 * num::to_f64(part) / num::to_f64(whole.max(1));
    if part == 0 {
        "0 %".to_owned()
    } else if percent < 0.01 {
        "<0.01 %".to_owned()
    } else if part == whole {
        "100 %".to_owned()
    } else if percent > 99.99 {
        ">99.99 %".to_owned()
    } else {
        format!("{percent:.2} %")
    }
}

fn three_digits(value: f64) -> String {
    // At these bounds rounding adds a digit: 9.996 becomes 10.0, not 10.00.
    let decimals = [99.95, 9.995, 0.9995].iter().filter(|bound| value < **bound).count();
    format!("{value:.decimals$}")
}

fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Formats a name and its value.
pub(super) fn row(name: &str, fact: &str) -> String {
    format!("{name:<12} {fact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_the_unit_that_fits() {
        let table = [
            (0.0, "0 us"),
            (0.123_4, "0.123 us"),
            (0.999_7, "1.00 us"),
            (9.996, "10.0 us"),
            (99.94, "99.9 us"),
            (999.4, "999 us"),
            (999.6, "1.00 ms"),
            (12_345.0, "12.3 ms"),
            (999_600.0, "1.00 s"),
            (1_234_567_890.0, "1235 s"),
        ];
        for (us, text) in table {
            assert_eq!(time(us), text, "{us}");
        }
        assert_eq!(seconds(0.25), "250 ms");
        assert_eq!(nanoseconds(12_500), "12.5 us");
    }

    #[test]
    fn bytes_count_in_1024() {
        let table = [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1023.6, "1.00 KiB"),
            (1_500_000.0, "1.43 MiB"),
            (3e9, "2.79 GiB"),
            (5e15, "4547 TiB"),
        ];
        for (amount, text) in table {
            assert_eq!(bytes(amount), text, "{amount}");
        }
    }

    #[test]
    fn counts_are_grouped_and_rates_are_rounded() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1,000");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(counted(1, "line"), "1 line");
        assert_eq!(counted(1200, "line"), "1,200 lines");
        assert_eq!(rate(0.0), "0");
        assert_eq!(rate(1.5), "1.50");
        assert_eq!(rate(99.96), "100");
        assert_eq!(rate(51_234.4), "51,234");
    }

    #[test]
    fn a_part_is_neither_nothing_nor_all() {
        assert_eq!(percent(0, 0), "0 %");
        assert_eq!(percent(1, 1_000_000), "<0.01 %");
        assert_eq!(percent(1, 3), "33.33 %");
        assert_eq!(percent(999_999, 1_000_000), ">99.99 %");
        assert_eq!(percent(7, 7), "100 %");
    }

    #[test]
    fn a_whole_number_keeps_its_value() {
        for whole in [0, 1, u64::from(u32::MAX), 1 << 32, (1 << 53) - 1] {
            assert_eq!(format!("{}", num::to_f64(whole)), whole.to_string());
        }
    }
}
