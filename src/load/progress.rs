//! How a run is coming along, told on standard error while it lasts: a bar on a terminal, plain
//! lines elsewhere.
//!
//! Nobody waits for it. What standard error does not take at once is left out, because the lines
//! that are to be sent meanwhile would be late.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::stderr;

use super::config::{Config, Until};
use super::report::{Second, figures};

/// The bar's length in steps; more than a terminal has columns.
const STEPS: u64 = 1000;

/// The bar, and the words beside it, cut where the terminal ends.
const TEMPLATE: &str = "[{bar:12}] {wide_msg}";

/// Up to which length of a run, in seconds, every second has its line.
const EVERY_SECOND_MAX: f64 = 20.0;

/// One line for each such part of a longer run, in steps: a tenth.
const PART: u64 = STEPS / 10;

/// What is told, and how.
#[derive(Debug)]
pub(super) struct Progress {
    voice: Voice,
    /// How long it takes, from the first connect to the end of measuring, if that is known.
    total: Option<Duration>,
    /// The part of the run that the last line was about.
    part: Option<u64>,
    /// When the last second ended, since the run began.
    before_s: f64,
    /// What went wrong so far.
    errors: u64,
}

#[derive(Debug)]
enum Voice {
    Bar(ProgressBar),
    Lines,
    Silent,
}

impl Progress {
    /// Tells nothing yet.
    pub(super) fn new(config: &Config) -> Self {
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        let voice = match () {
            () if !config.progress => Voice::Silent,
            // It is hidden where it can't be drawn: on a pipe, in a file, on a dumb terminal.
            () if bar.is_hidden() => Voice::Lines,
            () => Voice::Bar(bar.with_style(style())),
        };
        Self::with_voice(voice, config)
    }

    fn with_voice(voice: Voice, config: &Config) -> Self {
        let total = match config.until {
            Until::Time(time) => {
                Some(config.ramp.saturating_add(config.warmup).saturating_add(time))
            }
            Until::Lines(_) => None,
        };
        Self { voice, total, part: None, before_s: 0.0, errors: 0 }
    }

    /// A second has passed, and that part of the run (0 to 1) is done.
    pub(super) fn second(&mut self, second: &Second, done: f64) {
        let line = self.line(second, done);
        if !stderr::is_writable() {
            return;
        }
        match &self.voice {
            Voice::Bar(bar) => {
                bar.set_message(line.text);
                bar.set_position(steps(done));
            }
            Voice::Lines if line.due => say(&line.text),
            Voice::Lines | Voice::Silent => {}
        }
    }

    /// Says what the user has to know, also if no progress is told.
    pub(super) fn note(&self, text: &str) {
        if !stderr::is_writable() {
            return;
        }
        match &self.voice {
            // The bar is taken away for that, and drawn again below.
            Voice::Bar(bar) => bar.suspend(|| say(text)),
            Voice::Lines | Voice::Silent => say(text),
        }
    }

    /// Takes the bar away, so that the report stands alone.
    pub(super) fn end(&mut self) {
        if let Voice::Bar(bar) = std::mem::replace(&mut self.voice, Voice::Silent) {
            if !stderr::is_writable() {
                // It would be drawn once more when it goes out of scope.
                bar.set_draw_target(ProgressDrawTarget::hidden());
            }
            bar.finish_and_clear();
        }
    }

    /// What there is to say about a second, and whether a line of its own is due.
    fn line(&mut self, second: &Second, done: f64) -> Line {
        let length = (second.at_s - self.before_s).max(0.001);
        self.before_s = second.at_s;
        self.errors += second.errors;
        let short = self.total.is_some_and(|total| total.as_secs_f64() <= EVERY_SECOND_MAX);
        let part = Some(steps(done) / PART);
        let due = short || part > self.part;
        self.part = part;
        let of = self.total.map_or_else(
            || format!("({:.0} %)", 100.0 * done),
            |total| format!("of {:.0} s", total.as_secs_f64()),
        );
        let text = format!(
            "{:.0} s {of}, {} lines/s, p99 {}, {} open, {}",
            second.at_s,
            figures::rate(figures::float(second.lines) / length),
            second.p99_us.map_or_else(|| "-".to_owned(), figures::time),
            figures::count(second.open),
            figures::counted(self.errors, "error")
        );
        Line { text, due }
    }
}

