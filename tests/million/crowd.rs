//! The crowd: it comes, is held, is asked again and leaves, and then the daemons end. Each phase
//! has a deadline, and on every path out of here all processes are gone.

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

/// The longest that each phase may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    /// Until all daemons listen.
    pub(crate) start: Duration,
    /// Until everybody is connected and has been echoed.
    pub(crate) open: Duration,
    /// From the question for a second line until the last connection is closed.
    pub(crate) close: Duration,
    /// From SIGTERM until the last daemon has ended.
    pub(crate) drain: Duration,
}

/// How it went.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) samples: Vec<Sample>,
    /// Until everybody was connected and echoed.
    pub(crate) opened: Duration,
    /// At the end of the hold.
    pub(crate) held: Sample,
    /// The part of the kernel's that it would never take back by itself.
    pub(crate) unreclaimable_bytes: f64,
    /// The daemons before they had a connection.
    pub(crate) daemons_bytes_before: f64,
    /// From the question for a second line until the last load process had ended.
    pub(crate) closed: Duration,
    pub(crate) drained: Duration,
    /// What the daemons have counted, all together, in their last words.
    pub(crate) counts: Counts,
    /// What was not as it should be.
    pub(crate) wrong: Vec<String>,
}

/// How often it is looked.
const STEP: Duration = Duration::from_secs(1);

/// For how long one looks whether something has happened, before anything else is done.
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

/// Lets a crowd come and go, and says what it does. An error is a phase that did not end.
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
    crowd.until(deadlines.open, "everybody is connected and echoed", &say, |crowd, last| {
        crowd.is_whole(last, scale)
    })?;
    let opened = crowd.begun.elapsed();
    say(&format!("all are open and echoed after {:.1} s", opened.as_secs_f64()));

    let end = Instant::now() + pause;
    let held = crowd.until(deadlines.open + pause, "the hold is over", &say, |crowd, last| {
        crowd.is_whole(last, scale)?;
        Ok(Instant::now() >= end)
    })?;
    let unreclaimable_bytes = memory::unreclaimable_bytes() - unreclaimable;

    let asked = Instant::now();
    crowd.loads.iter_mut().for_each(|load| load.process.signal(Signal::INT));
    say("a share of them is asked again, and then all are closed");
    crowd.until(deadlines.close, "every load generator has ended", &say, |crowd, _| {
        Ok(crowd.loads.iter_mut().all(|load| load.process.ended().is_some()))
    })?;
    let closed = asked.elapsed();

    say("the daemons drain");
    let told = Instant::now();
    let statuses = crowd.end_daemons(deadlines.drain)?;
    let drained = told.elapsed();
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
    /// The first on any free port, the others on the same.
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

    /// Whether everybody is connected and echoed; an error once that can't be any more.
    fn is_whole(&mut self, sample: &Sample, scale: &Scale) -> Result<bool, String> {
        let daemons = self.daemons.iter_mut().map(|daemon| &mut daemon.process);
        still_run(daemons.chain(self.loads.iter_mut().map(|load| &mut load.process)))?;
        Ok(sample.open == scale.connections && sample.lines == scale.connections)
    }

    /// Looks every second until it is so. Returns what was seen last.
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

    /// Asks every daemon, and looks at everybody's memory.
    fn sample(&mut self, limit: Duration) -> Result<Sample, String> {
        let before: Vec<_> = self.daemons.iter().map(|daemon| daemon.process.status().0).collect();
        self.daemons.iter_mut().for_each(|daemon| daemon.process.signal(Signal::USR1));
        let statuses = within(limit, "every daemon tells its status", || {
            // One that is gone would be waited for as long as may be.
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

    /// Has the daemons drain and end.
    fn end_daemons(&mut self, limit: Duration) -> Result<Vec<ExitStatus>, String> {
        self.daemons.iter_mut().for_each(|daemon| daemon.process.signal(Signal::TERM));
        within(limit, "every daemon ends", || {
            Ok(self.daemons.iter_mut().map(|daemon| daemon.process.ended()).collect())
        })
    }
}

/// An error if one of them has ended too early.
fn still_run<'a>(processes: impl Iterator<Item = &'a mut Process>) -> Result<(), String> {
    for process in processes {
        if process.ended().is_some() {
            return Err(format!("a process has ended too early: {}", process.last_words()));
        }
    }
    Ok(())
}

/// Adds counters of the same name up.
fn sum(all: impl Iterator<Item = Counts>) -> Counts {
    let mut sum = Counts::new();
    for (name, count) in all.flatten() {
        *sum.entry(name).or_default() += count;
    }
    sum
}

/// Looks until there is something.
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
