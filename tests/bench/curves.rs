//! A plot of curves over named positions, on a logarithmic axis.

use std::path::Path;

use plotters::prelude::{
    ChartBuilder, Circle, Color, IntoDrawingArea, IntoLogRange, LineSeries, SVGBackend, Text,
};
use plotters::style::TRANSPARENT;
use plotters::style::text_anchor::{HPos, VPos};

use super::drawing::{Drawn, HEAD, LETTERS, SIZE, head, letters};
use super::servers::{colour, legend};
use super::table::number;

/// The curve of one server.
#[derive(Debug)]
pub(crate) struct Curve {
    /// The server.
    pub(crate) name: &'static str,
    /// One value per position.
    pub(crate) points: Vec<f64>,
}

/// A plot of curves.
#[derive(Debug)]
pub(crate) struct Curves {
    /// The title, which says whether more or less is better.
    pub(crate) title: &'static str,
    /// The quantity and its unit.
    pub(crate) axis: &'static str,
    /// The labels of the positions, from left to right.
    pub(crate) places: &'static [&'static str],
    pub(crate) servers: Vec<Curve>,
}

impl Curves {
    /// Writes the plot to a file, or nothing if it has no curves.
    pub(crate) fn draw(&self, path: &Path) -> Drawn {
        let all = self.servers.iter().flat_map(|curve| curve.points.iter().copied());
        let (least, most) = (all.clone().fold(f64::INFINITY, f64::min), all.fold(0.0, f64::max));
        if self.servers.is_empty() || least <= 0.0 {
            return Ok(());
        }
        let canvas = SVGBackend::new(path, SIZE).into_drawing_area();
        let names = self.servers.iter().map(|curve| curve.name);
        head(&canvas, self.title, &legend(names))?;
        // Half a position of space on either side, so that no point lies on the frame.
        let right = f64::from(u32::try_from(self.places.len())?) - 0.5;
        let mut chart = ChartBuilder::on(&canvas.margin(HEAD, 10, 10, 24))
            .x_label_area_size(46)
            .y_label_area_size(110)
            .build_cartesian_2d(-0.5..right, (least / 1.5..most * 1.5).log_scale())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(0)
            .y_desc(self.axis)
            .y_label_formatter(&|value| number(*value))
            .light_line_style(TRANSPARENT)
            .axis_desc_style(("sans-serif", LETTERS))
            .label_style(("sans-serif", LETTERS))
            .draw()?;
        for (across, place) in (0_u32..).map(f64::from).zip(self.places) {
            let (left, _) = chart.plotting_area().map_coordinate(&(across, least));
            // The axis begins below the lowest point, where the labels belong.
            let (_, down) = chart.plotting_area().get_pixel_range();
            let style = letters(LETTERS, HPos::Center, VPos::Top);
            canvas.draw(&Text::new((*place).to_owned(), (left, down.end + 10), style))?;
        }
        for curve in &self.servers {
            let points = (0_u32..).map(f64::from).zip(curve.points.iter().copied());
            let line = colour(curve.name).stroke_width(3);
            chart.draw_series(LineSeries::new(points.clone(), line))?;
            let dot = colour(curve.name).filled();
            chart.draw_series(points.map(|point| Circle::new(point, 6, dot)))?;
        }
        canvas.present()?;
        Ok(())
    }
}
