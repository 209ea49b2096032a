//! The setup of a stress test: a daemon, polite peers that verify every byte, and hostile peers.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::hostile::{self, Habit};
use super::measure;
use super::process::{Counts, Process, count};
use super::report;

/// The number of polite peers, and the lines a second that they send together.
pub(crate) const POLITE: u64 = 100;
pub(crate) const POLITE_RATE: u64 = 2000;

/// The polling interval.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until `is` returns a value.
///
/// # Errors
///
/// The awaited condition, if it does not hold within the limit.
pub(crate) fn eventually<T>(
    limit: Duration,
    what: &str,
    mut is: impl FnMut() -> Option<T>,
) -> Result<T, String> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = is() {
            return Ok(found);
        }
        if Instant::now() > end {
            return Err(format!("{what}: not within {limit:?}"));
        }
        thread::sleep(LOOK);
    }
}

/// The processor and the priority of a process: the daemon has one processor, all others share a
/// second one, where the measured load generator has priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Daemon,
    Measured,
    Hostile,
}

fn start(place: Place, program: &str, words: &[String], log: PathBuf) -> Result<Process, String> {
    let Some([first, second]) = processors() else {
        return Process::start(program, words, log);
    };
    let before: &[&str] = match place {
        Place::Daemon => &["--cpu-list", &first],
        Place::Measured => &["--cpu-list", &second],
        Place::Hostile => &["--cpu-list", &second, "nice"],
    };
    let words: Vec<_> = before
        .iter()
        .map(|word| (*word).to_owned())
        .chain([program.to_owned()])
        .chain(words.iter().cloned())
        .collect();
    Process::start("taskset", &words, log)
}

/// The first two processors that this process may use (proc(5), `Cpus_allowed_list`: `0-3,8`);
/// those of a container need not start at 0. None if there is only one.
fn processors() -> Option<[String; 2]> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut all = allowed.trim().split(',').flat_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        first.parse::<u32>().unwrap()..=last.parse().unwrap()
    });
    Some([all.next()?.to_string(), all.next()?.to_string()])
}

/// A running daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// The address of the admin listener.
    pub(crate) metrics: SocketAddr,
}

impl Daemon {
    /// Starts a daemon with these options, on `port`, or with 0 on a free port.
    pub(crate) fn start(folder: &Path, port: u16, options: &[&str]) -> Result<Self, String> {
        Self::start_by(&[env!("CARGO_BIN_EXE_tcpechod")], folder, port, options)
    }

    /// Starts a daemon by a command, of which the last word is its program.
    pub(crate) fn start_by(
        command: &[&str],
        folder: &Path,
        port: u16,
        options: &[&str],
    ) -> Result<Self, String> {
        let (port_file, log) = (folder.join("port"), folder.join("daemon"));
        fs::remove_file(&port_file).ok();
        let words = format!("--listen 127.0.0.1:{port} --metrics 127.0.0.1:0 --port-file");
        let mut words: Vec<_> =
            command.iter().copied().chain(words.split(' ')).map(str::to_owned).collect();
        words.push(port_file.display().to_string());
        words.extend(options.iter().map(|option| (*option).to_owned()));
        let program = words.remove(0);
        let process = start(Place::Daemon, &program, &words, log)?;
        let listening = eventually(Duration::from_secs(10), "the daemon listens", || {
            let said = process.said();
            let metrics = said.split("metrics on ").nth(1)?.split_once('\n')?.0;
            let metrics = metrics.trim().parse().ok()?;
            let address = fs::read_to_string(&port_file).ok()?.trim().parse().ok()?;
            Some((address, metrics))
        });
        let (address, metrics) =
            listening.map_err(|wrong| format!("{wrong}: {}", process.last_words()))?;
        Ok(Self { process, address, metrics })
    }

    /// Requests a status line, and returns its counts.
    pub(crate) fn status(&mut self) -> Result<Counts, String> {
        let (before, _) = self.process.status();
        self.process.signal(Signal::USR1);
        eventually(Duration::from_secs(10), "a status", || {
            let (count, counts) = self.process.status();
            (count > before).then_some(counts)
        })
    }

    /// Waits until this many connections are open, polite ones included.
    pub(crate) fn until_open(&mut self, open: u64, limit: Duration) -> Result<Counts, String> {
        let end = Instant::now() + limit;
        loop {
            let counts = self.status()?;
            if open_of(&counts) == open {
                return Ok(counts);
            }
            if Instant::now() > end {
                return Err(format!("{} connections are open, not {open}", open_of(&counts)));
            }
            thread::sleep(LOOK * 10);
        }
    }

