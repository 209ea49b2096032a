//! A host on one kind of connection: probes that are due or on their way, and the figures so far.

use std::collections::VecDeque;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::client::FailureKind;
use crate::clock::MonotonicNs;
use crate::num;

use super::ledger::Ledger;
use crate::probe::trip::Probe;

/// The kind of a channel's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One connection that stays.
    Kept,
    /// A new connection for each probe.
    New,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::New => "new",
        }
    }
}

/// The first wait before another attempt to connect; each further one is twice as long.
const BACKOFF_MIN: Duration = Duration::from_millis(5);
/// The longest such wait is the interval, but at most this.
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// A host on one kind of connection.
#[derive(Debug)]
pub(super) struct Channel {
    /// The number of its host.
    pub host: usize,
    pub kind: Kind,
    /// The probes so far.
    pub number: u64,
    /// When the next probe is due.
    pub next_due: MonotonicNs,
    /// The keys of its connections, the oldest first.
    pub trips: Vec<usize>,
    /// Probes that were due while no connection was there.
    pub unsent: VecDeque<Probe>,
    /// When to connect again; none if there is no need.
    pub attempt: Option<MonotonicNs>,
    backoff: Duration,
    backoff_max: Duration,
    /// The word of the last failure.
    pub word: FailureKind,
    /// When the timer looks at it next.
    pub scheduled: MonotonicNs,
    pub banner: Option<String>,
    pub figures: Figures,
    pub ledger: Ledger,
}

impl Channel {
    pub(super) fn new(host: usize, kind: Kind, interval: Duration, start: MonotonicNs) -> Self {
        Self {
            host,
            kind,
            number: 0,
            next_due: start,
            trips: Vec::new(),
            unsent: VecDeque::new(),
            attempt: (kind == Kind::Kept).then_some(start),
            backoff: Duration::ZERO,
            backoff_max: interval.clamp(BACKOFF_MIN, BACKOFF_MAX),
            word: FailureKind::TimedOut,
            scheduled: MonotonicNs::NEVER,
            banner: None,
            figures: Figures::default(),
            ledger: Ledger::default(),
        }
    }

    /// Plans the next attempt to connect: at once after a first failure, then after waits that
    /// double, each up to a quarter longer by chance, so that many probes do not come together.
    pub(super) fn plan_attempt(&mut self, now: MonotonicNs) {
        let jitter = self.backoff.mul_f64(fastrand::f64() / 4.0);
        let at = now.after(self.backoff + jitter);
        self.attempt.get_or_insert(at);
        self.backoff = (self.backoff * 2).clamp(BACKOFF_MIN, self.backoff_max);
    }

    /// An answer has come: the next failure is a first one.
    pub(super) fn works(&mut self) {
        self.backoff = Duration::ZERO;
        self.attempt = None;
    }

    /// Puts off all that is due: this process was stopped for so long.
    pub(super) fn excuse(&mut self, pause: Duration) {
        self.next_due = self.next_due.after(pause);
        self.attempt = self.attempt.map(|at| at.after(pause));
        self.unsent.iter_mut().for_each(|probe| probe.sent = probe.sent.after(pause));
    }
}

/// The counts and times of a channel.
#[derive(Debug)]
pub(super) struct Figures {
    pub sent: u64,
    pub answered: u64,
    pub lost: u64,
    /// Times due that were skipped, because this process was late.
    pub skipped: u64,
    /// The times of the answers, in nanoseconds.
    pub rtt: Times,
    /// The times of the connects.
    pub connect: Times,
    /// How late this process sent its probes.
    pub late: Times,
    /// The sum of the differences between one answer's time and the next.
    jitter_ns: u64,
    last_ns: Option<u64>,
}

impl Default for Figures {
    fn default() -> Self {
        let (rtt, connect, late) = (Times::default(), Times::default(), Times::default());
        Self {
            sent: 0,
            answered: 0,
            lost: 0,
            skipped: 0,
            rtt,
            connect,
            late,
            jitter_ns: 0,
            last_ns: None,
        }
    }
}

