//! The daemons and the load generators: started, asked, told to end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::scale::Scale;

/// How long a load process holds its connections if nobody tells it to end: longer than all
/// deadlines of a run together.
const HOLD: &str = "1h";

/// A process that is killed when this is dropped, and by the kernel should the harness be killed
/// itself (`setpriv`, which then is the program: prctl(2), `PR_SET_PDEATHSIG`).
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    fn start(program: &str, words: &[String], log: PathBuf) -> Result<Self, String> {
        let file = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", program]).args(words);
        let set = |(name, _): &(String, String)| name.starts_with("TCPECHO") || name == "RUST_LOG";
        for (name, _) in std::env::vars().filter(set) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let child = command.spawn().map_err(|error| format!("setpriv (util-linux): {error}"))?;
        Ok(Self { child, log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, once it has ended. Until that was asked for, its id stays its own.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.ended().is_none()
            && let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw)
        {
            kill_process(pid, signal).ok();
        }
    }

    /// What it said last.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().next_back().unwrap_or_default().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().ok();
    }
}

/// Everything that a daemon counts, by name.
pub(crate) type Counts = BTreeMap<String, u64>;

/// A daemon on a port that it shares with others.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) process: Process,
    port_file: PathBuf,
}

impl Daemon {
    /// Starts one; the port is 0 for the first, and then that of the first.
    pub(crate) fn start(folder: &Path, number: u64, port: u16) -> Result<Self, String> {
        let port_file = folder.join(format!("port-{number}"));
        let words = [
            "--listen".to_owned(),
            format!("127.0.0.1:{port}"),
            "--reuse-port".to_owned(),
            "--port-file".to_owned(),
            port_file.display().to_string(),
        ];
        let log = folder.join(format!("daemon-{number}"));
        let process = Process::start(env!("CARGO_BIN_EXE_tcpechod"), &words, log)?;
        Ok(Self { process, port_file })
    }

    /// Where it listens, once it does.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        fs::read_to_string(&self.port_file).ok()?.trim().parse().ok()
    }

    /// How often it has logged its status (SIGUSR1 asks for it), and what the last one says.
    pub(crate) fn status(&self) -> (usize, Counts) {
        let log = fs::read_to_string(&self.process.log).unwrap_or_default();
        // The last line may be half written.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let statuses: Vec<_> = whole.lines().filter(|line| line.contains("] status ")).collect();
        let words = statuses.last().unwrap_or(&"").split_whitespace();
        let pairs = words.filter_map(|word| word.split_once('='));
        let counts = pairs.filter_map(|(name, count)| Some((name.to_owned(), count.parse().ok()?)));
        (statuses.len(), counts.collect())
    }
}

/// A load generator with its share of the connections.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) process: Process,
    pub(crate) connections: u64,
    report: PathBuf,
}

impl Load {
    pub(crate) fn start(
        folder: &Path,
        address: SocketAddr,
        scale: &Scale,
        (number, connections): (u64, u64),
        timeout: Duration,
    ) -> Result<Self, String> {
        let report = folder.join(format!("report-{number}"));
        let words = format!(
            "{} {} --mode idle -c {connections} -d {HOLD} --warmup 0s --again {} --source {} \
             --timeout {}s --seed {} -q --format json -o",
            address.ip(),
            address.port(),
            Scale::again(connections),
            scale.source(number),
            timeout.as_secs(),
            number + 1
        );
        let mut words: Vec<_> = words.split(' ').map(str::to_owned).collect();
        words.push(report.display().to_string());
        let log = folder.join(format!("load-{number}"));
        let process = Process::start(env!("CARGO_BIN_EXE_tcpecho-load"), &words, log)?;
        Ok(Self { process, connections, report })
    }

    /// What it has found, once it has ended.
    pub(crate) fn report(&self) -> Result<Value, String> {
        let text = fs::read_to_string(&self.report).map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }
}
