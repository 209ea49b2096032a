//! The goals, and whether the results meet them.

use std::fmt::Write;

use super::cases::{CASES, Kind, Metric};
use super::results::{Results, Spread};
use super::servers::{DAEMON, FLOOR, SERVERS};
use super::table::{NOTHING, number, range};

/// The bound of a goal.
#[derive(Clone, Copy, Debug)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
}

impl Bound {
    /// True if the value meets the bound.
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
            Self::Below(limit) => figure < limit,
        }
    }

    /// The bound as shown in the table.
    fn shown(self) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {most}"),
            Self::AtLeast(least) => format!("≥ {least}"),
            Self::Below(limit) => format!("< {limit}"),
        }
    }
}

/// One row of the table.
#[derive(Debug)]
struct Goal {
    /// The quantity, and the case.
    what: String,
    bound: Bound,
    /// The value, and its text.
    measured: Option<(f64, String)>,
}

impl Goal {
    /// A goal for a ratio. The median decides; the range shows how certain it is.
    fn of_ratio(what: String, bound: Bound, ratio: Option<Spread>) -> Self {
        Self { what, bound, measured: ratio.map(|ratio| (ratio.median, range(Some(ratio)))) }
    }

    /// A goal for a value of the daemon alone.
    fn of_figure(what: &str, bound: Bound, figure: Option<f64>) -> Self {
        let measured = figure.map(|figure| (figure, number(figure)));
        Self { what: what.to_owned(), bound, measured }
    }
}

/// Returns a Markdown table of all goals. A goal is met if the median meets its bound.
pub(crate) fn table(results: &Results) -> String {
    let mut text = String::from("| goal | bound | measured | |\n|---|---|---|---|\n");
    for goal in goals(results) {
        let (shown, verdict) = match &goal.measured {
            Some((figure, shown)) if goal.bound.holds(*figure) => (shown.as_str(), "met"),
            Some((_, shown)) => (shown.as_str(), "**missed**"),
            None => (NOTHING, "not measured"),
        };
        let bound = goal.bound.shown();
        writeln!(text, "| {} | {bound} | {shown} | {verdict} |", goal.what).unwrap();
    }
    text
}

/// All goals, in order of importance, lines first. A goal whose case was not run keeps its row, so
/// that the page shows the gap.
fn goals(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    let busy: Vec<_> = CASES
        .iter()
        .filter(|case| matches!(case.kind, Kind::Lines { in_flight: 1, .. }))
        .map(|case| case.name)
        .collect();
    for case in &busy {
        let ratio = results.ratio(case, DAEMON, FLOOR, Metric::Cost);
        let what = format!("CPU per line ÷ floor, {case}");
        goals.push(Goal::of_ratio(what, Bound::AtMost(1.02), ratio));
    }
    goals.extend(busy.iter().map(|case| below_every_other(results, case)));
    let memory = results.median("idle", DAEMON, Metric::Memory);
    let what = "private bytes per idle connection";
    goals.push(Goal::of_figure(what, Bound::AtMost(96.0), memory));
    let churn = results.ratio("churn", DAEMON, FLOOR, Metric::Cost);
    let what = "CPU per connection ÷ floor, churn".to_owned();
    goals.push(Goal::of_ratio(what, Bound::AtMost(1.05), churn));
    let stream = results.ratio("stream", DAEMON, FLOOR, Metric::Rate);
    let what = "bytes per second ÷ floor, stream".to_owned();
    goals.push(Goal::of_ratio(what, Bound::AtLeast(1.0), stream));
    let flood = results.spread("flood", DAEMON, Metric::Slowdown);
    let what = "p99 of polite peers with the flood ÷ without".to_owned();
    goals.push(Goal::of_ratio(what, Bound::AtMost(2.0), flood));
    for bytes in ["64", "512"] {
        let (few, many) = (format!("busy-100-{bytes}"), format!("busy-10000-{bytes}"));
        let growth = results.growth([&few, &many], DAEMON, FLOOR, Metric::Cost);
        let what = format!("growth of CPU per line from 100 to 10,000 ÷ floor, {bytes} bytes");
        goals.push(Goal::of_ratio(what, Bound::AtMost(1.02), growth));
    }
    goals
}

/// Compares the daemon with the cheapest other server except the floor.
fn below_every_other(results: &Results, case: &str) -> Goal {
    let others = SERVERS.iter().map(|server| server.name);
    let ratios = others.filter(|name| ![DAEMON, FLOOR].contains(name)).filter_map(|name| {
        results.ratio(case, DAEMON, name, Metric::Cost).map(|ratio| (name, ratio))
    });
    let nearest = ratios.max_by(|(_, one), (_, other)| one.median.total_cmp(&other.median));
    let name = nearest.map_or("every other", |(name, _)| name);
    let what = format!("CPU per line ÷ the next best ({name}), {case}");
    Goal::of_ratio(what, Bound::Below(1.0), nearest.map(|(_, ratio)| ratio))
}
