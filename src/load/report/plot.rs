//! The run as an SVG image: latency by percentile, and the run over time.

mod percentiles;
mod timeline;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{Distribution, Report};

/// A part of the image.
type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Size of both panels together, in pixels.
const SIZE: (u32, u32) = (1000, 800);

/// Font family and size in pixels; every viewer has some font of this family.
const TITLE_FONT: (&str, u32) = ("sans-serif", 18);
const FONT: (&str, u32) = ("sans-serif", 14);

/// Colours that differ in greyscale and to colour-blind readers (Okabe and Ito, 2008).
const RATE: RGBColor = RGBColor(0, 114, 178);
const LATENCY: RGBColor = RGBColor(213, 94, 0);
const SHADE: RGBColor = RGBColor(235, 235, 235);
const GRID: RGBColor = RGBColor(215, 215, 215);

/// Space around a panel, and for the labels of each axis, in pixels. The y axes of both panels are
/// aligned.
const MARGIN: u32 = 15;
const X_AXIS: u32 = 45;
const Y_AXIS: u32 = 75;

/// Draws both panels, and returns the text of an SVG file.
///
/// # Errors
///
/// Fails if drawing fails; drawing to memory should not.
pub fn plot(report: &Report, latency: &Distribution) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        // Dropping the drawing area completes the text.
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (upper, lower) = root.split_vertically(SIZE.1 / 2);
        percentiles::draw(&upper, report, latency)?;
        timeline::draw(&lower, &report.seconds)?;
        root.present()?;
    }
    Ok(svg)
}

/// Returns the end of an axis on which `most` lies at `part` of its length.
fn end_of_axis(most: f64, part: f64) -> f64 {
    if most > 0.0 { most / part } else { 1.0 }
}

/// Formats a number without trailing zeros.
fn plain(value: f64) -> String {
    let digits = format!("{value:.3}");
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use crate::load::report::sample;

    use super::*;

    #[test]
    fn it_is_a_picture_with_both_panels_and_their_units() {
        let svg = plot(&sample::report(), &Distribution::new(sample::latency(), 0)).unwrap();
        assert!(svg.starts_with("<svg width=\"1000\" height=\"800\""), "{svg}");
        assert!(svg.trim_end().ends_with("</svg>"), "{svg}");
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        for words in [
            "Latency by percentile: 127.0.0.1:9877, mode echo, closed loop, 100,000 measured",
            "latency in ms",
            "lines that took no longer (the axis is logarithmic towards 100 %)",
            "99.9 %",
            "p99 2.20 ms",
            "max 17.4 ms",
            "Lines a second (blue, left), and the p99 of each second (orange, right)",
            "lines a second",
            "p99 in ms",
            "seconds since the beginning (grey: not measured)",
        ] {
            let there = svg.lines().any(|line| line.trim() == words);
            assert!(there, "{words}\n{svg}");
        }
    }

    #[test]
    fn nothing_measured_is_a_picture_too() {
        let report = Report { seconds: Vec::new(), ..sample::nothing() };
        for report in [report, sample::nothing()] {
            let svg = plot(&report, &Distribution::new(Histogram::new(3).unwrap(), 0)).unwrap();
            assert!(svg.contains("0 measured") && !svg.contains("NaN"), "{svg}");
        }
    }

    #[test]
    fn numbers_on_an_axis_are_plain() {
        for (value, text) in [(0.0, "0"), (0.1 + 0.2, "0.3"), (12.0, "12"), (100.0, "100")] {
            assert_eq!(plain(value), text);
        }
    }
}
