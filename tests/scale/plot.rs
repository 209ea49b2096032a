//! A plot of the connections over time, and below it, of the memory of daemons, load generators and
//! kernel.

use std::path::Path;

use plotters::prelude::{
    ChartBuilder, Color, IntoDrawingArea, IntoLogRange, LineSeries, RGBColor, SVGBackend,
};
use plotters::style::TRANSPARENT;

use super::drawing::{Canvas, Drawn, HEAD, LETTERS, SIZE, head};
use super::sample::Sample;

/// Colors that remain distinct with red-green color blindness, and match those of the servers in
/// other plots.
const OPEN: (&str, RGBColor) = ("connections", RGBColor(0, 114, 178));
const KERNEL: (&str, RGBColor) = ("kernel", RGBColor(110, 110, 110));
const LOADS: (&str, RGBColor) = ("generators", RGBColor(0, 158, 115));
const DAEMONS: (&str, RGBColor) = ("daemons", RGBColor(213, 94, 0));

/// The lower end of the memory axis, in MB; only a process that has just started has less.
const LEAST_MB: f64 = 1.0;

/// Draws both panels, one above the other.
pub(crate) fn draw(samples: &[Sample], path: &Path) -> Drawn {
    let canvas = SVGBackend::new(path, SIZE).into_drawing_area();
    let legend = [OPEN, KERNEL, LOADS, DAEMONS];
    head(&canvas, "Open connections, and the memory held for them (logarithmic)", &legend)?;
    let panels = canvas.margin(HEAD, 10, 10, 24).split_evenly((2, 1));
    let end = samples.last().map_or(1.0, |sample| sample.at.as_secs_f64());
    connections(&panels[0], samples, end)?;
    memory(&panels[1], samples, end)?;
    canvas.present()?;
    Ok(())
}

fn connections(panel: &Canvas<'_>, samples: &[Sample], end: f64) -> Drawn {
    let open = |sample: &Sample| f64::from(u32::try_from(sample.open).unwrap_or(u32::MAX)) / 1e3;
    let most = samples.iter().map(open).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(panel)
        .x_label_area_size(36)
        .y_label_area_size(110)
        .build_cartesian_2d(0.0..end, 0.0..most * 1.08)?;
    chart
        .configure_mesh()
        .y_desc("thousand connections")
        .y_labels(6)
        .light_line_style(TRANSPARENT)
        .axis_desc_style(("sans-serif", LETTERS))
        .label_style(("sans-serif", LETTERS))
        .x_label_formatter(&|second| format!("{second:.0}"))
        .y_label_formatter(&|thousands| format!("{thousands:.0}"))
        .draw()?;
    let points = samples.iter().map(|sample| (sample.at.as_secs_f64(), open(sample)));
    chart.draw_series(LineSeries::new(points, OPEN.1.stroke_width(3)))?;
    Ok(())
}

fn memory(panel: &Canvas<'_>, samples: &[Sample], end: f64) -> Drawn {
    type Curve = (RGBColor, fn(&Sample) -> f64);
    let curves: [Curve; 3] = [
        (KERNEL.1, |sample| sample.kernel_bytes),
        (LOADS.1, |sample| sample.loads_bytes),
        (DAEMONS.1, |sample| sample.daemons_bytes),
    ];
    let most = samples.iter().flat_map(|sample| curves.iter().map(|curve| curve.1(sample) / 1e6));
    let most = most.fold(10.0, f64::max);
    let mut chart = ChartBuilder::on(panel)
        .x_label_area_size(60)
        .y_label_area_size(110)
        .build_cartesian_2d(0.0..end, (LEAST_MB..most * 1.5).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("seconds since the first load generator was started")
        .y_desc("MB")
        .light_line_style(TRANSPARENT)
        .axis_desc_style(("sans-serif", LETTERS))
        .label_style(("sans-serif", LETTERS))
        .x_label_formatter(&|second| format!("{second:.0}"))
        .y_label_formatter(&|mega| format!("{mega:.0}"))
        .draw()?;
    for (colour, bytes) in curves {
        let points = samples
            .iter()
            .map(|sample| (sample.at.as_secs_f64(), (bytes(sample) / 1e6).max(LEAST_MB)));
        chart.draw_series(LineSeries::new(points, colour.stroke_width(3)))?;
    }
    Ok(())
}
