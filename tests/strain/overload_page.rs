//! The table of overload, and the page around it.

#[path = "../million/facts.rs"]
mod facts;

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;

use super::rows::Outcome;
use super::stage::{POLITE, POLITE_RATE};

/// The whole page, as Markdown.
pub(crate) fn page(facts: &str, outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "# Overload\n\n\
         For whoever wants to know what bad company costs the others. Written by a program, do \
         not edit.\n\n{facts}\n\
         In each row {POLITE} polite peers send {POLITE_RATE} lines of 64 bytes a second, all \
         together, whatever comes back; latency counts from when a line was to be sent. The rest \
         of the row's company comes while they do. The daemon has one processor; everybody else \
         shares the other, the polite before the others (`nice`), so what they wait for there is \
         in the latencies too.\n\n\
         | row | company | p50 | p99 | p99.9 | highest | polite lines | lost | open at the end | \
         memory before, at most, after | slow iterations | log |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n"
    );
    for outcome in outcomes {
        writeln!(text, "{}", line(outcome)).unwrap();
    }
    text.push('\n');
    for outcome in outcomes {
        let back = outcome.back.map(|back| {
            format!(
                "{}: everybody was connected {:.1} s after the first of them came.\n\n",
                outcome.row.id,
                back.as_secs_f64()
            )
        });
        text += &back.unwrap_or_default();
    }
    text += "Memory is the daemon's own (`Private_*` in `/proc/PID/smaps_rollup`), in MB; lost are \
             lines that did not come back, or not as they were sent, and connections that \
             failed. Open at the end are the company's connections when the polite have ended \
             theirs.\n\n\
             ![Latency and memory in each row](overload.svg)\n";
    text
}

/// The machine, as a table.
pub(crate) fn facts(duration: Duration, said: &str) -> String {
    let measured = format!("{} a row", humantime::format_duration(duration));
    facts::facts("overload", said, &[facts::load_average(), ("measured", measured)])
}

/// One row.
pub(crate) fn line(outcome: &Outcome) -> String {
    let report = &outcome.report;
    let number = |place: &str| report.pointer(place).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let time = |name: &str| milliseconds(number(&format!("/latency_us/{name}")));
    let [before, most, after] = outcome.bytes.map(|bytes| bytes / 1e6);
    let lost = if super::stage::lost(report).is_empty() { "0" } else { "**some**" };
    format!(
        "| {} | {} | {} | {} | {} | {} | {:.0} | {lost} | {} | \
         {before:.1}, {most:.1}, {after:.1} | \
         {:.0} | {} bytes |",
        outcome.row.id,
        outcome.row.name,
        time("p50"),
        time("p99"),
        time("p999"),
        time("max"),
        number("/lines_total"),
        outcome.open,
        outcome.slow_iterations,
        outcome.log_bytes
    )
}

fn milliseconds(microseconds: f64) -> String {
    format!("{:.2} ms", microseconds / 1e3)
}
