//! Metrics by listener.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::reactor::{ListenerFigures, Os, Reactor};

use super::histograms::{Buckets, ByListener};
use super::{counters, gauges};

const LABEL: &str = "listener";

/// Registers the metrics of each listener: its connections, its accept queue, and the samples of
/// its connections.
pub(super) fn register<O: Os>(registry: &mut Registry, reactor: &Reactor<O>) {
    let mut listeners: Vec<_> = reactor.listeners().collect();
    accepted(registry, &listeners);
    // A Unix socket has no such figures: its zeros would only be noise.
    listeners.retain(|one| one.queue.is_some() || one.samples.connections > 0);
    let of = |number: fn(&ListenerFigures<'_>) -> Option<u64>| {
        let numbers = listeners.iter();
        numbers.filter_map(move |one| Some((one.options.address.clone(), number(one)?)))
    };
    let queued = of(|one| Some(one.queue?.length.into()));
    let help = "Connections in the accept queue, by listener (TCP)";
    gauges(registry, "listener_queue", help, LABEL, queued);
    let backlog = of(|one| Some(one.queue?.backlog.into()));
    let help = "Backlog in force, by listener (TCP)";
    gauges(registry, "listener_backlog", help, LABEL, backlog);
    let sampled = of(|one| Some(one.samples.connections));
    let help = "Open connections sampled, by listener; one that is sampled again counts again";
    counters(registry, "sampled_connections", help, LABEL, sampled);
    let retransmits = of(|one| Some(one.samples.retransmits));
    let help = "Retransmissions that each sampled connection had had until then, by listener";
    counters(registry, "sampled_retransmits", help, LABEL, retransmits);
    let rtts = listeners
        .iter()
        .map(|one| (one.options.address.clone(), Buckets::of_microseconds(&one.samples.rtts)));
    let help = "Round-trip times of the sampled connections, by listener";
    registry.register("rtt_seconds", help, ByListener(rtts.collect()));
}

fn accepted(registry: &mut Registry, listeners: &[ListenerFigures<'_>]) {
    let family = Family::<[(&'static str, String); 2], Counter>::default();
    for ListenerFigures { options, accepted, .. } in listeners {
        let labels =
            [(LABEL, options.address.clone()), ("service", options.service.name.to_owned())];
        family.get_or_create(&labels).inc_by(*accepted);
    }
    registry.register("listener_connections_accepted", "Accepted connections by listener", family);
}
