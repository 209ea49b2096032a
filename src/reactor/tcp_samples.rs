//! Samples of open connections: round-trip times and retransmissions, by listener.
//!
//! The kernel keeps these figures, and each look at a connection is a system call. So the reactor
//! looks only when a status or the metrics are requested, at a part of the connections, and not
//! again within a second: the cost has a limit, however many requests and connections there are.

use std::time::Duration;

use crate::clock::MonotonicMs;
use crate::net::tcp_info::TcpInfo;

use super::{Histogram, Os, Reactor};

/// The most connections in a sample, each with a system call: as much work as fifty echoed lines.
const CONNECTIONS_MAX: usize = 100;

/// The shortest time between two samples.
const INTERVAL: Duration = Duration::from_secs(1);

/// The samples of each listener, and where and when the next one begins.
#[derive(Debug)]
pub(super) struct Sampler {
    listeners: Vec<TcpSamples>,
    /// The place of the next connection among all open ones: each gets its turn.
    next: usize,
    due: MonotonicMs,
}

/// The sampled connections of a listener, since the start. A connection that is sampled again
/// counts again.
#[derive(Debug)]
pub struct TcpSamples {
    /// The connections that were looked at.
    pub connections: u64,
    /// The retransmissions that each of them had had until then, in all.
    pub retransmits: u64,
    /// The round-trip times, in microseconds.
    pub rtts: Histogram,
    /// Those of the latest sample, in order.
    latest: Vec<u32>,
}

impl Sampler {
    /// Creates empty samples of that many listeners.
    pub(super) fn new(listeners: usize) -> Self {
        let empty = || TcpSamples {
            connections: 0,
            retransmits: 0,
            rtts: Histogram::of_rtts(),
            latest: Vec::new(),
        };
        let listeners = std::iter::repeat_with(empty).take(listeners).collect();
        Self { listeners, next: 0, due: MonotonicMs::default() }
    }

    /// Returns the samples of each listener.
    pub(super) fn listeners(&self) -> impl Iterator<Item = &TcpSamples> {
        self.listeners.iter()
    }
}

impl TcpSamples {
    /// Returns the median round-trip time of the latest sample, in microseconds; none if no
    /// connection of this listener was in it.
    pub fn median_rtt_us(&self) -> Option<u32> {
        self.latest.get(self.latest.len() / 2).copied()
    }

    fn record(&mut self, TcpInfo { rtt_us, retransmits }: TcpInfo) {
        self.connections += 1;
        self.retransmits += u64::from(retransmits);
        if rtt_us > 0 {
            self.rtts.record(rtt_us.into());
            self.latest.push(rtt_us);
        }
    }
}

impl<O: Os> Reactor<O> {
    /// Samples some open connections, unless the last sample is less than a second old.
    pub fn sample_tcp(&mut self) {
        let Sampler { listeners, next, due } = &mut self.sampler;
        if self.shared.now < *due {
            return;
        }
        *due = self.shared.now.after(INTERVAL);
        for samples in &mut *listeners {
            samples.latest.clear();
        }
        let open = self.slots.len();
        let count = open.min(CONNECTIONS_MAX);
        let in_turn = self.slots.iter().skip(*next).chain(self.slots.iter());
        for connection in in_turn.take(count) {
            let samples = listeners.get_mut(usize::from(connection.listener()));
            if let Some((samples, info)) = samples.zip(connection.tcp_info()) {
                samples.record(info);
            }
        }
        *next = (*next + count) % open.max(1);
        for samples in listeners {
            samples.latest.sort_unstable();
        }
    }
}
