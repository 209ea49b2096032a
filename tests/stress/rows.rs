//! The rows of overload: the hostile peers, and the results of the polite ones.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::hostile::Habit;
use super::measure;
use super::process::{Counts, Process, count};
use super::stage::{self, Daemon, Load, POLITE, eventually, hostile_peers};

/// Hostile peers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hostile {
    /// Peers with a habit.
    Peers(Habit, u64),
    /// A load generator: its name and options.
    Load(&'static str, &'static str),
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Its id in the table.
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// Additional options of the daemon.
    pub(crate) options: &'static [&'static str],
    pub(crate) hostile: &'static [Hostile],
    /// The daemon is killed and restarted just before the peers come.
    pub(crate) restarts: bool,
}

const FLOOD: Hostile = Hostile::Load("flood", "--mode stream -c 1 -P 16 --size 4k");
const CHURN: Hostile = Hostile::Load("churn", "--mode churn -c 50 --source 127.0.1.1-127.0.1.40");
const RESETS: Hostile = Hostile::Load("resets", "--mode abort -c 50");
const SLOW_READERS: Hostile = Hostile::Peers(Habit::ReadSlowly, 1000);
const SLOW_WRITERS: Hostile = Hostile::Peers(Habit::WriteSlowly, 5000);

pub(crate) const ROWS: [Row; 10] = [
    row("", "no other peers", &[]),
    row("O01", "one flooding peer", &[FLOOD]),
    row("O02", "1,000 peers reading a byte a second", &[SLOW_READERS]),
    Row {
        options: &["--stall-timeout", "2s"],
        ..row(
            "O02",
            "1,000 peers that never read, with a stall timeout",
            &[Hostile::Peers(Habit::NeverRead, 1000)],
        )
    },
    row("O03", "5,000 peers sending a byte every ten seconds", &[SLOW_WRITERS]),
    row("O04", "19,700 idle connections", &[Hostile::Load("idle", "--mode idle -c 19700")]),
    row("O05", "churn", &[CHURN]),
    row("O06", "many resets", &[RESETS]),
    Row {
        restarts: true,
        ..row(
            "O07",
            "10,000 reconnects after a restart",
            &[Hostile::Load("herd", "--mode idle -c 10000")],
        )
    },
    row(
        "O08",
        "all of these at once",
        &[
            SLOW_READERS,
            SLOW_WRITERS,
            FLOOD,
            CHURN,
            RESETS,
            Hostile::Load("idle", "--mode idle -c 5000"),
        ],
    ),
];

const fn row(id: &'static str, name: &'static str, hostile: &'static [Hostile]) -> Row {
    Row { id, name, options: &[], hostile, restarts: false }
}

/// The result of a row.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) row: Row,
    /// The report of the polite peers.
    pub(crate) report: Value,
    /// The daemon's memory before the first connection, at its highest, and after the last.
    pub(crate) bytes: [f64; 3],
    /// Connections open when the polite peers had finished.
    pub(crate) open: u64,
    /// Time until all reconnecting peers were connected.
    pub(crate) back: Option<Duration>,
    pub(crate) log_bytes: usize,
    pub(crate) slow_iterations: f64,
    pub(crate) wrong: Vec<String>,
}

