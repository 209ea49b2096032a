//! A daemon for the tests.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{DAEMON, PROBE};

/// How long a daemon may take to start.
const LIMIT: Duration = Duration::from_secs(20);

/// A daemon, ended when dropped.
pub(crate) struct Daemon {
    process: Child,
    /// HOST:PORT.
    pub(crate) address: String,
    _directory: TempDir,
}

impl Daemon {
    /// Starts it on that address, with these options, and waits until it is ready.
    pub(crate) fn start(listen: &str, options: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("ports");
        let process = Command::new(DAEMON)
            .args(["--listen", listen, "--port-file"])
            .arg(&file)
            .args(options)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let since = Instant::now();
        let address = loop {
            match fs::read_to_string(&file) {
                Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
                _ => assert!(since.elapsed() < LIMIT, "the daemon did not start"),
            }
            thread::park_timeout(Duration::from_millis(5));
        };
        Self { process, address, _directory: directory }
    }
}

impl Daemon {
    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Runs the probe with JSON. Returns the exit status, the events, and the summary.
pub(crate) fn probe(words: &[&str]) -> (i32, Vec<Value>, Value) {
    let output = Command::new(PROBE).args(words).args(["--format", "json"]).output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let Some(last) = lines.pop() else { panic!("{words:?}: {output:?}") };
    (output.status.code().unwrap(), lines, last["summary"].clone())
}
