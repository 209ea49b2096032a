//! Histograms: the reactor has counted the values already, so they are only written.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::num;
use crate::reactor::{Histogram, Os, Reactor};

/// Registers the histograms of the event loop and of connections.
pub(super) fn register<O: Os>(registry: &mut Registry, reactor: &Reactor<O>) {
    let counted = reactor.counters();
    let name = "event_loop_duration_seconds";
    let help = "Durations of iterations; those that serve few connections are not timed, and count \
                as 0 s";
    registry.register(name, help, Buckets::of_seconds(&counted.turns()));
    let name = "connection_lifetime_seconds";
    let help = "Time from accept to the end, of connections that have ended";
    registry.register(name, help, Buckets::of_seconds(&counted.lifetimes));
    let help = "Lines of connections that have ended";
    registry.register("connection_lines", help, Buckets::of_counts(&counted.lines));
}

/// A histogram for each listener, by its address.
#[derive(Debug)]
pub(super) struct ByListener(pub BTreeMap<String, Buckets>);

impl EncodeMetric for ByListener {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (listener, buckets) in &self.0 {
            buckets.encode(encoder.encode_family(&[("listener", listener.as_str())])?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// The buckets of a histogram, in the unit of the metric.
#[derive(Debug)]
pub(super) struct Buckets {
    sum: f64,
    count: u64,
    /// The bound of each bucket, and the values between the bound before and this one.
    ranges: Vec<(f64, u64)>,
}

impl Buckets {
    /// Converts a histogram of milliseconds.
    fn of_seconds(histogram: &Histogram) -> Self {
        Self::of(histogram, |ms| Duration::from_millis(ms).as_secs_f64())
    }

    /// Converts a histogram of microseconds, to seconds.
    pub(super) fn of_microseconds(histogram: &Histogram) -> Self {
        Self::of(histogram, |us| Duration::from_micros(us).as_secs_f64())
    }

    fn of_counts(histogram: &Histogram) -> Self {
        Self::of(histogram, num::to_f64)
    }

    fn of(histogram: &Histogram, convert: impl Fn(u64) -> f64) -> Self {
        let bound = |bound: Option<u64>| bound.map_or(f64::INFINITY, &convert);
        Self {
            sum: convert(histogram.sum()),
            count: histogram.count(),
            ranges: histogram.ranges().map(|(up_to, count)| (bound(up_to), count)).collect(),
        }
    }
}

impl EncodeMetric for Buckets {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_histogram::<NoLabelSet>(self.sum, self.count, &self.ranges, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
