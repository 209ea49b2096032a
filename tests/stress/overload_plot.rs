//! A plot of latency and memory, row by row.

use std::path::Path;

use plotters::prelude::{
    ChartBuilder, Circle, Color, IntoDrawingArea, IntoLogRange, PathElement, RGBColor, Rectangle,
    SVGBackend, Text,
};
use plotters::style::TRANSPARENT;
use plotters::style::text_anchor::{HPos, VPos};
use serde_json::Value;

use super::drawing::{Canvas, Drawn, HEAD, LETTERS, NAME_LETTERS, SIZE, head, letters};
use super::rows::Outcome;

/// Colors that remain distinct with red-green color blindness.
const HALF: (&str, RGBColor) = ("p50", RGBColor(0, 114, 178));
const MOST: (&str, RGBColor) = ("p99", RGBColor(213, 94, 0));
const NEARLY_ALL: (&str, RGBColor) = ("p99.9", RGBColor(110, 110, 110));
const MEMORY: (&str, RGBColor) = ("memory", RGBColor(0, 158, 115));

/// The range of the latency axis.
const LEAST_MS: f64 = 0.01;
const MOST_MS: f64 = 200.0;

/// The width of the row names, in pixels.
const NAMES: i32 = 440;

/// Draws the plot.
pub(crate) fn draw(outcomes: &[Outcome], path: &Path) -> Drawn {
    let canvas = SVGBackend::new(path, SIZE).into_drawing_area();
    head(
        &canvas,
        "Latency of polite peers, and memory of the daemon",
        &[HALF, MOST, NEARLY_ALL, MEMORY],
    )?;
    let body = canvas.margin(HEAD, 10, 10, 24);
    let (left, right) = body.split_horizontally(960);
    latencies(&canvas, &left, outcomes)?;
    memory(&right, outcomes)?;
    canvas.present()?;
    Ok(())
}

fn latencies(canvas: &Canvas<'_>, panel: &Canvas<'_>, outcomes: &[Outcome]) -> Drawn {
    let figure = |outcome: &Outcome, name: &str| {
        let place = format!("/latency_us/{name}");
        outcome.report.pointer(&place).and_then(Value::as_f64).unwrap_or(f64::NAN) / 1e3
    };
    let rows = f64::from(u32::try_from(outcomes.len())?);
    let mut chart = ChartBuilder::on(panel)
        .x_label_area_size(60)
        .y_label_area_size(NAMES)
        .build_cartesian_2d((LEAST_MS..MOST_MS).log_scale(), rows..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .x_desc("milliseconds since the scheduled send time")
        .light_line_style(TRANSPARENT)
        .axis_desc_style(("sans-serif", LETTERS))
        .label_style(("sans-serif", LETTERS))
        .x_label_formatter(&|figure| format!("{figure}"))
        .draw()?;
    let area = chart.plotting_area();
    for (down, outcome) in (0_u32..).map(|row| f64::from(row) + 0.5).zip(outcomes) {
        // In pixels of the whole picture, not of the panel.
        let (left, middle) = area.map_coordinate(&(LEAST_MS, down));
        let name = format!("{} {}", outcome.row.name, outcome.row.id);
        let style = letters(NAME_LETTERS, HPos::Right, VPos::Center);
        canvas.draw(&Text::new(name, (left - 12, middle), style))?;
        let [half, most, nearly_all] = ["p50", "p99", "p999"].map(|name| figure(outcome, name));
        let line = vec![(half, down), (nearly_all, down)];
        area.draw(&PathElement::new(line, NEARLY_ALL.1.stroke_width(3)))?;
        for (figure, colour) in [(half, HALF.1), (nearly_all, NEARLY_ALL.1), (most, MOST.1)] {
            area.draw(&Circle::new((figure, down), 8, colour.filled()))?;
        }
    }
    Ok(())
}

fn memory(panel: &Canvas<'_>, outcomes: &[Outcome]) -> Drawn {
    let rows = f64::from(u32::try_from(outcomes.len())?);
    let highest = outcomes.iter().map(|outcome| outcome.bytes[1] / 1e6).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(panel)
        .x_label_area_size(60)
        .y_label_area_size(20)
        .build_cartesian_2d(0.0..highest * 1.25, rows..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .x_labels(5)
        .x_desc("MB, highest")
        .light_line_style(TRANSPARENT)
        .axis_desc_style(("sans-serif", LETTERS))
        .label_style(("sans-serif", LETTERS))
        .x_label_formatter(&|mega| format!("{mega:.0}"))
        .draw()?;
    let area = chart.plotting_area();
    for (down, outcome) in (0_u32..).map(|row| f64::from(row) + 0.5).zip(outcomes) {
        let mega = outcome.bytes[1] / 1e6;
        let bar = [(0.0, down - 0.3), (mega, down + 0.3)];
        area.draw(&Rectangle::new(bar, MEMORY.1.filled()))?;
        let style = letters(NAME_LETTERS, HPos::Left, VPos::Center);
        area.draw(&Text::new(format!(" {mega:.1}"), (mega, down), style))?;
    }
    Ok(())
}
