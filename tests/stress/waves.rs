//! The waves of a soak: one kind of hostile peers after another, in a cycle, beside polite peers.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::hostile::Habit;
use super::process::Process;
use super::process::count;
use super::stage::{self, Daemon, Load, hostile_peers};

/// The daemon's options: a connection limit that some waves reach, and deadlines that some waves
/// run into.
pub(crate) const OPTIONS: [&str; 8] = [
    "--max-connections",
    "2000",
    "--idle-timeout",
    "20s",
    "--line-timeout",
    "3s",
    "--stall-timeout",
    "2s",
];

/// The descriptor limit of the wave `Scarcity`; the polite peers use a hundred.
const SCARCE: u32 = 125;

/// A kind of wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wave {
    /// A load generator: its name, its options, and a count of the daemon that it must raise.
    Load(&'static str, &'static str, &'static str),
    /// Peers with a habit.
    Peers(Habit, u64),
    /// Requests for metrics.
    Scrapes,
    /// Signals that the daemon ignores or answers.
    Signals,
    /// The daemon runs out of descriptors while many peers connect.
    Scarcity,
}

pub(crate) const WAVES: [Wave; 12] = [
    Wave::Load("churn", "--mode churn -c 50 --source 127.0.1.1-127.0.1.40", "finished"),
    Wave::Load("resets", "--mode abort -c 50", "reset"),
    Wave::Peers(Habit::NeverRead, 300),
    Wave::Load(
        "half-close",
        "--mode half-close -c 50 -P 16 --source 127.0.2.1-127.0.2.40",
        "finished",
    ),
    Wave::Load("flood", "--mode stream -c 2 -P 16 --size 4k", "accepted"),
    Wave::Peers(Habit::WriteSlowly, 1000),
    Wave::Scarcity,
    Wave::Load("sizes", "-c 200 --size 1-16000 -P 4", "accepted"),
    Wave::Scrapes,
    Wave::Load("too many", "--mode idle -c 3000 --source 127.0.3.1-127.0.3.4", "accepted"),
    Wave::Peers(Habit::ReadSlowly, 300),
    Wave::Signals,
];

impl Wave {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Load(name, ..) => name,
            Self::Peers(habit, _) => habit.word(),
            Self::Scrapes => "metrics requests",
            Self::Signals => "signals",
            Self::Scarcity => "scarcity",
        }
    }

    /// Runs the wave for that time, and ends it.
    pub(crate) fn run(
        self,
        daemon: &mut Daemon,
        folder: &Path,
        lasts: Duration,
    ) -> Result<(), String> {
        let address = daemon.address;
        match self {
            // A duration longer than any wave: the test ends it.
            Self::Load(name, words, counted) => {
                let before = daemon.count(counted)?;
                let words = format!("{words} -d 1h --timeout 2s");
                let load = Load::hostile(folder, address, &name.replace(' ', "-"), &words)?;
                thread::sleep(lasts);
                let more = daemon.until_more(counted, before);
                stop(load.process)?;
                more?;
            }
            Self::Peers(habit, count) => {
                let peers = hostile_peers(folder, address, habit, count)?;
                thread::sleep(lasts);
                stop(peers)?;
            }
            Self::Scrapes => scrapes(daemon.metrics, lasts)?,
            Self::Signals => signals(daemon, lasts),
            Self::Scarcity => scarcity(daemon, folder, lasts)?,
        }
        Ok(())
    }
}

/// Limit on the time until the effect of a wave shows.
const LIMIT: Duration = Duration::from_secs(20);

impl Daemon {
    fn count(&mut self, name: &str) -> Result<u64, String> {
        Ok(count(&self.status()?, name))
    }

    /// Waits until a count has risen.
    fn until_more(&mut self, name: &str, before: u64) -> Result<(), String> {
        let more = || (self.count(name).ok()? > before).then_some(());
        stage::eventually(LIMIT, &format!("{name} rises"), more)
    }
}

/// Stops hostile peers; an error if they have ended before.
fn stop(mut peers: Process) -> Result<(), String> {
    stage::ended_early([&mut peers]).pop().map_or(Ok(()), Err)
}

/// Requests metrics and reads them; every second client leaves without a request.
fn scrapes(metrics: SocketAddr, lasts: Duration) -> Result<(), String> {
    let end = Instant::now() + lasts;
    while Instant::now() < end {
        let text = stage::scrape(metrics).map_err(|error| format!("metrics: {error}"))?;
        if !text.contains("tcpechod_") {
            return Err(format!("unexpected metrics: {text:?}"));
        }
        drop(std::net::TcpStream::connect(metrics));
    }
    Ok(())
}

fn signals(daemon: &mut Daemon, lasts: Duration) {
    let end = Instant::now() + lasts;
    for signal in [Signal::HUP, Signal::USR2, Signal::USR1].into_iter().cycle() {
        if Instant::now() > end {
            break;
        }
        daemon.process.signal(signal);
        thread::sleep(Duration::from_millis(200));
    }
}

/// Lowers the daemon's descriptor limit while many peers connect, and then restores it.
fn scarcity(daemon: &mut Daemon, folder: &Path, lasts: Duration) -> Result<(), String> {
    let churn = "--mode churn -c 50 --source 127.0.1.41-127.0.1.80 -d 1h --timeout 20s";
    let pid = daemon.process.pid().to_string();
    let limit = |words: &[&str]| {
        let said = Command::new("prlimit").args(["--pid", &pid]).args(words).output();
        let said = said.map_err(|error| format!("prlimit: {error}"))?;
        let limit = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        if said.status.success() { Ok(limit) } else { Err(format!("prlimit: {}", said.status)) }
    };
    let pauses = daemon.count("accept_pauses")?;
    let before = limit(&["--nofile", "--output", "SOFT", "--noheadings", "--raw"])?;
    limit(&[&format!("--nofile={SCARCE}:")])?;
    let load = Load::hostile(folder, daemon.address, "scarcity", churn)?;
    thread::sleep(lasts / 2);
    let ran_out = daemon.until_more("accept_pauses", pauses);
    limit(&[&format!("--nofile={before}:")])?;
    thread::sleep(lasts / 2);
    stop(load.process)?;
    ran_out
}