/// Runs a row: the polite peers for `duration`, the hostile peers meanwhile.
pub(crate) fn run(row: Row, duration: Duration, folder: &Path) -> Result<Outcome, String> {
    let mut daemon = Daemon::start(folder, 0, row.options)?;
    if row.restarts {
        daemon = killed_and_started_again(daemon, folder)?;
    }
    let before = daemon.private_bytes();
    let mut polite = Load::polite(folder, daemon.address, duration)?;
    let since = Instant::now();
    let (over, pid) = (AtomicBool::new(false), daemon.process.pid());
    let (report, hostile, peak, back) = thread::scope(|scope| {
        let watch = scope.spawn(|| highest(pid, &over));
        let hostile = start_hostile(&row, folder, daemon.address);
        let back = row.restarts.then(|| daemon.until_back(10_000).map(|()| since.elapsed()));
        let report = polite.report(duration + Duration::from_secs(40));
        over.store(true, Ordering::Relaxed);
        (report, hostile, watch.join(), back)
    });
    let mut hostile = hostile?;
    let open = stage::open_of(&daemon.status()?);
    let ended_early = stage::ended_early(&mut hostile);
    drop(hostile);
    daemon.until_open(0, Duration::from_secs(30))?;
    let after = daemon.private_bytes();
    let slow_iterations = daemon.metric("tcpechod_event_loop_slow_iterations_total")?;
    let (counts, mut wrong) = daemon.end()?;
    let report = report?;
    wrong.extend(ended_early);
    wrong.extend(stage::lost(&report));
    let log_bytes = daemon.process.said().len();
    let peak = peak.map_err(|_panic| "the memory watch panicked".to_owned())?;
    let back = back.transpose()?;
    let bytes = [before, peak.max(after), after];
    wrong.extend(too_much_memory(bytes, &counts));
    Ok(Outcome { row, report, bytes, open, back, log_bytes, slow_iterations, wrong })
}

/// Limits on memory, in bytes: per connection, for the most output that one turn can queue and an
/// incomplete line; and for the daemon besides.
const CONNECTION_BYTES_MAX: f64 = 72.0 * 1024.0;
const BASE_BYTES_MAX: f64 = 4.0 * 1024.0 * 1024.0;

fn too_much_memory([before, peak, _]: [f64; 3], counts: &Counts) -> Option<String> {
    let accepted = count(counts, "accepted");
    let accepted = f64::from(u32::try_from(accepted).unwrap_or(u32::MAX).min(20_000));
    let most = before + BASE_BYTES_MAX + accepted * CONNECTION_BYTES_MAX;
    (peak > most).then(|| format!("the daemon used {peak} bytes, more than {most}"))
}

/// Kills a daemon with 10,000 connections, and starts the next one on its port.
fn killed_and_started_again(mut daemon: Daemon, folder: &Path) -> Result<Daemon, String> {
    let idle = "--mode idle -c 10000 -d 60s --close rst";
    let herd = Load::hostile(folder, daemon.address, "before", idle)?;
    daemon.until_open(10_000, Duration::from_secs(60))?;
    let port = daemon.address.port();
    daemon.process.signal(rustix::process::Signal::KILL);
    eventually(Duration::from_secs(10), "the daemon is killed", || daemon.process.ended())?;
    drop(herd);
    Daemon::start(folder, port, &[])
}

impl Daemon {
    /// Waits until this many peers and the polite ones are connected.
    fn until_back(&mut self, count: u64) -> Result<(), String> {
        eventually(Duration::from_secs(60), "all peers are back", || {
            (stage::open_of(&self.status().ok()?) >= count + POLITE).then_some(())
        })
    }
}

fn start_hostile(
    row: &Row,
    folder: &Path,
    address: std::net::SocketAddr,
) -> Result<Vec<Process>, String> {
    let started = row.hostile.iter().map(|hostile| match *hostile {
        Hostile::Peers(habit, count) => hostile_peers(folder, address, habit, count),
        Hostile::Load(name, words) => {
            // A duration longer than any run: the test ends it.
            let words = format!("{words} -d 1h");
            Load::hostile(folder, address, name, &words).map(|load| load.process)
        }
    });
    started.collect()
}

/// Sampling interval of the memory.
const LOOK: Duration = Duration::from_millis(200);

/// Returns the highest private memory of a process until `over` is set.
fn highest(pid: u32, over: &AtomicBool) -> f64 {
    let mut highest: f64 = 0.0;
    while !over.load(Ordering::Relaxed) {
        highest = highest.max(measure::private_bytes(pid));
        thread::sleep(LOOK);
    }
    highest
}
