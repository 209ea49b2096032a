//! A grouped bar chart with a label above each bar.

use std::path::Path;

use plotters::chart::ChartContext;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Cartesian2d, ChartBuilder, Color, IntoDrawingArea, PathElement, Rectangle, SVGBackend, Text,
};
use plotters::style::TRANSPARENT;
use plotters::style::text_anchor::{HPos, VPos};

use super::drawing::{
    Canvas, Drawn, HEAD, LETTERS, NAME_LETTERS, SIZE, SMALL_LETTERS, head, letters,
};
use super::servers::{FLOOR, colour, legend};

/// A group of bars, such as one case.
#[derive(Debug)]
pub(crate) struct Group {
    /// The label below the group.
    pub(crate) name: &'static str,
    /// Servers and their values.
    pub(crate) bars: Vec<(&'static str, f64)>,
}

impl Group {
    /// The width of the group, including its part of the gaps.
    fn place(&self) -> f64 {
        f64::from(u32::try_from(self.bars.len()).unwrap()) + GAP
    }
}

/// A bar chart.
#[derive(Debug)]
pub(crate) struct Bars {
    /// The title, which says whether more or less is better.
    pub(crate) title: &'static str,
    /// The quantity and its unit.
    pub(crate) axis: &'static str,
    pub(crate) groups: Vec<Group>,
    /// The height of a horizontal reference line behind the bars.
    pub(crate) line: Option<f64>,
    /// Formats a value.
    pub(crate) figure: fn(f64) -> String,
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The x axis counts bars. A chart of fewer bars keeps the bar width of this many.
const BARS_MIN: f64 = 5.0;

/// The gap between two groups.
const GAP: f64 = 1.0;

impl Bars {
    /// Writes the chart to a file, or nothing if it has no bars.
    pub(crate) fn draw(mut self, path: &Path) -> Drawn {
        self.groups.retain(|group| !group.bars.is_empty());
        let all = self.groups.iter().flat_map(|group| &group.bars);
        let highest = all.map(|bar| bar.1).fold(0.0, f64::max);
        if self.groups.is_empty() || highest <= 0.0 {
            return Ok(());
        }
        // Space for the label above the highest bar.
        let top = highest * 1.08;
        let canvas = SVGBackend::new(path, SIZE).into_drawing_area();
        head(&canvas, self.title, &legend(self.servers()))?;
        let places: Vec<_> = self.groups.iter().map(Group::place).collect();
        let count = places.iter().sum::<f64>().max(BARS_MIN);
        let mut chart = ChartBuilder::on(&canvas.margin(HEAD, 10, 10, 24))
            .x_label_area_size(46)
            .y_label_area_size(90)
            .build_cartesian_2d(0.0..count, 0.0..top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(0)
            .y_desc(self.axis)
            .y_label_formatter(&|figure| (self.figure)(*figure))
            .light_line_style(TRANSPARENT)
            .axis_desc_style(("sans-serif", LETTERS))
            .label_style(("sans-serif", LETTERS))
            .draw()?;
        if let Some(height) = self.line {
            let ends = vec![(0.0, height), (count, height)];
            chart.draw_series([PathElement::new(ends, colour(FLOOR).stroke_width(3))])?;
        }
        let mut left = 0.0;
        for (group, place) in self.groups.iter().zip(places) {
            self.draw_group(&canvas, &chart, left, group)?;
            left += place;
        }
        canvas.present()?;
        Ok(())
    }

    /// Draws the bars of a group side by side, starting at `left`.
    fn draw_group(
        &self,
        canvas: &Canvas<'_>,
        chart: &Chart<'_, '_>,
        left: f64,
        group: &Group,
    ) -> Drawn {
        let area = chart.plotting_area();
        let (middle, bottom) = area.map_coordinate(&(left + group.place() / 2.0, 0.0));
        let style = letters(NAME_LETTERS, HPos::Center, VPos::Top);
        canvas.draw(&Text::new(group.name.to_owned(), (middle, bottom + 10), style))?;
        for (bar, (server, figure)) in (0_u32..).map(f64::from).zip(&group.bars) {
            let from = left + GAP / 2.0 + bar;
            let to = from + 0.92;
            let bar = Rectangle::new([(from, 0.0), (to, *figure)], colour(server).filled());
            area.draw(&bar)?;
            let (middle, above) = area.map_coordinate(&(f64::midpoint(from, to), *figure));
            let style = letters(SMALL_LETTERS, HPos::Center, VPos::Bottom);
            canvas.draw(&Text::new((self.figure)(*figure), (middle, above - 3), style))?;
        }
        Ok(())
    }

    /// The servers with a bar, in order of appearance.
    fn servers(&self) -> Vec<&'static str> {
        let mut servers = Vec::new();
        for (server, _) in self.groups.iter().flat_map(|group| &group.bars) {
            if !servers.contains(server) {
                servers.push(*server);
            }
        }
        servers
    }
}
