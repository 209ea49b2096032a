//! The metrics, as OpenMetrics text.

mod formats;
mod histograms;
mod listeners;
mod process;

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::cause::Cause;
use crate::connection::{PhaseKind, Traffic};
use crate::num;
use crate::reactor::{FaultCounts, LISTENER_STATES, Os, REJECTIONS, Reactor};

use self::formats::sorted;
use self::process::Process;
use super::LogSink;

pub(super) use self::formats::negotiated;

/// Makes the text of the metrics.
#[derive(Debug)]
pub(super) struct Metrics {
    process: Process,
}

impl Metrics {
    /// Opens the files in /proc that are read later, before the sandbox forbids it.
    pub(super) fn new() -> Self {
        Self { process: Process::new() }
    }

    /// Returns the text, as OpenMetrics.
    pub(super) fn text<O: Os>(&self, reactor: &Reactor<O>, faults: &FaultCounts) -> String {
        sorted(&text(reactor, faults, &self.process))
    }
}

fn text<O: Os>(reactor: &Reactor<O>, faults: &FaultCounts, process: &Process) -> String {
    let mut registry = Registry::default();
    process.register(&mut registry, reactor.descriptors());
    let own = registry.sub_registry_with_prefix("tcpechod");
    // A snapshot looks at every connection: once is enough.
    let (phases, mut bytes_and_lines) = reactor.snapshot();
    bytes_and_lines.add(reactor.counters().traffic);
    connections(own, reactor, phases);
    traffic(own, bytes_and_lines);
    listeners(own, reactor);
    admin(own, reactor);
    injected_faults(own, faults);
    event_loop(own, reactor);
    histograms::register(own, reactor);
    let mut text = String::new();
    let written = encode(&mut text, &registry);
    debug_assert!(written.is_ok(), "a String takes everything");
    text
}

type Labels = [(&'static str, String); 1];

/// A family of counters, by one label.
fn counters(
    registry: &mut Registry,
    name: &str,
    help: &str,
    label: &'static str,
    counts: impl IntoIterator<Item = (String, u64)>,
) {
    let family = Family::<Labels, Counter>::default();
    for (value, count) in counts {
        family.get_or_create(&[(label, value)]).inc_by(count);
    }
    registry.register(name, help, family);
}

/// A family of gauges, by one label.
fn gauges(
    registry: &mut Registry,
    name: &str,
    help: &str,
    label: &'static str,
    values: impl IntoIterator<Item = (String, u64)>,
) {
    let family = Family::<Labels, Gauge<u64, AtomicU64>>::default();
    for (value, number) in values {
        family.get_or_create(&[(label, value)]).set(number);
    }
    registry.register(name, help, family);
}

fn counter(registry: &mut Registry, name: &str, help: &str, count: u64) {
    let counter = Counter::<u64>::default();
    counter.inc_by(count);
    registry.register(name, help, counter);
}

fn gauge(registry: &mut Registry, name: &str, help: &str, number: u64) {
    let gauge = Gauge::<u64, AtomicU64>::default();
    gauge.set(number);
    registry.register(name, help, gauge);
}

fn connections<O: Os>(
    registry: &mut Registry,
    reactor: &Reactor<O>,
    phases: [usize; PhaseKind::ALIVE.len()],
) {
    let counted = reactor.counters();
    let phases = PhaseKind::ALIVE.iter().zip(phases);
    let phases = phases.map(|(kind, count)| (kind.name().to_owned(), num::to_u64(count)));
    let name = "connections";
    gauges(registry, name, "Open connections by phase", "phase", phases);
    let children = num::to_u64(reactor.children());
    gauge(registry, "exec_children", "Child processes that serve a connection (--exec)", children);
    let name = "connections_accepted";
    counter(registry, name, "Accepted connections", counted.accepted);
    let causes = Cause::ALL.iter().map(|cause| (cause.word().to_owned(), counted.of(*cause)));
    let name = "connections_closed";
    counters(registry, name, "Closed connections by cause", "cause", causes);
}

fn traffic(registry: &mut Registry, traffic: Traffic) {
    let bytes = [("in".to_owned(), traffic.bytes_in), ("out".to_owned(), traffic.bytes_out)];
    let help = "Bytes read from peers, and bytes that the kernel took for them";
    counters(registry, "bytes", help, "direction", bytes);
    counter(registry, "lines", "Requests answered: lines, or records", traffic.lines);
}

fn listeners<O: Os>(registry: &mut Registry, reactor: &Reactor<O>) {
    let counted = reactor.counters();
    let now = reactor.listener_state();
    let states = LISTENER_STATES.map(|word| (word.to_owned(), u64::from(word == now)));
    gauges(registry, "listener_state", "1 for the current state of the listeners", "state", states);
    listeners::register(registry, reactor);
    let pauses = "Pauses of accept because descriptors or memory had run out";
    counter(registry, "accept_pauses", pauses, counted.pauses);
    let errors = counted.accept_errors.iter().map(|(errno, count)| (errno.clone(), *count));
    counters(registry, "accept_errors", "Failed accept calls, by errno", "errno", errors);
}

fn admin<O: Os>(registry: &mut Registry, reactor: &Reactor<O>) {
    let counts = &reactor.counters().admin_rejected;
    let count = |reason| counts.get(reason).copied().unwrap_or_default();
    let rejected = REJECTIONS.map(|reason| (reason.to_owned(), count(reason)));
    let help = "Metrics and health requests closed without a response, by reason";
    counters(registry, "metrics_rejected", help, "reason", rejected);
}

fn injected_faults(registry: &mut Registry, faults: &FaultCounts) {
    let counts = faults.by_name().map(|(kind, count)| (kind.to_owned(), count));
    let name = "injected_faults";
    counters(registry, name, "Connections with an injected fault, by kind", "kind", counts);
}

fn event_loop<O: Os>(registry: &mut Registry, reactor: &Reactor<O>) {
    let counted = reactor.counters();
    counter(registry, "event_loop_iterations", "Iterations of the event loop", counted.iterations);
    let help = "Iterations of the event loop that took longer than 50 ms";
    counter(registry, "event_loop_slow_iterations", help, counted.slow_iterations);
    let dropped = LogSink::dropped();
    let help = "Log lines dropped because the log was not writable";
    counter(registry, "log_lines_dropped", help, dropped);
    gauge(registry, "draining", "1 while draining", u64::from(reactor.is_draining()));
    let version = [(env!("CARGO_PKG_VERSION").to_owned(), 1)];
    gauges(registry, "build_info", "1 for the version", "version", version);
}
