//! The status line, which SIGUSR1 logs.

use log::kv::{ToValue, Value};
use log::{Level, Record};

use crate::cause::Cause;
use crate::connection::PhaseKind;
use crate::reactor::{FaultCounts, Os, Reactor};

use super::LogSink;

/// Logs all counts in one line: connections by phase, children, accepted connections, bytes and
/// lines with those of open connections, the listeners' state, and the causes and `accept` errors
/// that have occurred.
pub(super) fn log<O: Os>(reactor: &Reactor<O>, faults: &FaultCounts) {
    if Level::Info > log::max_level() {
        return;
    }
    let (phases, mut traffic) = reactor.snapshot();
    let counters = reactor.counters();
    traffic.add(counters.traffic);
    let listener_state = reactor.listener_state();
    let causes = Cause::ALL.map(|cause| (cause.word(), counters.of(cause)));

    let mut pairs: Vec<(&str, Value<'_>)> = Vec::new();
    for (kind, count) in PhaseKind::ALIVE.iter().zip(&phases) {
        pairs.push((kind.name(), count.to_value()));
    }
    pairs.extend([
        ("children", Value::from(reactor.children())),
        ("accepted", counters.accepted.into()),
        ("closed", counters.closed_total().into()),
        ("bytes_in", traffic.bytes_in.into()),
        ("bytes_out", traffic.bytes_out.into()),
        ("lines", traffic.lines.into()),
        ("listener_state", listener_state.into()),
        ("accept_pauses", counters.pauses.into()),
        ("log_dropped", LogSink::dropped().into()),
    ]);
    let occurred = causes.iter().filter(|(_, count)| *count > 0);
    pairs.extend(occurred.map(|(word, count)| (*word, count.to_value())));
    let errors = counters.accept_errors.iter();
    pairs.extend(errors.map(|(errno, count)| (errno.as_str(), count.to_value())));

    let faults: Vec<_> =
        faults.by_name().map(|(kind, count)| (format!("fault_{kind}"), count)).collect();
    pairs.extend(faults.iter().map(|(name, count)| (name.as_str(), count.to_value())));

    // The macros take only pairs whose names are known when they are compiled.
    let mut record = Record::builder();
    record.level(Level::Info).target(module_path!()).module_path_static(Some(module_path!()));
    let record = record.args(format_args!("status")).key_values(&pairs);
    log::logger().log(&record.build());
}
