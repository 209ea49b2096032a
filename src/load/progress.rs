//! Shows the progress of a run on standard error: a bar on a terminal, plain lines elsewhere.
//!
//! Output never blocks: while standard error is not writable it is dropped, because waiting would
//! delay the lines to be sent.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::num;
use crate::os::stderr;

use super::config::{LoadConfig, StopAfter};
use super::engine::interval::Interval;
use super::report::format;

/// The bar's length in steps; more than a terminal has columns.
const STEPS: u64 = 1000;

/// The bar and the text beside it, cut at the terminal's edge.
const TEMPLATE: &str = "[{bar:12}] {wide_msg}";

/// Longest run, in seconds, that prints a line for every second.
const EVERY_SECOND_MAX: f64 = 20.0;

/// A longer run prints a line for each tenth; here in steps.
const PART: u64 = STEPS / 10;

/// The progress of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunState {
    /// Elapsed part of the load's time, at most all of it.
    pub elapsed: Duration,
    /// Completed share of the run, from 0 to 1.
    pub done: f64,
    pub activity: Activity,
}

/// The current activity of a run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Activity {
    /// Before the load: connections are made and answered once.
    Connecting { answered: usize, of: usize },
    /// Lines are sent and echoed.
    Running,
    /// The time is over: the run waits for that many lines, or connections, for at most `left`.
    Waiting { lines: u64, connections: usize, left: Duration },
}

/// The progress display.
#[derive(Debug)]
pub(super) struct Progress {
    output: ProgressOutput,
    /// Time from the first connect to the end of measuring, if known.
    total: Option<Duration>,
    /// The tenth of the run in which the last line was printed.
    part: Option<u64>,
    /// End of the last interval, since the start of the run.
    before_s: f64,
    /// Errors so far.
    errors: u64,
}

#[derive(Debug)]
enum ProgressOutput {
    Bar(ProgressBar),
    Lines,
    Silent,
}

impl Progress {
    /// Creates the display, and prints nothing yet.
    pub(super) fn new(config: &LoadConfig) -> Self {
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        // The bar is hidden where it can't be drawn: on a pipe, in a file, on a dumb terminal.
        let output = if !config.progress {
            ProgressOutput::Silent
        } else if bar.is_hidden() {
            ProgressOutput::Lines
        } else {
            ProgressOutput::Bar(bar.with_style(style()))
        };
        Self::with_output(output, config)
    }

    fn with_output(output: ProgressOutput, config: &LoadConfig) -> Self {
        let total = match config.stop_after {
            StopAfter::Time(time) => {
                Some(config.ramp.saturating_add(config.warmup).saturating_add(time))
            }
            StopAfter::Lines(_) => None,
        };
        Self { output, total, part: None, before_s: 0.0, errors: 0 }
    }

    /// Shows the interval that has ended.
    pub(super) fn interval(&mut self, interval: &Interval, state: &RunState) {
        let line = self.line(interval, state);
        if !stderr::is_writable() {
            return;
        }
        match &self.output {
            ProgressOutput::Bar(bar) => {
                bar.set_message(line.text);
                bar.set_position(steps(state.done));
            }
            ProgressOutput::Lines if line.due => say(&line.text),
            ProgressOutput::Lines | ProgressOutput::Silent => {}
        }
    }

    /// Prints a note for the user, even with progress off.
    pub(super) fn note(&self, text: &str) {
        if !stderr::is_writable() {
            return;
        }
        match &self.output {
            // Removes the bar for the note, and redraws it below.
            ProgressOutput::Bar(bar) => bar.suspend(|| say(text)),
            ProgressOutput::Lines | ProgressOutput::Silent => say(text),
        }
    }

    /// Removes the bar, so that the report stands alone.
    pub(super) fn end(&mut self) {
        if let ProgressOutput::Bar(bar) =
            std::mem::replace(&mut self.output, ProgressOutput::Silent)
        {
            if !stderr::is_writable() {
                // Dropping the bar would draw it once more.
                bar.set_draw_target(ProgressDrawTarget::hidden());
            }
            bar.finish_and_clear();
        }
    }

    /// Formats an interval, and decides whether it prints a line of its own.
    fn line(&mut self, interval: &Interval, state: &RunState) -> ProgressLine {
        let length = (interval.at_s - self.before_s).max(0.001);
        self.before_s = interval.at_s;
        self.errors += interval.errors;
        let errors = format::counted(self.errors, "error");
        let of = self.total.map_or_else(
            || format!("({:.0} %)", 100.0 * state.done),
            |total| format!("of {:.0} s", total.as_secs_f64()),
        );
        let time = format!("{:.0} s {of}", state.elapsed.as_secs_f64());
        match state.activity {
            // Both waits have an unknown length, so each of their seconds prints a line.
            Activity::Connecting { answered, of } => {
                let (answered, of) = (plain(answered), plain(of));
                let text = format!(
                    "{:.0} s before the load begins, {answered} of {of} connections have been \
                     answered, {errors}",
                    interval.at_s
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
                    format::rate(num::to_f64(interval.lines) / length),
                    p99(interval),
                    format::count(interval.open),
                );
                ProgressLine { text, due: self.is_due(state.done) }
            }
        }
    }

    /// True if a second of the load prints a line of its own.
    fn is_due(&mut self, done: f64) -> bool {
        let short = self.total.is_some_and(|total| total.as_secs_f64() <= EVERY_SECOND_MAX);
        let part = Some(steps(done) / PART);
        let due = short || part > self.part;
        self.part = part;
        due
    }
}

/// Formats the p99 of an interval.
fn p99(interval: &Interval) -> String {
    match interval.p99_us {
        Some(time) => format::time(time),
        None if interval.unanswered > 0 => "lost".to_owned(),
        None => "-".to_owned(),
    }
}

fn plain(count: usize) -> String {
    format::count(num::to_u64(count))
}

/// Removes the bar however the run ends.
impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// The text for an interval.
#[derive(Debug)]
struct ProgressLine {
    text: String,
    /// True if it prints a line of its own where there is no bar.
    due: bool,
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(TEMPLATE)
        .map_or_else(|_invalid| ProgressStyle::default_bar(), |style| style.progress_chars("=> "))
}

/// Converts a share of the run to steps of the bar.
fn steps(done: f64) -> u64 {
    // Through a duration, which rounds and rejects negative numbers.
    Duration::try_from_secs_f64(done.min(1.0))
        .map_or(0, |done| u64::try_from(done.as_millis()).unwrap_or(STEPS))
}

/// Writes the line in one call, so that no other program's output interleaves, or drops it.
fn say(text: &str) {
    stderr::try_write(format!("tcpecho-load: {text}\n").as_bytes());
}

#[cfg(test)]
mod tests;
