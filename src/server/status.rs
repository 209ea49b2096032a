//! The status, as SIGUSR1 has it logged.

use log::kv::{ToValue, Value};
use log::{Level, Record};

use crate::cause::Cause;
use crate::connection::PhaseKind;
use crate::reactor::{Os, Reactor};

use super::LogSink;

/// Logs everything that is counted, in one line: connections by phase, children, what has been
/// accepted, bytes and lines both ways with those of open connections, the gate, and of causes and
/// `accept` errors those that have occurred.
pub(super) fn log<K: Os>(reactor: &Reactor<K>) {
    if Level::Info > log::max_level() {
        return;
    }
    let (phases, mut traffic) = reactor.snapshot();
    let counters = reactor.counters();
    traffic.add(counters.traffic);
    let gate = reactor.listener_state();
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
        ("listener_state", gate.into()),
        ("accept_pauses", counters.pauses.into()),
        ("log_dropped", LogSink::dropped().into()),
    ]);
    let occurred = causes.iter().filter(|(_, count)| *count > 0);
    pairs.extend(occurred.map(|(word, count)| (*word, count.to_value())));
    let errors = counters.accept_errors.iter();
    pairs.extend(errors.map(|(errno, count)| (errno.as_str(), count.to_value())));

    let mischief = reactor.injected_faults();
    let mischief: Vec<_> =
        mischief.iter().map(|(kind, count)| (format!("fault_{kind}"), count)).collect();
    pairs.extend(mischief.iter().map(|(name, count)| (name.as_str(), count.to_value())));

    // The macros take only pairs whose names are known when they are compiled.
    let mut record = Record::builder();
    record.level(Level::Info).target(module_path!()).module_path_static(Some(module_path!()));
    let record = record.args(format_args!("status")).key_values(&pairs);
    log::logger().log(&record.build());
}
