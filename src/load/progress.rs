//! How a run is coming along, told on standard error while it lasts: a bar on a terminal, plain
//! lines elsewhere.
//!
//! Nobody waits for it. What standard error does not take at once is left out, because the lines
//! that are to be sent meanwhile would be late.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::os::stderr;

use super::config::{LoadConfig, StopAfter};
use super::report::{Interval, format};

/// The bar's length in steps; more than a terminal has columns.
const STEPS: u64 = 1000;

/// The bar, and the words beside it, cut where the terminal ends.
const TEMPLATE: &str = "[{bar:12}] {wide_msg}";

/// Up to which length of a run, in seconds, every second has its line.
const EVERY_SECOND_MAX: f64 = 20.0;

/// One line for each such part of a longer run, in steps: a tenth.
const PART: u64 = STEPS / 10;

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunState {
    /// How much of the load's time has passed, never more than there is.
    pub elapsed: Duration,
    /// Which part of the run is done, from 0 to 1.
    pub done: f64,
    pub activity: Activity,
}

/// What a run is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Activity {
    /// Connections are made and answered once; the load begins after that.
    Gathering { answered: usize, of: usize },
    /// Lines go there and back.
    Running,
    /// Its time is over, and so many lines, or connections, are waited for, that long at most.
    Waiting { lines: u64, connections: usize, left: Duration },
}

/// What is told, and how.
#[derive(Debug)]
pub(super) struct Progress {
    output: ProgressOutput,
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
enum ProgressOutput {
    Bar(ProgressBar),
    Lines,
    Silent,
}

impl Progress {
    /// Tells nothing yet.
    pub(super) fn new(config: &LoadConfig) -> Self {
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        let voice = match () {
            () if !config.progress => ProgressOutput::Silent,
            // It is hidden where it can't be drawn: on a pipe, in a file, on a dumb terminal.
            () if bar.is_hidden() => ProgressOutput::Lines,
            () => ProgressOutput::Bar(bar.with_style(style())),
        };
        Self::with_voice(voice, config)
    }

    fn with_voice(voice: ProgressOutput, config: &LoadConfig) -> Self {
        let total = match config.stop_after {
            StopAfter::Time(time) => {
                Some(config.ramp.saturating_add(config.warmup).saturating_add(time))
            }
            StopAfter::Lines(_) => None,
        };
        Self { output: voice, total, part: None, before_s: 0.0, errors: 0 }
    }

    /// A second has passed, and so far is the run.
    pub(super) fn second(&mut self, second: &Interval, standing: &RunState) {
        let line = self.line(second, standing);
        if !stderr::is_writable() {
            return;
        }
        match &self.output {
            ProgressOutput::Bar(bar) => {
                bar.set_message(line.text);
                bar.set_position(steps(standing.done));
            }
            ProgressOutput::Lines if line.due => say(&line.text),
            ProgressOutput::Lines | ProgressOutput::Silent => {}
        }
    }

    /// Says what the user has to know, also if no progress is told.
    pub(super) fn note(&self, text: &str) {
        if !stderr::is_writable() {
            return;
        }
        match &self.output {
            // The bar is taken away for that, and drawn again below.
            ProgressOutput::Bar(bar) => bar.suspend(|| say(text)),
            ProgressOutput::Lines | ProgressOutput::Silent => say(text),
        }
    }

    /// Takes the bar away, so that the report stands alone.
    pub(super) fn end(&mut self) {
        if let ProgressOutput::Bar(bar) =
            std::mem::replace(&mut self.output, ProgressOutput::Silent)
        {
            if !stderr::is_writable() {
                // It would be drawn once more when it goes out of scope.
                bar.set_draw_target(ProgressDrawTarget::hidden());
            }
            bar.finish_and_clear();
        }
    }

    /// What there is to say about a second, and whether a line of its own is due.
    fn line(&mut self, second: &Interval, standing: &RunState) -> ProgressLine {
        let length = (second.at_s - self.before_s).max(0.001);
        self.before_s = second.at_s;
        self.errors += second.errors;
        let errors = format::counted(self.errors, "error");
        let of = self.total.map_or_else(
            || format!("({:.0} %)", 100.0 * standing.done),
            |total| format!("of {:.0} s", total.as_secs_f64()),
        );
        let time = format!("{:.0} s {of}", standing.elapsed.as_secs_f64());
        match standing.activity {
            // Both are waits of unknown length, and each second of them has its line.
            Activity::Gathering { answered, of } => {
                let (answered, of) = (plain(answered), plain(of));
                let text = format!(
                    "{:.0} s before the load begins, {answered} of {of} connections have been \
                     answered, {errors}",
                    second.at_s
                );
                ProgressLine { text, due: true }
            }
            Activity::Waiting { lines, connections, left } => {
                let what = match lines {
                    0 => format!("{} connections to end", plain(connections)),
                    lines => format::counted(lines, "line"),
                };
                let left = left.as_secs_f64().ceil();
                let text = format!("{time}, waiting for {what}, for {left} s at most, {errors}");
                ProgressLine { text, due: true }
            }
            Activity::Running => {
                let text = format!(
                    "{time}, {} lines/s, p99 {}, {} open, {errors}",
                    format::rate(format::float(second.lines) / length),
                    p99(second),
                    format::count(second.open),
                );
                ProgressLine { text, due: self.is_due(standing.done) }
            }
        }
    }

    /// Whether a second of the load has a line of its own.
    fn is_due(&mut self, done: f64) -> bool {
        let short = self.total.is_some_and(|total| total.as_secs_f64() <= EVERY_SECOND_MAX);
        let part = Some(steps(done) / PART);
        let due = short || part > self.part;
        self.part = part;
        due
    }
}

/// The p99 of a second, if there was anything in it.
fn p99(second: &Interval) -> String {
    match second.p99_us {
        Some(time) => format::time(time),
        None if second.unanswered > 0 => "lost".to_owned(),
        None => "-".to_owned(),
    }
}

fn plain(count: usize) -> String {
    format::count(u64::try_from(count).unwrap_or(u64::MAX))
}

/// However the run ends.
impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// What is said about a second.
#[derive(Debug)]
struct ProgressLine {
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
    stderr::try_write(format!("tcpecho-load: {text}\n").as_bytes());
}

#[cfg(test)]
mod tests;
