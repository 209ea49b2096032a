//! The plots of the comparison.

use std::path::Path;

use super::bars::{Bars, Group};
use super::cases::{CASES, Kind, Metric};
use super::curves::{Curve, Curves};
use super::drawing::Drawn;
use super::results::Results;
use super::servers::{FLOOR, SERVERS};
use super::table::number;

/// Draws all plots for which there are results.
pub(crate) fn draw(folder: &Path, results: &Results) -> Drawn {
    cpu(results).draw(&folder.join("cpu-a-line.svg"))?;
    throughput(results).draw(&folder.join("throughput.svg"))?;
    memory(results).draw(&folder.join("memory.svg"))?;
    latency(results).draw(&folder.join("open-loop-latency.svg"))
}

/// Ratios to the floor, the line at 1. Servers with a process per connection appear only in the
/// tables: at ten times the cost, they would hide the differences between the others.
fn cpu(results: &Results) -> Bars {
    let of_lines = CASES
        .iter()
        .filter(|case| matches!(case.kind, Kind::Lines { .. } | Kind::Idle | Kind::OpenLoop));
    let compared = |server| server != FLOOR && !forks(server);
    let groups = of_lines.map(|case| Group {
        name: case.name,
        bars: bars(|server| {
            let ratio = results.ratio(case.name, server, FLOOR, Metric::Cost);
            ratio.filter(|_| compared(server)).map(|ratio| ratio.median)
        }),
    });
    Bars {
        title: "Processor time of the server per line: less is better",
        axis: "ratio to the floor, the grey line",
        groups: groups.collect(),
        line: Some(1.0),
        figure: |ratio| format!("{ratio:.2}"),
    }
}

/// Closed loops with one line in flight only: an open loop has a given rate, and many lines in
/// flight give ten times the rate, which would hide the others.
fn throughput(results: &Results) -> Bars {
    let closed = CASES.iter().filter(|case| matches!(case.kind, Kind::Lines { in_flight: 1, .. }));
    let groups = closed.map(|case| Group {
        name: case.name,
        bars: bars(|server| {
            results.median(case.name, server, Metric::Rate).map(|rate| rate / 1000.0)
        }),
    });
    Bars {
        title: "Lines per second on one core: more is better",
        axis: "thousand lines per second",
        groups: groups.collect(),
        line: None,
        figure: |rate| format!("{rate:.0}"),
    }
}

/// The servers without a process per connection.
fn memory(results: &Results) -> Bars {
    let bytes = bars(|server| results.median("idle", server, Metric::Memory));
    Bars {
        title: "Memory of the server per idle connection, with 19,800: less is better",
        axis: "private bytes",
        groups: vec![Group { name: "idle", bars: bytes }],
        line: None,
        figure: number,
    }
}

/// Latency from the scheduled send time to the reply, so that a stall counts for every line that it
/// delays.
fn latency(results: &Results) -> Curves {
    let curves = SERVERS.iter().filter_map(|server| {
        let latency = |metric| results.median("open-loop", server.name, metric);
        let points = [Metric::P50, Metric::P99, Metric::P999].map(latency);
        let points = points.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Curve { name: server.name, points })
    });
    Curves {
        title: "Latency of a line at half the floor's rate: less is better",
        axis: "microseconds, logarithmic",
        places: &["p50", "p99", "p99.9"],
        servers: curves.collect(),
    }
}

/// A bar for each server with a value.
fn bars(figure: impl Fn(&'static str) -> Option<f64>) -> Vec<(&'static str, f64)> {
    SERVERS.iter().filter_map(|server| Some((server.name, figure(server.name)?))).collect()
}

/// True for a server that starts a process per connection.
fn forks(name: &str) -> bool {
    SERVERS.iter().any(|server| server.name == name && server.forks)
}