/// However the run ends.
impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// What is said about a second.
#[derive(Debug)]
struct Line {
    text: String,
    /// Whether it has a line of its own where there is no bar.
    due: bool,
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(TEMPLATE)
        .map_or_else(|_invalid| ProgressStyle::default_bar(), |style| style.progress_chars("=> "))
}

/// That part of the run in steps of the bar.
fn steps(done: f64) -> u64 {
    // By way of a duration: it rounds, and takes what is no number for none.
    Duration::try_from_secs_f64(done.min(1.0))
        .map_or(0, |done| u64::try_from(done.as_millis()).unwrap_or(STEPS))
}

/// Says it in one piece, so that no other program's line comes in between, or not at all.
fn say(text: &str) {
    stderr::offer(format!("tcpecho-load: {text}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use crate::client::{Family, Server};
    use crate::load::config::{Close, Format, Mode, Size};

    use super::*;

    const SECOND: Second = Second {
        at_s: 1.0,
        lines: 51_234,
        open: 50,
        errors: 0,
        unanswered: 0,
        p50_us: Some(800.0),
        p99_us: Some(1930.0),
        measured: true,
    };

    fn progress(until: Until) -> Progress {
        let second = Duration::from_secs(1);
        let config = Config {
            server: Server::Host { name: "localhost".to_owned(), port: 9877, family: Family::Any },
            connections: 50,
            until,
            rate: None,
            size: Size { min: 64, max: 64 },
            pipeline: 1,
            ramp: Duration::ZERO,
            warmup: second,
            mode: Mode::Echo,
            again: 0,
            close: Close::Fin,
            sources: Vec::new(),
            send_proxy: None,
            seed: 1,
            timeout: second,
            format: Format::Text,
            output: None,
            #[cfg(feature = "plot")]
            plot: None,
            hdr: None,
            fail_if: Vec::new(),
            allow_errors: false,
            progress: true,
        };
        Progress::with_voice(Voice::Silent, &config)
    }

    /// After which seconds of a run a line is due.
    fn due(mut progress: Progress, seconds: u32) -> Vec<u32> {
        let mut due = |at: u32| {
            let second = Second { at_s: f64::from(at), ..SECOND };
            progress.line(&second, f64::from(at) / f64::from(seconds)).due
        };
        (1..=seconds).filter(|at| due(*at)).collect()
    }

    #[test]
    fn a_short_run_is_told_by_the_second_and_a_long_one_by_the_tenth() {
        let time = |seconds| progress(Until::Time(Duration::from_secs(seconds)));
        assert_eq!(due(time(10), 11), (1..=11).collect::<Vec<_>>());
        // The first at once, to show that it runs.
        assert_eq!(due(time(99), 100), [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
        assert_eq!(due(progress(Until::Lines(1000)), 25).len(), 11);
        assert_eq!(due(progress(Until::Lines(1000)), 3), [1, 2, 3], "at most one a second");
    }

    #[test]
    fn a_line_tells_the_last_second_and_all_errors() {
        let mut progress = progress(Until::Time(Duration::from_secs(10)));
        let line = progress.line(&SECOND, 0.1);
        assert_eq!(line.text, "1 s of 11 s, 51,234 lines/s, p99 1.93 ms, 50 open, 0 errors");
        let second = Second { at_s: 1.5, errors: 1, lines: 0, p99_us: None, ..SECOND };
        let line = progress.line(&second, 0.14);
        assert_eq!(line.text, "2 s of 11 s, 0 lines/s, p99 -, 50 open, 1 error");
        let second = Second { at_s: 2.0, errors: 2, lines: 50, ..SECOND };
        let line = progress.line(&second, 0.2);
        assert_eq!(line.text, "2 s of 11 s, 100 lines/s, p99 1.93 ms, 50 open, 3 errors");
    }

    #[test]
    fn a_run_of_unknown_length_is_told_in_percent() {
        let line = progress(Until::Lines(1000)).line(&SECOND, 0.254);
        assert_eq!(line.text, "1 s (25 %), 51,234 lines/s, p99 1.93 ms, 50 open, 0 errors");
    }

    #[test]
    fn the_bar_takes_every_number() {
        for (done, expected) in
            [(0.0, 0), (0.5, 500), (1.0, STEPS), (7.0, STEPS), (-1.0, 0), (f64::NAN, STEPS)]
        {
            assert_eq!(steps(done), expected, "{done}");
        }
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
