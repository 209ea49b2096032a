//! The waves of a soak: one kind of trouble after another, again and again, beside the polite.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::company::Habit;
use super::process::Process;
use super::process::count;
use super::stage::{self, Daemon, Load, company};

/// What the daemon is started with: fewer connections than a wave brings, so that it is full from
/// time to time, and deadlines that waves run into.
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

/// How many descriptors it has when they are scarce: the polite have a hundred of them.
const SCARCE: u32 = 125;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wave {
    /// A load generator with these options, and what the daemon then has to count more of.
    Load(&'static str, &'static str, &'static str),
    /// Peers with a bad habit.
    Company(Habit, u64),
    /// Many who ask for metrics.
    Visitors,
    /// Signals that are to be ignored, or answered.
    Signals,
    /// The daemon's descriptors run out while many connect.
    Scarcity,
}

pub(crate) const WAVES: [Wave; 12] = [
    Wave::Load("churn", "--mode churn -c 50 --source 127.0.1.1-127.0.1.40", "finished"),
    Wave::Load("resets", "--mode abort -c 50", "reset"),
    Wave::Company(Habit::NeverRead, 300),
    Wave::Load(
        "half-close",
        "--mode half-close -c 50 -P 16 --source 127.0.2.1-127.0.2.40",
        "finished",
    ),
    Wave::Load("flood", "--mode stream -c 2 -P 16 --size 4k", "accepted"),
    Wave::Company(Habit::WriteSlowly, 1000),
    Wave::Scarcity,
    Wave::Load("sizes", "-c 200 --size 1-16000 -P 4", "accepted"),
    Wave::Visitors,
    Wave::Load("too many", "--mode idle -c 3000 --source 127.0.3.1-127.0.3.4", "accepted"),
    Wave::Company(Habit::ReadSlowly, 300),
    Wave::Signals,
];

impl Wave {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Load(name, ..) => name,
            Self::Company(habit, _) => habit.word(),
            Self::Visitors => "visitors",
            Self::Signals => "signals",
            Self::Scarcity => "scarcity",
        }
    }

    /// Lets it come, and go after so long.
    pub(crate) fn comes(
        self,
        daemon: &mut Daemon,
        folder: &Path,
        lasts: Duration,
    ) -> Result<(), String> {
        let address = daemon.address;
        match self {
            // Told to go on for longer than it may: the end is ours.
            Self::Load(name, words, counted) => {
                let before = daemon.count(counted)?;
                let words = format!("{words} -d 1h --timeout 2s");
                let load = Load::company(folder, address, &name.replace(' ', "-"), &words)?;
                thread::sleep(lasts);
                let more = daemon.until_more(counted, before);
                goes(load.process)?;
                more?;
            }
            Self::Company(habit, count) => {
                let company = company(folder, address, habit, count)?;
                thread::sleep(lasts);
                goes(company)?;
            }
            Self::Visitors => visits(daemon.metrics, lasts)?,
            Self::Signals => signals(daemon, lasts),
            Self::Scarcity => scarcity(daemon, folder, lasts)?,
        }
        Ok(())
    }
}

/// What has to happen in a wave does so within that.
const LIMIT: Duration = Duration::from_secs(20);

impl Daemon {
    fn count(&mut self, name: &str) -> Result<u64, String> {
        Ok(count(&self.status()?, name))
    }

    /// Waits until it has counted more than before.
    fn until_more(&mut self, name: &str, before: u64) -> Result<(), String> {
        let more = || (self.count(name).ok()? > before).then_some(());
        stage::eventually(LIMIT, &format!("more are counted as {name}"), more)
    }
}

/// It is told to go, and was there until now.
fn goes(mut company: Process) -> Result<(), String> {
    stage::deserters([&mut company]).pop().map_or(Ok(()), Err)
}

/// Some ask and read the answer, some leave before it.
fn visits(metrics: SocketAddr, lasts: Duration) -> Result<(), String> {
    let end = Instant::now() + lasts;
    while Instant::now() < end {
        let text = stage::visit(metrics).map_err(|error| format!("a visit: {error}"))?;
        if !text.contains("tcpechod_") {
            return Err(format!("a visitor was told {text:?}"));
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

/// Its limit is lowered to what it has, and many connect; then it has its limit back.
fn scarcity(daemon: &mut Daemon, folder: &Path, lasts: Duration) -> Result<(), String> {
    let churn = "--mode churn -c 50 --source 127.0.1.41-127.0.1.80 -d 1h --timeout 20s";
    let pid = daemon.process.pid().to_string();
    let limit = |words: &[&str]| {
        let said = Command::new("prlimit").args(["--pid", &pid]).args(words).output();
        let said = said.map_err(|error| format!("prlimit: {error}"))?;
        let told = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        if said.status.success() { Ok(told) } else { Err(format!("prlimit: {}", said.status)) }
    };
    let pauses = daemon.count("accept_pauses")?;
    let before = limit(&["--nofile", "--output", "SOFT", "--noheadings", "--raw"])?;
    limit(&[&format!("--nofile={SCARCE}:")])?;
    let load = Load::company(folder, daemon.address, "scarcity", churn)?;
    thread::sleep(lasts / 2);
    let ran_out = daemon.until_more("accept_pauses", pauses);
    limit(&[&format!("--nofile={before}:")])?;
    thread::sleep(lasts / 2);
    goes(load.process)?;
    ran_out
}
