//! The common parts of all plots: size, fonts, title and legend.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::{Color, DrawingArea, IntoFont, RGBColor, Rectangle, SVGBackend, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, TextStyle, WHITE};

/// The result of drawing: plotters has an error type for each backend.
pub(crate) type Drawn = Result<(), Box<dyn Error>>;

/// A picture, in pixels.
pub(crate) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The size of every plot, in pixels.
pub(crate) const SIZE: (u32, u32) = (1400, 760);

/// Font heights; a page shows the picture at about half its size.
pub(crate) const LETTERS: i32 = 22;
pub(crate) const NAME_LETTERS: i32 = 18;
pub(crate) const SMALL_LETTERS: i32 = 16;
const TITLE_LETTERS: i32 = 32;

/// The height of the title and the legend.
pub(crate) const HEAD: i32 = 112;

/// The horizontal distance of legend entries.
const LEGEND_STEP: usize = 150;

/// A text style of that height, positioned by the given anchor.
pub(crate) fn letters(height: i32, across: HPos, down: VPos) -> TextStyle<'static> {
    ("sans-serif", height).into_font().color(&BLACK).pos(Pos::new(across, down))
}

/// Fills the background, and draws the title and the legend.
pub(crate) fn head(canvas: &Canvas<'_>, title: &str, legend: &[(&str, RGBColor)]) -> Drawn {
    canvas.fill(&WHITE)?;
    let style = letters(TITLE_LETTERS, HPos::Left, VPos::Top);
    canvas.draw(&Text::new(title.to_owned(), (24, 18), style))?;
    let (top, bottom) = (70, 70 + LETTERS);
    for (left, (name, colour)) in (24..).step_by(LEGEND_STEP).zip(legend) {
        let square = [(left, top), (left + LETTERS, bottom)];
        canvas.draw(&Rectangle::new(square, colour.filled()))?;
        let style = letters(LETTERS, HPos::Left, VPos::Center);
        let place = (left + LETTERS + 8, i32::midpoint(top, bottom));
        canvas.draw(&Text::new((*name).to_owned(), place, style))?;
    }
    Ok(())
}
