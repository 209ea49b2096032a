//! What is seen over time, at quiet moments above all: nobody is there but the polite.

use std::fs;
use std::time::Duration;

use super::process::Counts;
use super::stage::Daemon;
use super::{measure, process, stage};

/// What is seen at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    /// After which wave; none while one is there.
    pub(crate) after: Option<&'static str>,
    pub(crate) descriptors: usize,
    pub(crate) private_bytes: f64,
    pub(crate) open: u64,
    pub(crate) log_bytes: usize,
    pub(crate) counts: Counts,
}

impl Sample {
    pub(crate) fn take(
        daemon: &mut Daemon,
        at: Duration,
        after: Option<&'static str>,
    ) -> Result<Self, String> {
        let counts = daemon.status()?;
        Ok(Self {
            at,
            after,
            descriptors: measure::descriptors(daemon.process.pid()),
            private_bytes: daemon.private_bytes(),
            open: stage::open_of(&counts),
            log_bytes: daemon.process.said().len(),
            counts,
        })
    }

    /// What the kernel tells while a wave is there; none if it has ended.
    pub(crate) fn glance(pid: u32, at: Duration) -> Option<Self> {
        let descriptors = measure::descriptors(pid);
        let sample = Self {
            at,
            after: None,
            descriptors,
            private_bytes: measure::private_bytes(pid),
            open: 0,
            log_bytes: 0,
            counts: Counts::new(),
        };
        (descriptors > 0).then_some(sample)
    }

    pub(crate) fn count(&self, name: &str) -> u64 {
        process::count(&self.counts, name)
    }
}

/// How much a figure grows in an hour: in each third of its points, and of these the middle one.
/// What leaks does so all the time; a heap that one crowd has made larger, or whose end was given
/// back, tells of one third only.
pub(crate) fn growth_an_hour(points: &[(f64, f64)]) -> f64 {
    let thirds = points.chunks(points.len().div_ceil(3).max(1));
    let mut slopes: Vec<_> = thirds.map(slope_an_hour).collect();
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or_default()
}

/// By the line that fits best (least squares).
fn slope_an_hour(points: &[(f64, f64)]) -> f64 {
    let count = f64::from(u32::try_from(points.len()).unwrap_or(u32::MAX));
    let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / count;
    let (across, up) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - across).powi(2)).sum();
    let both: f64 = points.iter().map(|point| (point.0 - across) * (point.1 - up)).sum();
    if spread > 0.0 { both / spread * 3600.0 } else { 0.0 }
}

/// How many connections to a port the kernel has in `CLOSE_WAIT`: their peers have ended, and we
/// have not (proc(5), `/proc/net/tcp`; state 08).
pub(crate) fn close_waits(port: u16) -> usize {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let place = format!(":{port:04X}");
    let waits = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        words.next().is_some_and(|local| local.ends_with(&place)) && words.nth(1) == Some("08")
    };
    table.lines().skip(1).filter(waits).count()
}
