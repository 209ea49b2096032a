//! The outcome of a run, and why it is not a success.

use super::config::LoadConfig;
use super::distribution::Distributions;
use super::report::{Report, lost_or_failed};
use crate::load::report::threshold::{Threshold, ThresholdResult};

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Success.
    Passed,
    /// Thresholds of `--fail-if` that hold, each in a sentence.
    ThresholdCrossed(Vec<String>),
    /// Wrong bytes, or nothing measured.
    Failed(String),
    /// Unanswered lines, or failed connections.
    Lost(String),
    /// A signal ended the run early.
    Interrupted,
}

/// Decides the outcome, in this order: interrupted; no connection at all; a `--fail-if` threshold;
/// wrong bytes; losses, unless allowed or covered by a threshold; nothing received.
pub(super) fn of(config: &LoadConfig, report: &Report, times: &Distributions) -> Outcome {
    if report.interrupted {
        return Outcome::Interrupted;
    }
    if report.connections.established == 0 {
        let errors: Vec<_> =
            report.errors.keys().chain(report.local_errors.keys()).cloned().collect();
        return Outcome::Failed(format!(
            "{}: no connection to {}",
            errors.join(", "),
            report.server
        ));
    }
    let (mut crossed, mut unmeasured) = (Vec::new(), None);
    for threshold in &config.fail_if {
        match threshold.check(report, times) {
            ThresholdResult::Holds(value) => crossed.push(format!("{threshold}: it was {value}")),
            ThresholdResult::No => {}
            ThresholdResult::NotMeasured => unmeasured = Some(threshold),
        }
    }
    if !crossed.is_empty() {
        return Outcome::ThresholdCrossed(crossed);
    }
    if let Some(threshold) = unmeasured {
        return Outcome::Failed(format!("{threshold}: that was not measured"));
    }
    if report.mismatches > 0 {
        return Outcome::Failed(format!("{} connections had wrong bytes", report.mismatches));
    }
    if let Some(lost) = lost_or_failed(report) {
        let covered = config.fail_if.iter().any(Threshold::is_about_loss);
        return if config.allow_errors || covered { Outcome::Passed } else { Outcome::Lost(lost) };
    }
    if report.lines_total == 0 && report.transactions_total == 0 {
        return Outcome::Failed(format!("nothing came back from {}", report.server));
    }
    Outcome::Passed
}
