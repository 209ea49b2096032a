//! The latency distribution in the format that the tools of `HdrHistogram` print and its plotter
//! reads.

use std::io::{self, Write};

use crate::num;

use super::Distribution;

/// Rows in each halving of the distance to 100 %, as its own tools print.
const ROWS_PER_HALVING: u32 = 5;

/// Writes the distribution in milliseconds, from a histogram in nanoseconds.
///
/// The columns are those of `outputPercentileDistribution` of `HdrHistogram`: a latency, the share
/// of lines that were not longer (from 0 to 1), the number of these lines, and 1 / (1 - share),
/// which is the x axis of the plot. Latencies have six decimals and not three, because an echo on
/// the same machine takes hundredths of a millisecond. The distribution is of answered lines; a
/// comment at its end counts the others.
///
/// # Errors
///
/// Fails if writing fails.
pub fn hdr(latency: &Distribution, out: &mut impl Write) -> io::Result<()> {
    let lost = latency.answers.lost;
    let latency = &latency.times;
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", TAIL)?;
    let mut total = 0;
    // For an empty histogram the iterator would return a row without a value.
    for step in latency.iter_quantiles(ROWS_PER_HALVING).take_while(|_| !latency.is_empty()) {
        total += step.count_since_last_iteration();
        let share = step.quantile_iterated_to();
        let value = milliseconds(step.value_iterated_to());
        write!(out, "{value:12.6} {share:2.12} {total:10}")?;
        // The last row has no fourth column: it would be infinite.
        if share < 1.0 { writeln!(out, " {:14.2}", 1.0 / (1.0 - share)) } else { writeln!(out) }?;
    }
    let (mean, deviation) = (latency.mean() / 1e6, latency.stdev() / 1e6);
    let (max, count) = (milliseconds(latency.max()), latency.len());
    writeln!(out, "#[Mean    = {mean:12.6}, StdDeviation   = {deviation:12.6}]")?;
    writeln!(out, "#[Max     = {max:12.6}, Total count    = {count:12}]")?;
    let (buckets, parts) = (latency.buckets(), sub_buckets(latency.sigfig()));
    writeln!(out, "#[Buckets = {buckets:12}, SubBuckets     = {parts:12}]")?;
    if lost > 0 {
        writeln!(out, "#[Lost    = {lost:12}, never answered, and not in the distribution]")?;
    }
    Ok(())
}

const TAIL: &str = "1/(1-Percentile)";

fn milliseconds(nanoseconds: u64) -> f64 {
    num::to_f64(nanoseconds) / 1e6
}

/// Returns the number of parts of a bucket for that many significant digits: a power of two, enough
/// to distinguish twice as many values.
fn sub_buckets(digits: u8) -> u64 {
    (2 * 10_u64.saturating_pow(u32::from(digits))).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use crate::load::report::sample;

    use super::*;

    fn written(latency: &Histogram<u64>) -> String {
        let mut out = Vec::new();
        hdr(&Distribution::new(latency.clone(), 0), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_reads_as_it_was_written() {
        let latency = sample::latency();
        let text = written(&latency);
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
            .collect();
        assert!(rows.len() > 50, "{text}");
        for row in &rows {
            let [value, share, total] = row[..3] else { panic!("{row:?}") };
            // A share like 0.9 may be off by the last bit of its fraction.
            let reached = |share| milliseconds(latency.value_at_quantile(share));
            assert!((reached(share - 1e-9)..=reached(share + 1e-9)).contains(&value), "{row:?}");
            assert!(total >= share * 100_000.0 - 1.0, "{row:?}");
            let tail = row.get(3).copied();
            assert_eq!(tail.is_none(), share >= 1.0, "{row:?}");
            assert!(tail.is_none_or(|tail| (tail * (1.0 - share) - 1.0).abs() < 0.01), "{row:?}");
        }
        assert!(rows.windows(2).all(|pair| pair[0][0] <= pair[1][0] && pair[0][1] < pair[1][1]));
        assert_eq!(rows.last().unwrap()[1..], [1.0, 100_000.0]);
    }

    #[test]
    fn it_has_the_head_and_the_foot_that_are_looked_for() {
        let mut latency = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).unwrap();
        latency.record_n(1_500_000, 3).unwrap();
        assert_eq!(
            written(&latency),
            "       Value     Percentile TotalCount 1/(1-Percentile)\n\
             \n    1.500159 0.000000000000          3           1.00\n    \
             1.500159 1.000000000000          3\n\
             #[Mean    =     1.499648, StdDeviation   =     0.000000]\n\
             #[Max     =     1.500159, Total count    =            3]\n\
             #[Buckets =           26, SubBuckets     =         2048]\n"
        );
    }

    #[test]
    fn lost_lines_are_a_comment() {
        let mut out = Vec::new();
        hdr(&sample::lossy(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let last = text.lines().last().unwrap();
        assert_eq!(last, "#[Lost    =            3, never answered, and not in the distribution]");
    }

    #[test]
    fn nothing_has_a_head_and_a_foot() {
        let text = written(&Histogram::new(3).unwrap());
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(text.contains("Total count    =            0"), "{text}");
    }
}
