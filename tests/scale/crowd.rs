//! A run: the connections are opened, held, partly verified again and closed; then the daemons
//! drain. Each phase has a deadline, and every exit path ends all processes.

use std::iter;
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::children::{Daemon, Load};
use super::memory;
use super::process::{Counts, Process, count};
use super::sample::Sample;
use super::scale::Scale;
use super::verify;

/// The longest duration of each phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    /// Until all daemons listen.
    pub(crate) start: Duration,
    /// Until all connections are open and echoed.
    pub(crate) open: Duration,
    /// From the signal for the second lines until the last connection is closed.
    pub(crate) close: Duration,
    /// From SIGTERM until the last daemon has exited.
    pub(crate) drain: Duration,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) samples: Vec<Sample>,
    /// Time until all connections were open and echoed.
    pub(crate) opened: Duration,
    /// The sample at the end of the hold.
    pub(crate) held: Sample,
    /// The part of the kernel's memory that it cannot reclaim.
    pub(crate) unreclaimable_bytes: f64,
    /// The memory of the daemons before the first connection.
    pub(crate) daemons_bytes_before: f64,
    /// Time from the signal for the second lines until the last load generator had exited.
    pub(crate) closed: Duration,
    pub(crate) drained: Duration,
    /// The summed counts of the daemons' last status lines.
    pub(crate) counts: Counts,
    /// The errors found.
    pub(crate) wrong: Vec<String>,
}

/// The sampling interval.
const STEP: Duration = Duration::from_secs(1);

/// The interval between two checks of a condition.
const LOOK: Duration = Duration::from_millis(20);

/// All processes of a run.
#[derive(Debug)]
struct Crowd {
    daemons: Vec<Daemon>,
    loads: Vec<Load>,
    begun: Instant,
    kernel_before: f64,
    samples: Vec<Sample>,
    folder: TempDir,
}

/// Runs all phases, and reports their progress. Returns an error if a phase exceeds its deadline.
pub(crate) fn run(
    scale: &Scale,
    deadlines: &Deadlines,
    pause: Duration,
    say: impl Fn(&str),
) -> Result<Story, String> {
    let (kernel_before, unreclaimable) = (memory::kernel_bytes(), memory::unreclaimable_bytes());
    let mut crowd = Crowd {
        daemons: Vec::new(),
        loads: Vec::new(),
        begun: Instant::now(),
        kernel_before,
        samples: Vec::new(),
        folder: tempfile::tempdir().map_err(|error| error.to_string())?,
    };
    let address = crowd.start_daemons(scale, deadlines.start)?;
    say(&format!("{} daemons listen on {address}", scale.daemons));
    let daemons_bytes_before = crowd.sample(deadlines.start)?.daemons_bytes;

    crowd.begun = Instant::now();
    crowd.start_loads(scale, address, deadlines.close)?;
    say(&format!("{} load generators connect", scale.loads));
    crowd.until(deadlines.open, "all connections are open and echoed", &say, |crowd, last| {
        crowd.is_whole(last, scale)
    })?;
    let opened = crowd.begun.elapsed();
    say(&format!("all connections are open and echoed after {:.1} s", opened.as_secs_f64()));

    let end = Instant::now() + pause;
    let held = crowd.until(deadlines.open + pause, "the hold is over", &say, |crowd, last| {
        crowd.is_whole(last, scale)?;
        Ok(Instant::now() >= end)
    })?;
    let unreclaimable_bytes = memory::unreclaimable_bytes() - unreclaimable;

    let closing = Instant::now();
    crowd.loads.iter_mut().for_each(|load| load.process.signal(Signal::INT));
    say("some connections echo a second line, then all close");
    crowd.until(deadlines.close, "every load generator has ended", &say, |crowd, _| {
        Ok(crowd.loads.iter_mut().all(|load| load.process.ended().is_some()))
    })?;
    let closed = closing.elapsed();

    say("the daemons drain");
    let draining = Instant::now();
    let statuses = crowd.end_daemons(deadlines.drain)?;
    let drained = draining.elapsed();
    let counts = sum(crowd.daemons.iter().map(|daemon| daemon.process.status().1));
    let mut wrong = verify::loads(&mut crowd.loads);
    wrong.extend(verify::daemons(&counts, &statuses, scale));
    let samples = crowd.samples;
    Ok(Story {
        samples,
        opened,
        held,
        unreclaimable_bytes,
        daemons_bytes_before,
        closed,
        drained,
        counts,
        wrong,
    })
}

