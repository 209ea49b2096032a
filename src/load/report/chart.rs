//! The latency distribution as bars of text, for a first look at its shape.

use hdrhistogram::Histogram;

use super::format;

/// Columns of the longest bar; with the text around it a row has 80.
const BAR_COLUMNS: u64 = 38;

/// Largest number of rows, if a scale is coarse enough.
const ROWS_MAX: usize = 16;

/// Steps per decade, in hundredths, from fine to coarse: preferred numbers (ISO 3, the series R20
/// and R10), and the 1-2-5 series. Each step is about the same factor above the last.
const SCALES: [&[u64]; 3] = [
    &[
        100, 112, 125, 140, 160, 180, 200, 224, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710,
        800, 900,
    ],
    &[100, 125, 160, 200, 250, 315, 400, 500, 630, 800],
    &[100, 200, 500],
];

/// Number of latencies from the edge `from` to below the edge `to`, both in nanoseconds.
#[derive(Debug, PartialEq, Eq)]
struct Bucket {
    from: u64,
    to: u64,
    count: u64,
}

/// Draws one row for each step of a logarithmic scale: the step, a bar, the count, and its share.
/// The values of the histogram are nanoseconds. Returns no rows if nothing was measured.
pub(super) fn chart(latency: &Histogram<u64>) -> Vec<String> {
    let buckets = SCALES.iter().map(|scale| buckets(latency, scale));
    // The last scale is used at any length: from 1 us to 100 s it has 24 rows.
    let Some(buckets) =
        buckets.reduce(|finer, coarser| if finer.len() <= ROWS_MAX { finer } else { coarser })
    else {
        return Vec::new();
    };
    let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0);
    buckets.iter().map(|bucket| row(bucket, most, latency.len())).collect()
}

/// Returns the buckets from the shortest latency to the longest, with the empty ones between them:
/// a gap is part of the shape.
fn buckets(latency: &Histogram<u64>, scale: &[u64]) -> Vec<Bucket> {
    let mut buckets = Vec::<Bucket>::new();
    let mut edges = edges(scale).peekable();
    let mut recorded = latency.iter_recorded().peekable();
    let mut from = 0;
    while let (Some(to), Some(_)) = (edges.next(), recorded.peek()) {
        let mut count = 0;
        while let Some(value) = recorded.next_if(|value| value.value_iterated_to() < to) {
            count += value.count_at_value();
        }
        if count > 0 || !buckets.is_empty() {
            buckets.push(Bucket { from, to, count });
        }
        from = to;
    }
    buckets
}

/// Returns the edges of a scale, in nanoseconds, from 1 us upwards: no echo comes back sooner.
fn edges(scale: &[u64]) -> impl Iterator<Item = u64> {
    let decades = (1..).map_while(|power| 10_u64.checked_pow(power));
    decades
        .flat_map(move |decade| scale.iter().map(move |step| step.saturating_mul(decade)))
        .chain([u64::MAX])
}

fn row(bucket: &Bucket, most: u64, all: u64) -> String {
    let Bucket { from, to, count } = bucket;
    // In `u128`, for the product: a histogram counts up to 2^64.
    let length = u128::from(*count) * u128::from(BAR_COLUMNS) / u128::from(most.max(1));
    let bar = match usize::try_from(length) {
        Ok(0) if *count > 0 => ".".to_owned(),
        Ok(length) => "#".repeat(length),
        Err(_) => String::new(),
    };
    // An empty bucket shows no share, so that a gap stands out.
    let part = if *count > 0 { format::percent(*count, all) } else { String::new() };
    let (from, to) = (format::nanoseconds(*from), format::nanoseconds(*to));
    let count = format::count(*count);
    format!("{from:>7} .. {to:<7} {bar:<38} {count:>13} {part:>8}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use crate::load::report::sample;

    use super::*;

    fn histogram(values: &[(u64, u64)]) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        for (value, count) in values {
            histogram.record_n(*value, *count).unwrap();
        }
        histogram
    }

    #[test]
    fn nothing_has_no_chart() {
        assert_eq!(chart(&histogram(&[])), [""; 0]);
    }

    #[test]
    fn bars_are_as_long_as_there_are_latencies() {
        let rows = chart(&histogram(&[(205_000, 1000), (230_000, 500), (260_000, 1)]));
        assert_eq!(
            rows,
            [
                " 200 us .. 224 us  ######################################         1,000  66.62 %",
                " 224 us .. 250 us  ###################                              500  33.31 %",
                " 250 us .. 280 us  .                                                  1   0.07 %",
            ]
        );
    }

    #[test]
    fn gaps_are_shown_and_the_scale_fits_the_spread() {
        let rows = chart(&histogram(&[(150_000, 1), (3_000_000, 1)]));
        assert_eq!(rows.len(), 14, "{rows:#?}");
        assert!(rows[0].starts_with(" 125 us .. 160 us  #"), "{rows:#?}");
        assert!(rows[1].ends_with("   0"), "{rows:#?}");
        let rows = chart(&histogram(&[(0, 1), (1_000_000_000, 1)]));
        assert_eq!(rows.len(), 20, "{rows:#?}");
        assert!(rows[0].starts_with("   0 us .. 1.00 us #"), "{rows:#?}");
        assert!(rows.last().unwrap().starts_with(" 1.00 s .. 2.00 s  #"), "{rows:#?}");
    }

    #[test]
    fn every_latency_is_in_one_bucket_and_every_row_fits() {
        let latency = sample::latency();
        for scale in SCALES {
            let buckets = buckets(&latency, scale);
            assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), latency.len());
            assert!(buckets.windows(2).all(|pair| pair[0].to == pair[1].from), "{buckets:?}");
        }
        let wide = histogram(&[(1, 1), (999_000_000_000, 1_000_000_000)]);
        for row in chart(&latency).iter().chain(&chart(&wide)) {
            assert!(row.len() <= 80, "{row}");
        }
    }
}
