//! Builds the report from the results.

use std::time::Duration;

use crate::net::endpoint::Endpoint;
use crate::num;

use crate::load::config::{Close, LoadConfig, StopAfter};
use crate::load::engine::results::Results;
use crate::load::report::{Connections, Distributions, Report, Settings};

/// Builds the report of a run that was measured for `measured`.
pub(in crate::load) fn report(
    config: &LoadConfig,
    server: &Endpoint,
    results: &Results,
    distributions: &Distributions,
    measured: Duration,
) -> Report {
    let seconds = measured.as_secs_f64();
    let a_second = |count| if seconds > 0.0 { num::to_f64(count) / seconds } else { 0.0 };
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        server: server.to_string(),
        mode: config.mode.name().to_owned(),
        feedback: if config.rate.is_some() { "open" } else { "closed" }.to_owned(),
        connections: Connections {
            attempted: results.attempted,
            established: results.established,
            failed: results.errors(),
        },
        lines: results.measured.lines,
        lines_after: results.after.lines,
        lines_total: results.total.lines,
        lines_per_s: a_second(results.measured.lines),
        bytes: results.measured.bytes,
        bytes_total: results.total.bytes,
        bytes_per_s: a_second(results.measured.bytes),
        transactions: results.measured.transactions,
        transactions_total: results.total.transactions,
        duration_s: seconds,
        latency_us: distributions.latency.percentiles(),
        answered_share: distributions.latency.answers.share(),
        connect_us: distributions.connect.percentiles(),
        late_us: distributions.late.percentiles(),
        errors: std::collections::BTreeMap::new(),
        errors_by_phase: std::collections::BTreeMap::new(),
        mismatches: results.mismatches,
        first_mismatches: results.first_mismatches.clone(),
        greeting: results.greeting.clone(),
        unanswered: results.unanswered,
        unsent: results.unsent,
        held_verified: results.held_verified,
        local_errors: results.local_errors.clone(),
        paused_s: results.paused.as_secs_f64(),
        interrupted: results.interrupted,
        seconds: results.seconds.clone(),
        settings: settings(config),
    };
    for (error, count) in &results.errors {
        let word = error.word().to_owned();
        *report.errors.entry(word.clone()).or_default() += count;
        let phase = report.errors_by_phase.entry(error.phase.name().to_owned()).or_default();
        *phase.entry(word).or_default() += count;
    }
    report
}

fn settings(config: &LoadConfig) -> Settings {
    let count = |number: usize| num::to_u64(number);
    let (duration_s, lines) = match config.stop_after {
        StopAfter::Time(time) => (Some(time.as_secs_f64()), None),
        StopAfter::Lines(lines) => (None, Some(lines)),
    };
    Settings {
        connections: count(config.connections),
        duration_s,
        lines,
        rate: config.rate,
        size_min: count(config.size.min),
        size_max: count(config.size.max),
        pipeline: count(config.pipeline),
        ramp_s: config.ramp.as_secs_f64(),
        warmup_s: config.warmup.as_secs_f64(),
        verify_held: count(config.verify_held),
        close: match config.close {
            Close::Fin => "fin",
            Close::Rst => "rst",
        }
        .to_owned(),
        sources: config.socket.sources.iter().map(ToString::to_string).collect(),
        send_proxy: config.send_proxy.map(|version| version.name().to_owned()),
        skip_greeting: config.skip_greeting,
        seed: config.seed,
        timeout_s: config.timeout.as_secs_f64(),
    }
}
