//! A plot of memory, descriptors and log size over time, one below the other.

use std::path::Path;

use plotters::prelude::{
    ChartBuilder, Circle, Color, IntoDrawingArea, LineSeries, RGBColor, SVGBackend,
};
use plotters::style::TRANSPARENT;

use super::drawing::{Canvas, Drawn, HEAD, LETTERS, SIZE, head};
use super::quiet::Sample;
use super::soaking::Story;

/// Colors that remain distinct with red-green color blindness.
const ALWAYS: (&str, RGBColor) = ("throughout", RGBColor(150, 150, 150));
const QUIET: (&str, RGBColor) = ("quiet", RGBColor(213, 94, 0));

/// One panel: the axis label, and the value of a sample; None where it was not sampled.
type Panel = (&'static str, fn(&Sample) -> Option<f64>);

const PANELS: [Panel; 3] = [
    ("MB of memory", |sample| Some(sample.private_bytes / 1e6)),
    ("descriptors", |sample| {
        Some(f64::from(u32::try_from(sample.descriptors).unwrap_or(u32::MAX)))
    }),
    ("kB of log", |sample| {
        let bytes = u32::try_from(sample.log_bytes).unwrap_or(u32::MAX);
        sample.after.map(|_| f64::from(bytes) / 1e3)
    }),
];

/// Draws the plot.
pub(crate) fn draw(story: &Story, path: &Path) -> Drawn {
    let canvas = SVGBackend::new(path, SIZE).into_drawing_area();
    head(&canvas, "During the waves, and at the quiet moments between them", &[ALWAYS, QUIET])?;
    let panels = canvas.margin(HEAD, 10, 10, 24).split_evenly((3, 1));
    for (panel, (axis, figure)) in panels.iter().zip(PANELS) {
        draw_panel(panel, story, axis, figure)?;
    }
    canvas.present()?;
    Ok(())
}

fn draw_panel(
    panel: &Canvas<'_>,
    story: &Story,
    axis: &str,
    figure: fn(&Sample) -> Option<f64>,
) -> Drawn {
    let minutes = |sample: &Sample| sample.at.as_secs_f64() / 60.0;
    let point = |sample: &Sample| figure(sample).map(|figure| (minutes(sample), figure));
    let all: Vec<_> = story.samples.iter().filter_map(point).collect();
    let quiet = story.quiet().filter_map(point);
    let highest = all.iter().map(|point| point.1).fold(1.0, f64::max);
    let end = story.samples.last().map_or(1.0, minutes);
    let mut chart = ChartBuilder::on(panel)
        .x_label_area_size(52)
        .y_label_area_size(110)
        .build_cartesian_2d(0.0..end, 0.0..highest * 1.08)?;
    chart
        .configure_mesh()
        .y_desc(axis)
        .x_desc("minutes")
        .y_labels(5)
        .light_line_style(TRANSPARENT)
        .axis_desc_style(("sans-serif", LETTERS))
        .label_style(("sans-serif", LETTERS))
        .x_label_formatter(&|minute| format!("{minute:.0}"))
        .y_label_formatter(&|figure| format!("{figure:.0}"))
        .draw()?;
    chart.draw_series(LineSeries::new(all, ALWAYS.1.stroke_width(1)))?;
    chart.draw_series(quiet.map(|point| Circle::new(point, 4, QUIET.1.filled())))?;
    Ok(())
}
