//! A process of a test: started, watched, and always ended; and the status lines of a daemon.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// All counts of a daemon's status line, by name.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Returns a count, or 0 if it is missing.
pub(crate) fn count(counts: &Counts, name: &str) -> u64 {
    counts.get(name).copied().unwrap_or_default()
}

/// A process that is killed when this is dropped, and by the kernel if the harness itself is killed
/// (`setpriv` replaces itself with the program: prctl(2), `PR_SET_PDEATHSIG`).
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a process; `log` receives its stdout and stderr.
    pub(crate) fn start(program: &str, words: &[String], log: PathBuf) -> Result<Self, String> {
        let failed = |error| format!("{}: {error}", log.display());
        let file = File::create(&log).map_err(failed)?;
        let prints = file.try_clone().map_err(failed)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", program]).args(words);
        let set = |(name, _): &(String, String)| name.starts_with("TCPECHO") || name == "RUST_LOG";
        for (name, _) in std::env::vars().filter(set) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(prints).stderr(file);
        let child = command.spawn().map_err(|error| format!("setpriv (util-linux): {error}"))?;
        Ok(Self { child, log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, once the process has ended. Until this call has returned it, no other
    /// process can get the same id.
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

    /// The whole output so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The number of status lines so far (SIGUSR1 requests one), and the counts of the last.
    pub(crate) fn status(&self) -> (usize, Counts) {
        let log = self.said();
        // The last line may be incomplete.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let statuses: Vec<_> = whole.lines().filter(|line| line.contains("] status ")).collect();
        let words = statuses.last().unwrap_or(&"").split_whitespace();
        let pairs = words.filter_map(|word| word.split_once('='));
        let counts = pairs.filter_map(|(name, count)| Some((name.to_owned(), count.parse().ok()?)));
        (statuses.len(), counts.collect())
    }

    /// The last line of output.
    pub(crate) fn last_words(&self) -> String {
        let log = self.said();
        log.lines().next_back().unwrap_or_default().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().ok();
    }
}
