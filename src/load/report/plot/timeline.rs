//! The run over time: lines per second, and the p99 of each second on its own scale.

use plotters::chart::DualCoordChartContext;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::load::report::{Interval, format};
use crate::num;

use super::{
    FONT, GRID, LATENCY, MARGIN, Panel, RATE, SHADE, TITLE_FONT, X_AXIS, Y_AXIS, end_of_axis, plain,
};

/// Also the legend: one inside the panel would cover the curves.
const TITLE: &str = "Lines a second (blue, left), and the p99 of each second (orange, right)";

type Plane = Cartesian2d<RangedCoordf64, RangedCoordf64>;
type Chart<'a, 'b> = DualCoordChartContext<'a, SVGBackend<'b>, Plane, Plane>;

/// A shorter interval, in seconds, is not drawn as a second.
const MOMENT_S: f64 = 0.1;

/// Draws both curves, and shades the seconds that were not measured.
pub(super) fn draw(panel: &Panel<'_>, seconds: &[Interval]) -> anyhow::Result<()> {
    let seconds = without_moment(seconds);
    let end = seconds.last().map_or(1.0, |second| second.at_s);
    let rates = rates(seconds);
    let most = rates.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
    let longest = seconds.iter().filter_map(|second| second.p99_us).fold(1.0, f64::max);
    let (size, unit) = format::unit(longest);
    let top = end_of_axis(most, 0.9);
    let mut chart = ChartBuilder::on(panel)
        .caption(TITLE, TITLE_FONT)
        .margin(MARGIN)
        .x_label_area_size(X_AXIS)
        .y_label_area_size(Y_AXIS)
        .right_y_label_area_size(Y_AXIS)
        .build_cartesian_2d(0.0..end, 0.0..top)?
        // Lower than the rate, so that two level curves don't overlap.
        .set_secondary_coord(0.0..end, 0.0..end_of_axis(longest / size, 0.65));
    let unmeasured = unmeasured(seconds);
    let areas = unmeasured.iter().map(|(from, to)| [(*from, 0.0), (*to, top)]);
    chart.draw_series(areas.map(|area| Rectangle::new(area, SHADE.filled())))?;
    draw_axes(&mut chart, unit)?;
    chart.draw_series(LineSeries::new(rates, RATE.stroke_width(2)).point_size(2))?;
    // A second without an echo has no p99, and breaks the curve.
    for part in seconds.split(|second| second.p99_us.is_none()) {
        let points = part.iter().filter_map(|second| Some((second.at_s, second.p99_us? / size)));
        let line = LineSeries::new(points, LATENCY.stroke_width(2)).point_size(2);
        chart.draw_secondary_series(line)?;
    }
    Ok(())
}

fn draw_axes(chart: &mut Chart<'_, '_>, unit: &str) -> anyhow::Result<()> {
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .label_style(FONT)
        .x_label_formatter(&|value| plain(*value))
        .y_label_formatter(&|value| rate(*value))
        .x_desc("seconds since the beginning (grey: not measured)")
        .y_desc("lines a second")
        .draw()?;
    chart
        .configure_secondary_axes()
        .label_style(FONT)
        .y_label_formatter(&|value| plain(*value))
        .y_desc(format!("p99 in {unit}"))
        .draw()?;
    Ok(())
}

fn rate(value: f64) -> String {
    if value < 100.0 { plain(value) } else { format::rate(value) }
}

/// Drops the short interval after the end in which the last lines came back: it has no useful rate.
fn without_moment(seconds: &[Interval]) -> &[Interval] {
    match seconds {
        [shown @ .., last] if !last.measured => match shown.last() {
            Some(before) if last.at_s - before.at_s < MOMENT_S => shown,
            _ => seconds,
        },
        _ => seconds,
    }
}

/// Returns the end of each second, and its rate of lines per second.
fn rates(seconds: &[Interval]) -> Vec<(f64, f64)> {
    spans(seconds)
        .map(|(from, second)| {
            // The last interval may be shorter than a second.
            let length = (second.at_s - from).max(0.001);
            (second.at_s, num::to_f64(second.lines) / length)
        })
        .collect()
}

/// Returns the spans outside the sums: ramp, warm-up and cooldown.
fn unmeasured(seconds: &[Interval]) -> Vec<(f64, f64)> {
    let unmeasured = spans(seconds).filter(|(_, second)| !second.measured);
    unmeasured.map(|(from, second)| (from, second.at_s)).collect()
}

/// Pairs each second with its start.
fn spans(seconds: &[Interval]) -> impl Iterator<Item = (f64, &Interval)> {
    let begins = [0.0].into_iter().chain(seconds.iter().map(|second| second.at_s));
    begins.zip(seconds)
}

#[cfg(test)]
mod tests {
    use crate::load::report::sample;

    use super::*;

    #[test]
    fn the_moment_after_the_end_is_not_drawn() {
        let whole = Interval { measured: true, ..sample::report().seconds[0] };
        let after = |at_s| Interval { at_s, measured: false, ..whole };
        assert_eq!(without_moment(&[whole, after(1.01)]), [whole]);
        assert_eq!(without_moment(&[whole, after(1.5)]).len(), 2);
        assert_eq!(without_moment(&[after(0.01)]).len(), 1, "all there is");
    }

    #[test]
    fn a_part_of_a_second_counts_as_a_part() {
        let whole = Interval { lines: 1000, ..sample::report().seconds[0] };
        let part = Interval { at_s: 1.25, lines: 250, measured: true, ..whole };
        assert_eq!(rates(&[whole, part]), [(1.0, 1000.0), (1.25, 1000.0)]);
        assert_eq!(unmeasured(&[whole, part]), [(0.0, 1.0)]);
    }
}
