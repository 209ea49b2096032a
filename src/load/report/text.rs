//! The report for people: what was done, what was measured, what went wrong.

use hdrhistogram::Histogram;

use super::chart::chart;
use super::troubles::troubles;
use super::{Percentiles, Report, Share, figures};

/// By which part the generator's own lateness may be in the latencies: up to a tenth, they are
/// about the server.
const LATE_SHARE_MAX: f64 = 0.1;

/// The report as a page of text, that ends with a newline. The values of the histogram are the
/// latencies in nanoseconds.
pub fn text(report: &Report, latency: &Histogram<u64>) -> String {
    let mut blocks = vec![header(report), facts(report), times(report)];
    let bars = chart(latency);
    if !bars.is_empty() {
        let title = format!("latency of {}", figures::counted(latency.len(), "line"));
        blocks.push([vec![title], bars].concat());
    }
    blocks.push(troubles(report));
    blocks.iter().map(|block| block.join("\n") + "\n").collect::<Vec<_>>().join("\n")
}

/// A fact after its name.
pub(super) fn row(name: &str, fact: &str) -> String {
    format!("{name:<12} {fact}")
}

fn header(report: &Report) -> Vec<String> {
    let Report { server, mode, .. } = report;
    let connections = figures::counted(report.settings.connections, "connection");
    let pace = report.settings.rate.map_or_else(
        || format!("{} loop", report.feedback),
        |rate| format!("{} loop at {} lines a second", report.feedback, figures::rate(rate)),
    );
    let mut lines = vec![format!("{server}, mode {mode}, {pace}, {connections}")];
    if report.feedback == "closed" {
        lines.push(
            "closed loop: a server that stalls also holds back the lines that would have shown it"
                .to_owned(),
        );
    }
    lines
}

fn facts(report: &Report) -> Vec<String> {
    let count = figures::count;
    let made = &report.connections;
    let mut rows = vec![
        row("measured", &span(report)),
        row(
            "connections",
            &format!(
                "{} attempted, {} established, {} failed",
                count(made.attempted),
                count(made.established),
                count(made.failed)
            ),
        ),
        row("lines", &lines(report)),
        row(
            "bytes",
            &format!(
                "{}, {} a second in each direction",
                figures::bytes(figures::float(report.bytes)),
                figures::bytes(report.bytes_per_s)
            ),
        ),
    ];
    if report.exchanges_total > 0 {
        let exchanges =
            format!("{}, {} in all", count(report.exchanges), count(report.exchanges_total));
        rows.push(row("exchanges", &exchanges));
    }
    if report.asked_again > 0 {
        rows.push(row("asked again", &figures::counted(report.asked_again, "connection")));
    }
    rows
}

/// How long it was measured, and what came before and after.
fn span(report: &Report) -> String {
    let before = [("ramp", report.settings.ramp_s), ("warm-up", report.settings.warmup_s)];
    let before: Vec<_> = before
        .into_iter()
        .filter(|(_, length)| *length > 0.0)
        .map(|(what, length)| format!("{} of {what}", figures::seconds(length)))
        .collect();
    let before = match before.as_slice() {
        [] => String::new(),
        some => format!(", after {}", some.join(" and ")),
    };
    let end = match (report.interrupted, report.settings.duration_s) {
        (false, _) => String::new(),
        (true, None) => "; interrupted".to_owned(),
        (true, Some(asked)) => {
            format!("; interrupted, {} were asked for", figures::seconds(asked))
        }
    };
    format!("{}{before}{end}", figures::seconds(report.duration_s))
}

fn lines(report: &Report) -> String {
    let asked = report.settings.rate;
    format!(
        "{}, {} a second{} ({} in all)",
        figures::count(report.lines),
        figures::rate(report.lines_per_s),
        asked.map_or_else(String::new, |asked| format!(" of {}", figures::rate(asked))),
        figures::count(report.lines_total)
    )
}

/// The distributions side by side, and what is to be known about them.
fn times(report: &Report) -> Vec<String> {
    let columns = |cells: [String; 6]| cells.map(|cell| format!("{cell:>9}")).concat();
    let line = |name: &str, times: &Percentiles| {
        let cells = Share::ALL.map(|share| share.of(times).map_or_else(dash, figures::time));
        format!("{name:<9}{}", columns(cells))
    };
    let mut lines = vec![
        format!("{:<9}{}", "", columns(Share::ALL.map(|share| share.title().to_owned()))),
        line("latency", &report.latency_us),
        line("connect", &report.connect_us),
    ];
    if report.feedback == "open" {
        lines.push(line("late", &report.late_us));
        lines.extend(lateness(report));
    }
    lines
}

fn dash() -> String {
    "-".to_owned()
}

/// The warning that the latencies are not the server's alone.
fn lateness(report: &Report) -> Option<String> {
    let (late, latency) = (report.late_us.p99?, report.latency_us.p99?);
    (late > LATE_SHARE_MAX * latency).then(|| {
        format!(
            "warning: the generator itself was late (p99 {} of {}): it was the bottleneck, and \
             the server\nmay be faster than this; use a lower --rate, or a generator with more \
             of a machine to itself",
            figures::time(late),
            figures::time(latency)
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::load::report::{Settings, sample};

    use super::*;

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
unanswered   5 lines
shortage     EADDRNOTAVAIL, 12 times
             no free port: more source addresses with --source, or --close rst
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
        assert!(page.lines().all(|line| line.len() <= 90), "{page}");
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

    #[test]
    fn what_was_not_measured_is_a_dash_and_has_no_chart() {
        let page = text(&sample::nothing(), &Histogram::new(3).unwrap());
        assert!(page.contains("\nlatency          -        -        -"), "{page}");
        assert!(page.contains("measured     0 us, after 1.00 s of warm-up\n"), "{page}");
        assert!(!page.contains("latency of"), "{page}");
    }

    #[test]
    fn who_was_asked_again_is_told() {
        let report = Report { asked_again: 1000, ..sample::report() };
        let page = text(&report, &latency());
        assert!(page.contains("\nasked again  1,000 connections\n"), "{page}");
    }

    #[test]
    fn exchanges_and_an_interruption_are_told() {
        let settings = Settings { ramp_s: 0.5, ..sample::report().settings };
        let mut report = Report {
            mode: "churn".to_owned(),
            exchanges: 1200,
            exchanges_total: 1300,
            duration_s: 3.2,
            interrupted: true,
            settings,
            ..sample::report()
        };
        let page = text(&report, &latency());
        assert!(page.contains("exchanges    1,200, 1,300 in all\n"), "{page}");
        assert!(page.contains(
            "measured     3.20 s, after 500 ms of ramp and 1.00 s of warm-up; interrupted, \
             10.0 s were asked for\n"
        ));
        report.settings.duration_s = None;
        assert!(text(&report, &latency()).contains("of warm-up; interrupted\n"));
    }
}
