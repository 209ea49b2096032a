//! Samples over time, above all at quiet moments, when only the polite peers are connected.

use std::fs;
use std::time::Duration;

use super::process::Counts;
use super::stage::Daemon;
use super::{measure, process, stage};

/// The state of the daemon at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    /// The wave before a quiet moment; None during a wave.
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

    /// Takes a sample from /proc during a wave; None if the process has ended.
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

/// Returns the growth per hour: the median of the slopes of the three thirds. A leak grows in all
/// of them; a heap that grew with one burst of connections, or returned memory to the system, shows
/// in one third only.
pub(crate) fn growth_an_hour(points: &[(f64, f64)]) -> f64 {
    let thirds = points.chunks(points.len().div_ceil(3).max(1));
    let mut slopes: Vec<_> = thirds.map(slope_an_hour).collect();
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or_default()
}

/// The slope of the least-squares line.
fn slope_an_hour(points: &[(f64, f64)]) -> f64 {
    let count = f64::from(u32::try_from(points.len()).unwrap_or(u32::MAX));
    let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / count;
    let (across, up) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - across).powi(2)).sum();
    let both: f64 = points.iter().map(|point| (point.0 - across) * (point.1 - up)).sum();
    if spread > 0.0 { both / spread * 3600.0 } else { 0.0 }
}

/// The number of connections to a port in `CLOSE_WAIT`: the peer has closed, the daemon has not
/// (proc(5), `/proc/net/tcp`; state 08).
pub(crate) fn close_waits(port: u16) -> usize {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let place = format!(":{port:04X}");
    let waits = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        words.next().is_some_and(|local| local.ends_with(&place)) && words.nth(1) == Some("08")
    };
    table.lines().skip(1).filter(waits).count()
}
