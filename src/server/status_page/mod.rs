//! The state of the daemon for programs, `/status.json`, and for people, the page at `/`.

mod html;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use crate::cause::Cause;
use crate::connection::PhaseKind;
use crate::num;
use crate::os::descriptors;
use crate::reactor::{FaultCounts, Os, Reactor, SLOW_ITERATION, Survey};

use super::LogSink;

pub(super) use self::html::CONTENT_SECURITY_POLICY;

/// The data of the page that do not change.
#[derive(Debug)]
pub(super) struct StatusPage {
    started: Instant,
    /// The lines of `--check`.
    configuration: Vec<String>,
}

impl StatusPage {
    pub(super) fn new(configuration: Vec<String>) -> Self {
        Self { started: Instant::now(), configuration }
    }

    /// Returns the text of `/status.json`.
    pub(super) fn json<O: Os>(&self, reactor: &Reactor<O>, faults: &FaultCounts) -> String {
        let text = serde_json::to_string(&self.status(reactor, faults));
        debug_assert!(text.is_ok(), "all keys are strings");
        text.unwrap_or_default()
    }

    /// Returns the page.
    pub(super) fn html<O: Os>(&self, reactor: &Reactor<O>, faults: &FaultCounts) -> String {
        html::page(&self.status(reactor, faults))
    }

    /// Returns the lines of the options, and those of the values that SIGHUP changes.
    fn in_force<O: Os>(&self, reactor: &Reactor<O>) -> Vec<String> {
        let level = log::max_level().as_str().to_lowercase();
        let access = format!("access in force: {}", reactor.options().access);
        let lines = self.configuration.iter().cloned();
        lines.chain([access, format!("log level in force: {level}")]).collect()
    }

    fn status<O: Os>(&self, reactor: &Reactor<O>, faults: &FaultCounts) -> Status {
        let survey = reactor.survey();
        let counted = reactor.counters();
        let count = |number: usize| num::to_u64(number);
        let phases = PhaseKind::ALIVE.iter().zip(survey.phases);
        Status {
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: to_seconds(self.started.elapsed()),
            draining: reactor.is_draining(),
            phases: phases.map(|(kind, number)| (kind.name(), count(number))).collect(),
            children: reactor.children(),
            accepted: counted.accepted,
            closed: Cause::ALL.map(|cause| (cause.word(), counted.of(cause))).to_vec(),
            lines: survey.traffic.lines,
            bytes_in: survey.traffic.bytes_in,
            bytes_out: survey.traffic.bytes_out,
            listener_state: reactor.listener_state(),
            listeners: listeners(reactor),
            limits: limits(reactor),
            transitions: transitions(&survey),
            event_loop: event_loop(reactor),
            faults: faults.by_name().collect(),
            accept_errors: counted.accept_errors.clone(),
            accept_pauses: counted.pauses,
            log_lines_dropped: LogSink::dropped(),
            peers_estimated: survey.peers_estimated,
            peers: survey.peers.into_iter().map(PeerCount::from).collect(),
            configuration: self.in_force(reactor),
        }
    }
}

/// The members of `/status.json`; `docs/operations.md` describes them.
#[derive(Debug, Serialize)]
struct Status {
    version: &'static str,
    uptime_s: f64,
    draining: bool,
    #[serde(serialize_with = "as_object")]
    phases: Vec<(&'static str, u64)>,
    children: usize,
    accepted: u64,
    #[serde(serialize_with = "as_object")]
    closed: Vec<(&'static str, u64)>,
    lines: u64,
    bytes_in: u64,
    bytes_out: u64,
    listener_state: &'static str,
    listeners: Vec<Listener>,
    limits: Limits,
    peers: Vec<PeerCount>,
    peers_estimated: bool,
    transitions: Vec<TransitionCount>,
    event_loop: EventLoop,
    #[serde(serialize_with = "as_object")]
    faults: Vec<(&'static str, u64)>,
    accept_errors: BTreeMap<String, u64>,
    accept_pauses: u64,
    log_lines_dropped: u64,
    configuration: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Listener {
    address: String,
    service: &'static str,
    state: &'static str,
    accepted: u64,
    /// The accept queue and its limit; none if they are unknown.
    queue: Option<u32>,
    backlog: Option<u32>,
    /// The median of the latest sample, in microseconds; none if the sample is empty.
    rtt_us: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Limits {
    connections: usize,
    connections_max: usize,
    descriptors_open: usize,
    /// None if there is no limit.
    descriptors: Option<u64>,
    /// None if `--max-per-peer` is not set.
    per_peer_max: Option<usize>,
}

#[derive(Debug, Serialize)]
struct PeerCount {
    address: String,
    connections: usize,
}

impl From<(String, usize)> for PeerCount {
    fn from((address, connections): (String, usize)) -> Self {
        Self { address, connections }
    }
}

#[derive(Debug, Serialize)]
struct TransitionCount {
    from: &'static str,
    to: &'static str,
    count: u64,
}

#[derive(Debug, Serialize)]
struct EventLoop {
    iterations: u64,
    slow: u64,
    slow_after_s: f64,
    longest_s: f64,
    durations: Vec<Passes>,
}

/// The passes of the loop that took at most so long, and longer than those of the range before.
#[derive(Debug, Serialize)]
struct Passes {
    /// None for the last range, which has no end.
    up_to_s: Option<f64>,
    count: u64,
}

fn as_object<S: Serializer>(pairs: &[(&str, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().copied())
}

fn to_seconds(duration: Duration) -> f64 {
    num::to_f64(num::millis(duration)) / 1000.0
}

fn listeners<O: Os>(reactor: &Reactor<O>) -> Vec<Listener> {
    let state = reactor.listener_state();
    let listeners = reactor.listeners().map(|one| Listener {
        address: one.options.address.clone(),
        service: one.options.service.name,
        state,
        accepted: one.accepted,
        queue: one.queue.map(|queue| queue.length),
        backlog: one.queue.map(|queue| queue.backlog),
        rtt_us: one.samples.median_rtt_us(),
    });
    listeners.collect()
}

fn limits<O: Os>(reactor: &Reactor<O>) -> Limits {
    Limits {
        connections: reactor.connections(),
        connections_max: reactor.capacity().connections_max,
        descriptors_open: reactor.descriptors(),
        descriptors: descriptors::limit(),
        per_peer_max: reactor.options().per_peer_max.map(|limit| limit.connections),
    }
}

fn transitions(survey: &Survey) -> Vec<TransitionCount> {
    let counts = survey.transitions.iter();
    let counts = counts.map(|((from, to), count)| TransitionCount {
        from: from.name(),
        to: to.name(),
        count: *count,
    });
    counts.collect()
}

fn event_loop<O: Os>(reactor: &Reactor<O>) -> EventLoop {
    let counted = reactor.counters();
    let seconds = |ms: u64| to_seconds(Duration::from_millis(ms));
    let turns = counted.turns();
    let durations =
        turns.ranges().map(|(bound, count)| Passes { up_to_s: bound.map(seconds), count });
    EventLoop {
        iterations: counted.iterations,
        slow: counted.slow_iterations,
        slow_after_s: to_seconds(SLOW_ITERATION),
        longest_s: to_seconds(counted.longest_turn),
        durations: durations.collect(),
    }
}
