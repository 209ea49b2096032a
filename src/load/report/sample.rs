//! A made-up report for the tests, with every kind of result that a report can show.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::{
    Connections, Distribution, Distributions, Interval, Mismatch, Percentiles, Report, Settings,
};

/// A closed loop, in which no line was late, because none had a due time.
pub(crate) fn report() -> Report {
    Report {
        version: "0.2.0".to_owned(),
        server: "127.0.0.1:9877".to_owned(),
        mode: "echo".to_owned(),
        feedback: "closed".to_owned(),
        connections: Connections { attempted: 50, established: 48, failed: 7 },
        lines: 512_340,
        lines_after: 0,
        lines_total: 563_210,
        lines_per_s: 51_234.0,
        bytes: 32_789_760,
        bytes_total: 36_045_440,
        bytes_per_s: 3_278_976.0,
        transactions: 0,
        transactions_total: 0,
        duration_s: 10.0,
        latency_us: times([812.0, 1020.0, 1930.0, 4010.0, 12_345.0, 850.0]),
        answered_share: Some(1.0),
        connect_us: times([80.0, 140.0, 210.0, 300.0, 310.0, 95.0]),
        late_us: Percentiles::default(),
        errors: counts(&[("refused", 2), ("reset", 4), ("timed-out", 1)]),
        errors_by_phase: BTreeMap::from([
            ("connect".to_owned(), counts(&[("refused", 2)])),
            ("read".to_owned(), counts(&[("reset", 4), ("timed-out", 1)])),
        ]),
        mismatches: 1,
        first_mismatches: vec![Mismatch {
            connection: 17,
            local: "127.0.0.1:40112".to_owned(),
            offset: 4096,
            expected: Some(0x61),
            got: 0x62,
        }],
        greeting: None,
        unanswered: 5,
        unsent: 0,
        held_verified: 0,
        local_errors: counts(&[("EADDRNOTAVAIL", 12)]),
        paused_s: 0.0,
        interrupted: false,
        seconds: (1..=11).map(second).collect(),
        settings: settings(),
    }
}

/// A run that measured nothing, with a line limit and no time limit.
pub(crate) fn nothing() -> Report {
    Report {
        lines: 0,
        duration_s: 0.0,
        latency_us: Percentiles::default(),
        answered_share: None,
        connect_us: Percentiles::default(),
        seconds: vec![Interval { p50_us: None, p99_us: None, lines: 0, ..second(1) }],
        first_mismatches: vec![Mismatch {
            connection: 3,
            local: "[::1]:40113".to_owned(),
            offset: 0,
            expected: None,
            got: 0x0a,
        }],
        settings: Settings { duration_s: None, lines: Some(1000), rate: Some(1e4), ..settings() },
        ..report()
    }
}

/// 100,000 latencies in nanoseconds: most near a millisecond, a few much longer.
pub(crate) fn latency() -> Histogram<u64> {
    let mut latency = Histogram::new(3).unwrap();
    for step in 0..100_000_u64 {
        // Each further power of ten that divides the step is ten times as rare, and doubles the
        // latency.
        let rare = (1..=4).filter(|power| step.is_multiple_of(10_u64.pow(*power))).count();
        let spread = step * 7919 % 400_000;
        latency.record((700_000 + spread) << rare).unwrap();
    }
    latency
}

/// Latencies of which 95 of 100 take 1.5 ms; the other distributions are empty.
pub(crate) fn distributions() -> Distributions {
    let mut latency = Histogram::new(3).unwrap();
    latency.record_n(1_500_000, 95).unwrap();
    latency.record_n(3_000_000, 5).unwrap();
    let none = || Distribution::new(Histogram::new(3).unwrap(), 0);
    Distributions { latency: Distribution::new(latency, 0), connect: none(), late: none() }
}

/// Seven of ten lines came back, in 0.8 ms.
pub(crate) fn lossy() -> Distribution {
    let mut latency = Histogram::new(3).unwrap();
    latency.record_n(800_000, 7).unwrap();
    Distribution::new(latency, 3)
}

/// Counts by name.
pub(crate) fn counts(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn times(shares: [f64; 6]) -> Percentiles {
    let [p50, p90, p99, p999, max, mean] = shares.map(Some);
    Percentiles { count: 512_340, p50, p90, p99, p999, max, mean }
}

fn second(number: u32) -> Interval {
    Interval {
        at_s: f64::from(number),
        lines: 50_000 + u64::from(number % 4) * 900,
        open: 48,
        errors: 0,
        unanswered: 0,
        p50_us: Some(810.0),
        p99_us: Some(1900.0 + f64::from(number % 3) * 120.0),
        measured: number > 1,
    }
}

fn settings() -> Settings {
    Settings {
        connections: 50,
        duration_s: Some(10.0),
        lines: None,
        rate: None,
        size_min: 64,
        size_max: 64,
        pipeline: 1,
        ramp_s: 0.0,
        warmup_s: 1.0,
        verify_held: 0,
        close: "fin".to_owned(),
        sources: vec!["127.0.0.2".to_owned()],
        send_proxy: Some("v2".to_owned()),
        skip_greeting: false,
        seed: 42,
        timeout_s: 5.0,
    }
}
