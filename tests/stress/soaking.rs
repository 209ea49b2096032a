//! The run of a soak: waves beside polite peers for a given time, and limits on growth.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::process::{Counts, count};
use super::quiet::{Sample, close_waits, growth_an_hour};
use super::stage::{self, Daemon, Load, POLITE};
use super::waves::{OPTIONS, WAVES};

/// Limit on the time after a wave until only the polite peers remain: the deadlines that the wave
/// ran into, and more.
const CALM_LIMIT: Duration = Duration::from_secs(60);

/// Sampling interval during a wave.
const STEP: Duration = Duration::from_secs(1);

/// Makes malloc(3) of glibc return every freed block of a page or more to the kernel. A heap keeps
/// freed memory below a block that is still in use, so its size follows the largest burst yet, in
/// steps up and down that look like a leak or hide one (mallopt(3), `M_MMAP_THRESHOLD`). Without
/// room at the heap's top a buffer that grows can't stay in the heap.
pub(crate) const PROMPT_FREE: &str = "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4096:\
    glibc.malloc.trim_threshold=4096:glibc.malloc.top_pad=0";

/// Limit on memory growth per hour, in bytes, between quiet moments after one wave of each kind. A
/// byte a connection would be 14 million bytes an hour, at 3,850 connections a second. The pages of
/// the heap's small blocks grow by less, because the gaps between blocks in use do not all fit the
/// next block; `make counts` shows that the bytes in use do not grow at all.
const GROWTH_BYTES_MAX: f64 = 8.0 * 1024.0 * 1024.0;

/// Limit on the growth of the log, in bytes a second, requested status lines included.
const LOG_BYTES_MAX: f64 = 1500.0;

/// Waves longer than this run into the deadlines.
const LONGER_THAN_DEADLINES: Duration = Duration::from_secs(4);

/// The result of a soak.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) samples: Vec<Sample>,
    pub(crate) lasted: Duration,
    pub(crate) wave_lasts: Duration,
    /// The report of the polite peers.
    pub(crate) report: Value,
    /// The counts of the daemon's last status line.
    pub(crate) counts: Counts,
    /// Memory growth per hour, in bytes.
    pub(crate) growth_bytes: f64,
    pub(crate) wrong: Vec<String>,
}

impl Story {
    pub(crate) fn quiet(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.after.is_some())
    }
}

/// Runs waves of `wave_lasts` each, until `duration` is over and every kind has come once.
pub(crate) fn run(
    duration: Duration,
    wave_lasts: Duration,
    folder: &Path,
    say: impl Fn(&str),
) -> Result<Story, String> {
    let command = ["env", PROMPT_FREE, env!("CARGO_BIN_EXE_tcpechod")];
    let mut daemon = Daemon::start_by(&command, folder, 0, &OPTIONS)?;
    let began = Instant::now();
    // The soak stops it after the last wave.
    let mut polite = Load::polite(folder, daemon.address, Duration::from_secs(1 << 20))?;
    daemon.until_open(POLITE, Duration::from_secs(20))?;
    let mut samples = vec![Sample::take(&mut daemon, began.elapsed(), Some("the start"))?];
    let mut wrong = Vec::new();
    for (number, wave) in (0..).zip(WAVES.iter().cycle()) {
        if number >= WAVES.len() && began.elapsed() >= duration {
            break;
        }
        thread::scope(|scope| {
            // Sampled from /proc, because the wave may request status lines itself.
            let pid = daemon.process.pid();
            let waves = scope.spawn(|| wave.run(&mut daemon, folder, wave_lasts));
            let mut seen = Vec::new();
            while !waves.is_finished() {
                seen.extend(Sample::glance(pid, began.elapsed()));
                thread::sleep(STEP.min(wave_lasts / 4));
            }
            samples.append(&mut seen);
            waves.join().map_err(|_panic| "a wave panicked".to_owned())?
        })
        .map_err(|wrong| format!("{}: {wrong}", wave.name()))?;
        daemon
            .until_open(POLITE, CALM_LIMIT)
            .map_err(|wrong| format!("after {}: {wrong}", wave.name()))?;
        let sample = Sample::take(&mut daemon, began.elapsed(), Some(wave.name()))?;
        say(&format!(
            "{:6.1} s, after {:<12} {} descriptors, {:.3} MB, {} accepted",
            sample.at.as_secs_f64(),
            wave.name(),
            sample.descriptors,
            sample.private_bytes / 1e6,
            sample.count("accepted")
        ));
        wrong.extend(unquiet(&sample, &samples[0], daemon.address.port()));
        samples.push(sample);
    }
    polite.process.signal(rustix::process::Signal::INT);
    let report = polite.report(Duration::from_secs(60))?;
    wrong.extend(stage::lost(&report));
    daemon.until_open(0, Duration::from_secs(10))?;
    let lasted = began.elapsed();
    let (counts, disorder) = daemon.end()?;
    wrong.extend(disorder);
    let growth_bytes = growth(&samples);
    let mut story = Story { samples, lasted, wave_lasts, report, counts, growth_bytes, wrong };
    story.judge();
    Ok(story)
}

/// Memory growth between quiet moments, after one wave of each kind.
fn growth(samples: &[Sample]) -> f64 {
    let quiet = samples.iter().filter(|sample| sample.after.is_some()).skip(WAVES.len());
    let points: Vec<_> =
        quiet.map(|sample| (sample.at.as_secs_f64(), sample.private_bytes)).collect();
    growth_an_hour(&points)
}

/// Lists the differences from the first quiet moment.
fn unquiet(sample: &Sample, first: &Sample, port: u16) -> Vec<String> {
    let after = sample.after.unwrap_or_default();
    let mut wrong = Vec::new();
    if sample.descriptors != first.descriptors {
        wrong.push(format!(
            "after {after}, {} descriptors are open, not {}",
            sample.descriptors, first.descriptors
        ));
    }
    let waits = close_waits(port);
    if waits > 0 {
        wrong.push(format!("after {after}, {waits} connections are in CLOSE_WAIT"));
    }
    if sample.count("accepted") != sample.count("closed") + sample.open {
        wrong.push(format!("after {after}, accepted is not open + closed: {:?}", sample.counts));
    }
    wrong
}

impl Story {
    fn judge(&mut self) {
        let rounds = self.quiet().count() / WAVES.len();
        if rounds > 2 && self.growth_bytes > GROWTH_BYTES_MAX {
            self.wrong.push(format!("memory grows by {:.0} bytes per hour", self.growth_bytes));
        }
        let log = self.samples.last().map_or(0, |sample| sample.log_bytes);
        let log = f64::from(u32::try_from(log).unwrap_or(u32::MAX)) / self.lasted.as_secs_f64();
        if log > LOG_BYTES_MAX {
            self.wrong.push(format!("the log grows by {log:.0} bytes a second"));
        }
        if count(&self.counts, "accept_pauses") == 0 {
            self.wrong.push("descriptors never ran out".to_owned());
        }
        let mut causes = vec!["finished", "reset"];
        if self.wave_lasts > LONGER_THAN_DEADLINES {
            causes.extend(["stalled", "line-timeout"]);
        }
        let never = causes.iter().filter(|cause| !self.counts.contains_key(**cause));
        let never: Vec<_> =
            never.map(|cause| format!("no connection was closed as {cause}")).collect();
        self.wrong.extend(never);
    }
}