    /// Returns the value of a metric, read over HTTP.
    pub(crate) fn metric(&self, name: &str) -> Result<f64, String> {
        let text = scrape(self.metrics).map_err(|error| format!("metrics: {error}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|figure| figure.parse().ok()).ok_or_else(|| format!("no metric is {name}"))
    }

    /// The private memory of the daemon, in bytes.
    pub(crate) fn private_bytes(&self) -> f64 {
        measure::private_bytes(self.process.pid())
    }

    /// Stops the daemon; returns its last counts and the errors found.
    pub(crate) fn end(&mut self) -> Result<(Counts, Vec<String>), String> {
        self.process.signal(Signal::TERM);
        let limit = Duration::from_secs(15);
        let status = eventually(limit, "the daemon has ended", || self.process.ended())?;
        let (_, counts) = self.process.status();
        let count = |name: &str| count(&counts, name);
        let mut wrong = Vec::new();
        if !status.success() {
            wrong.push(format!("the daemon ended with {status}: {}", self.process.last_words()));
        }
        if count("accepted") != count("closed") {
            wrong.push(format!("{} accepted, {} closed", count("accepted"), count("closed")));
        }
        if count("error") > 0 {
            wrong.push(format!("{} connections ended with an error", count("error")));
        }
        Ok((counts, wrong))
    }
}

/// Returns all metrics, as text.
pub(crate) fn scrape(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: daemon\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The number of open connections, in any phase.
pub(crate) fn open_of(counts: &Counts) -> u64 {
    let phases = ["open", "flushing", "draining", "lingering", "proxy_header"];
    phases.iter().filter_map(|phase| counts.get(*phase)).sum()
}

/// A running load generator.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) process: Process,
    report: PathBuf,
}

impl Load {
    /// Starts the polite peers, for that duration after a second of warm-up.
    pub(crate) fn polite(
        folder: &Path,
        address: SocketAddr,
        duration: Duration,
    ) -> Result<Self, String> {
        let seconds = duration.as_secs_f64();
        let words = format!("-c {POLITE} --rate {POLITE_RATE} -d {seconds}s --timeout 20s");
        Self::start(folder, address, "polite", Place::Measured, &words)
    }

    /// Starts hostile peers that are a load generator with these options.
    pub(crate) fn hostile(
        folder: &Path,
        address: SocketAddr,
        name: &str,
        words: &str,
    ) -> Result<Self, String> {
        Self::start(folder, address, name, Place::Hostile, words)
    }

    fn start(
        folder: &Path,
        address: SocketAddr,
        name: &str,
        place: Place,
        words: &str,
    ) -> Result<Self, String> {
        let report = folder.join(format!("{name}.json"));
        fs::remove_file(&report).ok();
        let words = format!("{} {} -q --format json {words} -o", address.ip(), address.port());
        let mut words: Vec<_> = words.split(' ').map(str::to_owned).collect();
        words.push(report.display().to_string());
        let log = folder.join(name);
        let process = start(place, env!("CARGO_BIN_EXE_tcpecho-load"), &words, log)?;
        Ok(Self { process, report })
    }

    /// Returns its report, once it has ended.
    pub(crate) fn report(&mut self, limit: Duration) -> Result<Value, String> {
        let ended = eventually(limit, "the load generator has ended", || self.process.ended())?;
        let text = fs::read_to_string(&self.report)
            .map_err(|error| format!("{error}, {ended}: {}", self.process.last_words()))?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }
}

/// Lists the hostile processes that have ended before they were stopped, with their output.
pub(crate) fn ended_early<'a>(processes: impl IntoIterator<Item = &'a mut Process>) -> Vec<String> {
    let gone = processes.into_iter().filter_map(|one| Some((one.ended()?, one.said())));
    gone.map(|(status, said)| format!("hostile peers ended early, {status}: {said}")).collect()
}

/// Lists the losses of the polite peers; empty if there are none.
pub(crate) fn lost(report: &Value) -> Vec<String> {
    let nothing = ["/mismatches", "/unanswered", "/connections/failed"];
    report::complaints(report, nothing.map(|place| (place, 0))).collect()
}

/// Starts hostile peers with a habit, and waits until all are connected.
pub(crate) fn hostile_peers(
    folder: &Path,
    address: SocketAddr,
    habit: Habit,
    count: u64,
) -> Result<Process, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let words = [hostile::WORD, habit.word(), &address.to_string(), &count.to_string()];
    let words = words.map(str::to_owned);
    let log = folder.join(habit.word());
    let mut process = start(Place::Hostile, &own.display().to_string(), &words, log)?;
    eventually(Duration::from_secs(60), "hostile peers are connected", || {
        (process.said().contains("ready") || process.ended().is_some()).then_some(())
    })?;
    if process.ended().is_some() {
        return Err(format!("{}: {}", habit.word(), process.last_words()));
    }
    Ok(process)
}
