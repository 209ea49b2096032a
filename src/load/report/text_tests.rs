//! Tests of the text report.

use hdrhistogram::Histogram;

use super::{Percentiles, Report, Settings, sample, text};

const CLOSED: &str = "\
127.0.0.1:9877, mode echo, closed loop, 50 connections
closed loop: a server that stalls also holds back the lines that would have shown it

measured     10.0 s, after 1.00 s of warm-up
connections  50 attempted, 48 established, 7 failed
lines        512,340, 51,234 a second (563,210 in all)
bytes        31.3 MiB, 3.13 MiB a second in each direction

               p50      p90      p99    p99.9      max     mean
latency     812 us  1.02 ms  1.93 ms  4.01 ms  12.3 ms   850 us
connect    80.0 us   140 us   210 us   300 us   310 us  95.0 us

latency of 512,340 lines
 630 us .. 710 us  #########################                    200,000  39.04 %
 710 us .. 800 us                                                     0
 800 us .. 900 us  ######################################       300,000  58.55 %
 900 us .. 1.00 ms                                                    0
1.00 ms .. 1.12 ms #                                             12,300   2.40 %
1.12 ms .. 1.25 ms                                                    0
1.25 ms .. 1.40 ms                                                    0
1.40 ms .. 1.60 ms                                                    0
1.60 ms .. 1.80 ms                                                    0
1.80 ms .. 2.00 ms .                                                 40  <0.01 %

errors       connect: 2 refused
errors       read: 4 reset, 1 timed-out
mismatches   1 connection
             connection 17 (127.0.0.1:40112), byte 4096: expected 0x61, got 0x62
unanswered   5 lines, <0.01 % of all
local error  EADDRNOTAVAIL, 12 times
             no free port: more source addresses with --source, or --close rst

verdict      lost or failed: 7 of 50 connections failed (2 refused, 4 reset, 1 timed-out); 5 of \
563,215 lines never answered; only 48 of 50 connections could be made on this machine \
(EADDRNOTAVAIL)
";

fn latency() -> Histogram<u64> {
    let mut latency = Histogram::new(3).unwrap();
    for (value, count) in [(650_000, 200_000), (812_000, 300_000), (1_100_000, 12_300)] {
        latency.record_n(value, count).unwrap();
    }
    latency.record_n(1_930_000, 40).unwrap();
    latency
}

#[test]
fn a_closed_loop_reads_at_a_glance() {
    let page = text(&sample::report(), &latency());
    assert_eq!(page, CLOSED, "{page}");
    let table = page.lines().filter(|line| !line.starts_with("verdict"));
    assert!(table.into_iter().all(|line| line.len() <= 90), "{page}");
}

#[test]
fn an_open_loop_tells_its_rate_and_how_late_it_was_itself() {
    let mut report = sample::report();
    report.feedback = "open".to_owned();
    report.settings.rate = Some(60_000.0);
    report.late_us = Percentiles { p99: Some(190.0), ..report.connect_us };
    let page = text(&report, &latency());
    assert!(page.starts_with(
        "127.0.0.1:9877, mode echo, open loop at 60,000 lines a second, 50 connections\n\n"
    ));
    assert!(page.contains("lines        512,340, 51,234 a second of 60,000 (563,210 in all)"));
    assert!(page.contains("\nlate       80.0 us   140 us   190 us   300 us"), "{page}");
    assert!(!page.contains("warning"), "{page}");
    report.late_us.p99 = Some(194.0);
    let page = text(&report, &latency());
    assert!(page.contains("warning: the generator itself was late (p99 194 us of 1.93 ms)"));
}

/// In a slow run every line was late by a wake-up, which is short against the time between two
/// lines.
#[test]
fn g05_a_wake_up_that_takes_its_moment_is_no_bottleneck() {
    let mut report = Report { feedback: "open".to_owned(), ..sample::report() };
    report.settings.rate = Some(0.5);
    report.late_us = Percentiles { p99: Some(370.0), ..report.connect_us };
    report.latency_us.p99 = Some(400.0);
    let page = text(&report, &latency());
    assert!(!page.contains("bottleneck"), "{page}");
    // At this rate the same delay exceeds the time between two lines; but then few lines were late.
    report.settings.rate = Some(50_000.0);
    assert!(text(&report, &latency()).contains("it was the bottleneck"));
    report.late_us.count = 100;
    assert!(!text(&report, &latency()).contains("bottleneck"));
}

#[test]
fn g06_a_difference_between_latencies_and_lines_is_shown() {
    let title = |lines, lines_after| {
        let report = Report { lines, lines_after, ..sample::report() };
        text(&report, &latency())
            .lines()
            .find(|line| line.starts_with("latency of"))
            .unwrap()
            .to_owned()
    };
    assert_eq!(title(512_340, 0), "latency of 512,340 lines");
    assert_eq!(
        title(512_290, 50),
        "latency of 512,340 lines: 512,290 measured, and 50 that came back after the end"
    );
    assert_eq!(title(9_000_000, 50), "latency of 512,340 lines, a sample of 9,000,050");
}

#[test]
fn g03_a_percentile_among_the_unanswered_is_lost() {
    let mut report = Report { answered_share: Some(0.97), ..sample::report() };
    (report.latency_us.p99, report.latency_us.p999, report.latency_us.max) = (None, None, None);
    report.connect_us = Percentiles::default();
    let page = text(&report, &latency());
    assert!(
        page.contains("latency     812 us  1.02 ms     lost     lost     lost   850 us\n"),
        "{page}"
    );
    let lost = ["connect  ", &"     lost".repeat(6), "\n"].concat();
    assert!(page.contains(&lost), "2 of 50 were never made, and no other was timed: {page}");
}

#[test]
fn an_unmeasured_value_is_a_dash_and_has_no_chart() {
    let page = text(&sample::nothing(), &Histogram::new(3).unwrap());
    assert!(page.contains("\nlatency          -        -        -"), "{page}");
    assert!(page.contains("measured     0 us, after 1.00 s of warm-up\n"), "{page}");
    assert!(!page.contains("latency of"), "{page}");
}

#[test]
fn held_connections_that_were_verified_are_reported() {
    let report = Report { held_verified: 1000, ..sample::report() };
    let page = text(&report, &latency());
    assert!(page.contains("\nverified     1,000 held connections\n"), "{page}");
}

#[test]
fn transactions_and_an_interruption_are_shown() {
    let settings = Settings { ramp_s: 0.5, ..sample::report().settings };
    let mut report = Report {
        mode: "churn".to_owned(),
        transactions: 1200,
        transactions_total: 1300,
        duration_s: 3.2,
        interrupted: true,
        settings,
        ..sample::report()
    };
    let page = text(&report, &latency());
    assert!(page.contains("transactions 1,200, 1,300 in all\n"), "{page}");
    assert!(page.contains(
        "measured     3.20 s, after 500 ms of ramp and 1.00 s of warm-up; interrupted, \
         10.0 s were asked for\n"
    ));
    report.settings.duration_s = None;
    assert!(text(&report, &latency()).contains("of warm-up; interrupted\n"));
}
