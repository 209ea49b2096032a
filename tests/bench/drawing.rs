//! What all plots have in common: size, letters, colours, title and legend.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::{Color, DrawingArea, IntoFont, RGBColor, Rectangle, SVGBackend, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, TextStyle, WHITE};

use super::servers::{DAEMON, FLOOR};

/// What drawing may end with: plotters has an error type for each kind of picture.
pub(crate) type Drawn = Result<(), Box<dyn Error>>;

/// A picture, in pixels.
pub(crate) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Of every plot, in pixels.
pub(crate) const SIZE: (u32, u32) = (1400, 760);

/// Heights of letters; a page shows the picture at about half its size.
pub(crate) const LETTERS: i32 = 22;
pub(crate) const NAME_LETTERS: i32 = 18;
pub(crate) const SMALL_LETTERS: i32 = 16;
const TITLE_LETTERS: i32 = 32;

/// What the title and the legend take.
pub(crate) const HEAD: i32 = 112;

/// One entry of the legend after the other.
const LEGEND_STEP: usize = 150;

/// The daemon stands out, the floor is grey, and the rest can be told apart by people who confuse
/// red and green.
pub(crate) fn colour(server: &str) -> RGBColor {
    match server {
        DAEMON => RGBColor(213, 94, 0),
        FLOOR => RGBColor(110, 110, 110),
        "libuv" => RGBColor(0, 114, 178),
        "libevent" => RGBColor(86, 180, 233),
        "tokio" => RGBColor(0, 158, 115),
        "socat" => RGBColor(204, 121, 167),
        "ncat" => RGBColor(230, 159, 0),
        _ => RGBColor(190, 180, 20),
    }
}

/// Letters of that height, placed by a point of theirs.
pub(crate) fn letters(height: i32, across: HPos, down: VPos) -> TextStyle<'static> {
    ("sans-serif", height).into_font().color(&BLACK).pos(Pos::new(across, down))
}

/// White paper with a title and the names of the servers.
pub(crate) fn head(canvas: &Canvas<'_>, title: &str, servers: &[&'static str]) -> Drawn {
    canvas.fill(&WHITE)?;
    let style = letters(TITLE_LETTERS, HPos::Left, VPos::Top);
    canvas.draw(&Text::new(title.to_owned(), (24, 18), style))?;
    let (top, bottom) = (70, 70 + LETTERS);
    for (left, server) in (24..).step_by(LEGEND_STEP).zip(servers) {
        let square = [(left, top), (left + LETTERS, bottom)];
        canvas.draw(&Rectangle::new(square, colour(server).filled()))?;
        let style = letters(LETTERS, HPos::Left, VPos::Center);
        let place = (left + LETTERS + 8, i32::midpoint(top, bottom));
        canvas.draw(&Text::new((*server).to_owned(), place, style))?;
    }
    Ok(())
}
