//! Latency by percentile: of the slowest line in ten, in a hundred, in a thousand.

use std::f64::consts::LOG10_2;
use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::load::report::{Distribution, Report, format};
use crate::num;

use super::{FONT, GRID, LATENCY, MARGIN, Panel, TITLE_FONT, X_AXIS, Y_AXIS, end_of_axis, plain};

/// Points of the curve in each halving of the distance to 100 %.
const POINTS_PER_HALVING: u32 = 20;

/// Smallest distance, in orders, of a percentile's label from the longest latency, to be legible.
const NAME_ORDERS: f64 = 0.4;

/// Marks of the axis, by order: at order n, one line in 10^n took longer.
const MARKS: [(f64, &str); 10] = [
    (0.0, "0 %"),
    (LOG10_2, "50 %"),
    (1.0, "90 %"),
    (2.0, "99 %"),
    (3.0, "99.9 %"),
    (4.0, "99.99 %"),
    (5.0, "99.999 %"),
    (6.0, "99.9999 %"),
    (7.0, "99.99999 %"),
    (8.0, "99.999999 %"),
];

/// Draws the curve, and labels the percentiles of the report.
pub(super) fn draw(
    panel: &Panel<'_>,
    report: &Report,
    latency: &Distribution,
) -> anyhow::Result<()> {
    let Distribution { times, .. } = latency;
    // Of n lines, the longest is one in n.
    let rarest = num::to_f64(times.len().max(10)).log10();
    let longest = num::to_f64(times.max()) / 1e3;
    let (size, unit) = format::unit(longest);
    let title = format!(
        "Latency by percentile: {}, mode {}, {} loop, {} measured",
        report.server,
        report.mode,
        report.feedback,
        format::count(times.len())
    );
    let mut chart = ChartBuilder::on(panel)
        .caption(title, TITLE_FONT)
        .margin(MARGIN)
        .margin_right(MARGIN + Y_AXIS)
        .x_label_area_size(X_AXIS)
        .y_label_area_size(Y_AXIS)
        .build_cartesian_2d(
            Orders((0.0..rarest * 1.02).into()),
            0.0..end_of_axis(longest / size, 0.85),
        )?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .label_style(FONT)
        .y_label_formatter(&|value| plain(*value))
        .x_desc("lines that took no longer (the axis is logarithmic towards 100 %)")
        .y_desc(format!("latency in {unit}"))
        .draw()?;
    let curve = curve(latency, rarest).into_iter().map(|(order, us)| (order, us / size));
    chart.draw_series(LineSeries::new(curve, LATENCY.stroke_width(2)))?;
    chart.draw_series(named(latency, rarest).into_iter().map(|(order, us, name)| {
        // The curve rises from the left and below, so a label has room to the left and above,
        // unless it would run into the axis.
        let edge = if order < 0.1 * rarest { HPos::Center } else { HPos::Right };
        let style = TextStyle::from(FONT).pos(Pos::new(edge, VPos::Bottom));
        EmptyElement::at((order, us / size))
            + Circle::new((0, 0), 4, LATENCY.filled())
            + Text::new(format!("{name} {}", format::time(us)), (0, -8), style)
    }))?;
    Ok(())
}

/// Returns the order at which the curve ends: the longest latency, or the last answer if lines were
/// lost.
fn last(latency: &Distribution, rarest: f64) -> f64 {
    let share = latency.answers.share().unwrap_or(1.0);
    order(share).min(rarest)
}

/// Returns the curve up to the longest latency: orders, and latencies in microseconds. Unanswered
/// lines are to the right of it.
fn curve(latency: &Distribution, rarest: f64) -> Vec<(f64, f64)> {
    let Distribution { times, answers } = latency;
    if times.is_empty() {
        return Vec::new();
    }
    let (share, last) = (answers.share().unwrap_or(1.0), last(latency, rarest));
    let steps = times.iter_quantiles(POINTS_PER_HALVING);
    let mut points: Vec<_> = steps
        .map(|step| (order(step.quantile_iterated_to() * share), step.value_iterated_to()))
        .filter(|(order, _)| *order < last)
        .collect();
    points.push((last, times.max()));
    points.into_iter().map(|(order, value)| (order, num::to_f64(value) / 1e3)).collect()
}

/// Returns the percentiles of the report that have room for a label: order, latency in
/// microseconds, name.
fn named(latency: &Distribution, rarest: f64) -> Vec<(f64, f64, &'static str)> {
    if latency.times.is_empty() {
        return Vec::new();
    }
    let last = last(latency, rarest);
    let shares = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")].into_iter();
    let legible = shares.filter(|(share, _)| order(*share) + NAME_ORDERS < last);
    let name = if latency.answers.lost == 0 { "max" } else { "slowest answer" };
    let longest = (last, num::to_f64(latency.times.max()) / 1e3, name);
    legible
        .filter_map(|(share, name)| Some((order(share), latency.at(share).value()?, name)))
        .chain([longest])
        .collect()
}

/// Returns the order n of a share: one line in 10^n took longer than this share of the lines.
fn order(share: f64) -> f64 {
    -(1.0 - share).log10()
}

/// The axis: its values are orders, its labels percentages.
struct Orders(RangedCoordf64);

impl Ranged for Orders {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, order: &f64, limits: (i32, i32)) -> i32 {
        self.0.map(order, limits)
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        let orders = MARKS.map(|(order, _)| order).into_iter();
        orders.filter(|order| self.range().contains(order)).collect()
    }

    fn range(&self) -> Range<f64> {
        self.0.range()
    }
}

impl ValueFormatter<f64> for Orders {
    fn format(order: &f64) -> String {
        let mark = MARKS.iter().find(|(at, _)| (at - order).abs() < 0.01);
        mark.map_or_else(String::new, |(_, text)| (*text).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use crate::load::report::sample;

    use super::*;

    #[test]
    fn the_curve_rises_to_the_longest_of_all() {
        let latency = Distribution::new(sample::latency(), 0);
        let curve = curve(&latency, 5.0);
        assert!(curve.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
        assert_eq!(*curve.last().unwrap(), (5.0, num::to_f64(latency.times.max()) / 1e3));
    }

    #[test]
    fn it_ends_where_answers_do() {
        let lossy = Distribution::new(sample::latency(), 1000);
        let (last, _) = *curve(&lossy, 5.0).last().unwrap();
        assert!((1.99..2.01).contains(&last), "1 of 101: {last}");
        let names: Vec<_> = named(&lossy, 5.0).into_iter().map(|(.., name)| name).collect();
        assert_eq!(names, ["p50", "p90", "slowest answer"]);
    }

    #[test]
    fn a_percentile_without_room_has_no_label() {
        let names = |rarest| {
            let all = Distribution::new(sample::latency(), 0);
            named(&all, rarest).into_iter().map(|(.., name)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(5.0), ["p50", "p90", "p99", "p99.9", "max"]);
        assert_eq!(names(2.1), ["p50", "p90", "max"]);
    }

    #[test]
    fn every_mark_is_the_share_of_longer_latencies() {
        for (order, text) in MARKS {
            let percent: f64 = text.trim_end_matches(" %").parse().unwrap();
            assert!(((1.0 - percent / 100.0) * 10_f64.powf(order) - 1.0).abs() < 1e-6, "{text}");
            assert_eq!(Orders::format(&order), text);
        }
    }
}