impl Figures {
    pub(super) fn answered(&mut self, rtt_ns: u64) {
        self.answered += 1;
        self.rtt.add(rtt_ns);
        if let Some(last) = self.last_ns.replace(rtt_ns) {
            self.jitter_ns = self.jitter_ns.saturating_add(last.abs_diff(rtt_ns));
        }
    }

    /// The mean difference between one answer's time and the next, in microseconds; none for fewer
    /// than two.
    pub(super) fn jitter_us(&self) -> Option<f64> {
        let pairs = self.answered.checked_sub(1).filter(|pairs| *pairs > 0)?;
        Some(num::to_f64(self.jitter_ns) / num::to_f64(pairs) / 1e3)
    }
}

/// A distribution of times. The percentiles are exact to a hundredth.
#[derive(Debug)]
pub(super) struct Times {
    histogram: Histogram<u32>,
    min_ns: u64,
    max_ns: u64,
    sum_ns: u64,
}

impl Default for Times {
    #[expect(clippy::expect_used, reason = "two digits are within its limits")]
    fn default() -> Self {
        // It grows with the longest time: a thousand hosts have one each.
        let histogram = Histogram::new(2).expect("a histogram of two digits");
        Self { histogram, min_ns: u64::MAX, max_ns: 0, sum_ns: 0 }
    }
}

impl Times {
    pub(super) fn add(&mut self, ns: u64) {
        // It grows as it needs to.
        let recorded = self.histogram.record(ns);
        debug_assert!(recorded.is_ok(), "{recorded:?}");
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
        self.sum_ns = self.sum_ns.saturating_add(ns);
    }

    /// Adds the times of another distribution.
    pub(super) fn merge(&mut self, other: &Self) {
        let added = self.histogram.add(&other.histogram);
        debug_assert!(added.is_ok(), "{added:?}");
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
    }

    /// Returns minimum, median, 99th percentile, maximum and mean in microseconds; none if nothing
    /// was added.
    pub(super) fn summary(&self) -> Option<[f64; 5]> {
        if self.histogram.is_empty() {
            return None;
        }
        let us = |ns: u64| num::to_f64(ns) / 1e3;
        let at = |part| us(self.histogram.value_at_quantile(part).clamp(self.min_ns, self.max_ns));
        let mean = us(self.sum_ns) / num::to_f64(self.histogram.len());
        Some([us(self.min_ns), at(0.5), at(0.99), us(self.max_ns), mean])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_begin_at_once_and_then_wait_longer_each_time_up_to_the_interval() {
        let start = MonotonicNs(0);
        let interval = Duration::from_millis(50);
        let mut channel = Channel::new(0, Kind::Kept, interval, start);
        let mut waits = Vec::new();
        for _ in 0..8 {
            channel.attempt = None;
            channel.plan_attempt(start);
            waits.push(channel.attempt.unwrap().since(start).as_millis());
        }
        assert_eq!(waits.first(), Some(&0));
        for (wait, least) in waits.iter().zip([0, 5, 10, 20, 40, 50, 50, 50]) {
            assert!((least..=least * 5 / 4 + 1).contains(wait), "{waits:?}");
        }
        channel.works();
        assert_eq!(channel.attempt, None);
    }

    #[test]
    fn times_are_summed_up() {
        let mut figures = Figures::default();
        assert_eq!((figures.rtt.summary(), figures.jitter_us()), (None, None));
        for us in [100, 300, 200] {
            figures.answered(us * 1000);
        }
        let found = figures.rtt.summary().unwrap();
        for (found, expected) in found.iter().zip([100.0, 200.0, 300.0, 300.0, 200.0]) {
            assert!((found - expected).abs() <= expected / 100.0, "{found} {expected}");
        }
        assert_eq!(figures.jitter_us(), Some(150.0));
    }
}
