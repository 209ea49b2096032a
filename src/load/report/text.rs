//! The report as text: settings, measurements, errors.

use hdrhistogram::Histogram;

use crate::num;

use super::chart::chart;
use super::errors::error_rows;
use super::format::row;
use super::verdict::verdict;
use super::{Found, Report, Statistic, Times, format};

/// Largest share of the generator's own delay in the latencies: up to a tenth, they describe the
/// server.
const LATE_SHARE_MAX: f64 = 0.1;

/// Share of lines that must be late for the warning: as many as a p99 shows.
const LATE_LINES: f64 = 0.01;

/// Formats the report as text that ends with a newline. The values of the histogram are latencies
/// in nanoseconds.
pub fn text(report: &Report, latency: &Histogram<u64>) -> String {
    let mut blocks = vec![header(report), facts(report), times(report)];
    let bars = chart(latency);
    if !bars.is_empty() {
        blocks.push([vec![title(report, latency.len())], bars].concat());
    }
    blocks.push(error_rows(report));
    blocks.push(vec![row("verdict", &verdict(report))]);
    blocks.iter().map(|block| block.join("\n") + "\n").collect::<Vec<_>>().join("\n")
}

/// Formats the chart's title: how many lines the latencies cover, if these are not the lines of the
/// rate.
fn title(report: &Report, timed: u64) -> String {
    let of = format!("latency of {}", format::counted(timed, "line"));
    let (measured, after) = (format::count(report.lines), format::count(report.lines_after));
    match report.lines.saturating_add(report.lines_after) {
        _ if timed == report.lines => of,
        all if timed == all => {
            format!("{of}: {measured} measured, and {after} that came back after the end")
        }
        all => format!("{of}, a sample of {}", format::count(all)),
    }
}

fn header(report: &Report) -> Vec<String> {
    let Report { server, mode, .. } = report;
    let connections = format::counted(report.settings.connections, "connection");
    let pace = report.settings.rate.map_or_else(
        || format!("{} loop", report.feedback),
        |rate| format!("{} loop at {} lines a second", report.feedback, format::rate(rate)),
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
    let count = format::count;
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
                format::bytes(num::to_f64(report.bytes)),
                format::bytes(report.bytes_per_s)
            ),
        ),
    ];
    if report.transactions_total > 0 {
        let transactions =
            format!("{}, {} in all", count(report.transactions), count(report.transactions_total));
        rows.push(row("transactions", &transactions));
    }
    if report.paused_s > 0.0 {
        let paused = format::seconds(report.paused_s);
        let why = "in which this process was stopped or starved: they are in the latencies";
        rows.push(row("paused", &format!("{paused} {why}")));
    }
    if report.held_verified > 0 {
        rows.push(row("verified", &format::counted(report.held_verified, "held connection")));
    }
    rows
}

/// Formats how long the run was measured, and the phases before and after.
fn span(report: &Report) -> String {
    let before = [("ramp", report.settings.ramp_s), ("warm-up", report.settings.warmup_s)];
    let before: Vec<_> = before
        .into_iter()
        .filter(|(_, length)| *length > 0.0)
        .map(|(what, length)| format!("{} of {what}", format::seconds(length)))
        .collect();
    let before = match before.as_slice() {
        [] => String::new(),
        some => format!(", after {}", some.join(" and ")),
    };
    let end = match (report.interrupted, report.settings.duration_s) {
        (false, _) => String::new(),
        (true, None) => "; interrupted".to_owned(),
        (true, Some(asked)) => {
            format!("; interrupted, {} were asked for", format::seconds(asked))
        }
    };
    format!("{}{before}{end}", format::seconds(report.duration_s))
}

fn lines(report: &Report) -> String {
    let asked = report.settings.rate;
    format!(
        "{}, {} a second{} ({} in all)",
        format::count(report.lines),
        format::rate(report.lines_per_s),
        asked.map_or_else(String::new, |asked| format!(" of {}", format::rate(asked))),
        format::count(report.lines_total)
    )
}

/// Formats the distributions side by side, with a warning if they need one.
fn times(report: &Report) -> Vec<String> {
    let columns = |cells: [String; 6]| cells.map(|cell| format!("{cell:>9}")).concat();
    let line = |name: &str, times: Times| {
        let cells = Statistic::ALL.map(|share| cell(report.time(times, share)));
        format!("{name:<9}{}", columns(cells))
    };
    let mut lines = vec![
        format!("{:<9}{}", "", columns(Statistic::ALL.map(|share| share.title().to_owned()))),
        line("latency", Times::Latency),
        line("connect", Times::Connect),
    ];
    if report.feedback == "open" {
        lines.push(line("late", Times::Late));
        lines.extend(lateness(report));
    }
    lines
}

fn cell(found: Found) -> String {
    match found {
        Found::Value(time) => format::time(time),
        Found::Lost => "lost".to_owned(),
        Found::NotMeasured => "-".to_owned(),
    }
}

/// Warns that the latencies are not the server's alone: enough lines were late by more than the
/// time between two lines, so the generator fell behind its rate, and not only by the delay of a
/// wake-up.
fn lateness(report: &Report) -> Option<String> {
    let (late, latency) = (report.late_us.p99?, report.latency_us.p99?);
    let part = num::to_f64(report.late_us.count) / num::to_f64(report.lines.max(1));
    let between_us = 1e6 / report.settings.rate?;
    let behind = part > LATE_LINES && late > between_us && late > LATE_SHARE_MAX * latency;
    behind.then(|| {
        format!(
            "warning: the generator itself was late (p99 {} of {}): it was the bottleneck, and \
             the server\nmay be faster than this; use a lower --rate, or a generator with more \
             of a machine to itself",
            format::time(late),
            format::time(latency)
        )
    })
}