impl Crowd {
    /// Starts the first daemon on a free port, and the others on the same port.
    fn start_daemons(&mut self, scale: &Scale, limit: Duration) -> Result<SocketAddr, String> {
        let first = Daemon::start(self.folder.path(), 0, 0)?;
        self.daemons.push(first);
        let listening = |daemons: &mut Vec<Daemon>| {
            still_run(daemons.iter_mut().map(|daemon| &mut daemon.process))?;
            Ok(daemons.iter().map(Daemon::address).collect::<Option<Vec<_>>>())
        };
        let addresses = within(limit, "a daemon listens", || listening(&mut self.daemons))?;
        for number in 1..scale.daemons {
            let daemon = Daemon::start(self.folder.path(), number, addresses[0].port())?;
            self.daemons.push(daemon);
        }
        within(limit, "every daemon listens", || listening(&mut self.daemons))?;
        Ok(addresses[0])
    }

    fn start_loads(
        &mut self,
        scale: &Scale,
        address: SocketAddr,
        timeout: Duration,
    ) -> Result<(), String> {
        for share in (0..).zip(scale.shares()) {
            self.loads.push(Load::start(self.folder.path(), address, scale, share, timeout)?);
        }
        Ok(())
    }

    /// True once all connections are open and echoed; an error if a process has ended.
    fn is_whole(&mut self, sample: &Sample, scale: &Scale) -> Result<bool, String> {
        let daemons = self.daemons.iter_mut().map(|daemon| &mut daemon.process);
        still_run(daemons.chain(self.loads.iter_mut().map(|load| &mut load.process)))?;
        Ok(sample.open == scale.connections && sample.lines == scale.connections)
    }

    /// Samples every second until the condition holds. Returns the last sample.
    fn until(
        &mut self,
        limit: Duration,
        what: &str,
        say: impl Fn(&str),
        mut is_so: impl FnMut(&mut Self, &Sample) -> Result<bool, String>,
    ) -> Result<Sample, String> {
        let end = Instant::now() + limit;
        loop {
            let next = Instant::now() + STEP;
            let sample = self.sample(limit)?;
            say(&sample.to_string());
            self.samples.push(sample);
            if is_so(self, &sample)? {
                return Ok(sample);
            }
            if Instant::now() >= end {
                return Err(format!("not within {} s: {what}", limit.as_secs()));
            }
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    /// Requests a status line from every daemon, and samples all memory.
    fn sample(&mut self, limit: Duration) -> Result<Sample, String> {
        let before: Vec<_> = self.daemons.iter().map(|daemon| daemon.process.status().0).collect();
        self.daemons.iter_mut().for_each(|daemon| daemon.process.signal(Signal::USR1));
        let statuses = within(limit, "every daemon logs its status", || {
            // Without this check, a daemon that has exited would delay the error until the limit.
            still_run(self.daemons.iter_mut().map(|daemon| &mut daemon.process))?;
            let statuses = iter::zip(&self.daemons, &before).map(|(daemon, before)| {
                let (count, counts) = daemon.process.status();
                (count > *before).then_some(counts)
            });
            Ok(statuses.collect::<Option<Vec<_>>>())
        })?;
        let counts = sum(statuses.into_iter());
        let daemons = self.daemons.iter().map(|daemon| daemon.process.pid());
        let daemons_bytes = memory::private_bytes(daemons);
        let loads = self.loads.iter().map(|load| load.process.pid());
        Ok(Sample {
            at: self.begun.elapsed(),
            open: count(&counts, "open"),
            lines: count(&counts, "lines"),
            daemons_bytes,
            loads_bytes: memory::private_bytes(loads),
            kernel_bytes: memory::kernel_bytes() - self.kernel_before,
        })
    }

    /// Drains the daemons until they exit.
    fn end_daemons(&mut self, limit: Duration) -> Result<Vec<ExitStatus>, String> {
        self.daemons.iter_mut().for_each(|daemon| daemon.process.signal(Signal::TERM));
        within(limit, "every daemon exits", || {
            Ok(self.daemons.iter_mut().map(|daemon| daemon.process.ended()).collect())
        })
    }
}

/// Returns an error if one of them has ended too early.
fn still_run<'a>(processes: impl Iterator<Item = &'a mut Process>) -> Result<(), String> {
    for process in processes {
        if process.ended().is_some() {
            return Err(format!("a process ended too early: {}", process.last_words()));
        }
    }
    Ok(())
}

/// Adds up counters of the same name.
fn sum(all: impl Iterator<Item = Counts>) -> Counts {
    let mut sum = Counts::new();
    for (name, count) in all.flatten() {
        *sum.entry(name).or_default() += count;
    }
    sum
}

/// Calls `look` until it returns a value.
fn within<T>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<Option<T>, String>,
) -> Result<T, String> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() >= end {
            return Err(format!("not within {} s: {what}", limit.as_secs()));
        }
        thread::sleep(LOOK);
    }
}
