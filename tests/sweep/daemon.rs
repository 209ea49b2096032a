//! The daemon under strace. `-D` makes the daemon a direct child of the test, so that the test can
//! detach strace, with SIGTERM.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::trace::Trace;

/// The drain timeout, longer than any drain here needs.
const DRAIN: &str = "2s";

/// The polling interval.
const BETWEEN_POLLS: Duration = Duration::from_millis(1);

/// The configuration of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// The echo service, on a TCP and a Unix socket, with metrics and a service manager.
    Echo,
    /// `--exec cat`.
    Exec,
}

impl Scenario {
    pub(crate) const ALL: [Self; 2] = [Self::Echo, Self::Exec];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Exec => "exec",
        }
    }
}

/// A daemon started under strace.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    directory: TempDir,
    /// The notification socket of a simulated service manager.
    _manager: UnixDatagram,
    /// The test has sent SIGTERM.
    pub(crate) stop_requested: bool,
}

impl Daemon {
    /// Starts the daemon; strace injects `rule`, and records the calls in `traced`.
    pub(crate) fn start(
        binary: &Path,
        scenario: Scenario,
        traced: &str,
        rule: Option<&str>,
    ) -> Self {
        let directory = TempDir::with_prefix("sweep").expect("a directory");
        let place = |name: &str| directory.path().join(name);
        let manager = UnixDatagram::bind(place("manager")).expect("a socket");
        // A stale socket file.
        drop(UnixListener::bind(place("socket")).expect("a socket"));
        // If the harness is killed, so is the daemon, and strace ends with it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "sh"]);
        // A low limit, which the daemon raises.
        command.args(["-c", "ulimit -Sn 1024; exec \"$0\" \"$@\"", "strace", "-D", "-I", "2"]);
        command.args(["-qq", "-s", "8", "-o"]).arg(place("trace"));
        command.arg("-e").arg(format!("trace={traced}"));
        if scenario == Scenario::Exec {
            command.args(["-f", "-b", "execve"]);
        }
        if let Some(rule) = rule {
            command.arg("-e").arg(format!("inject={rule}"));
        }
        command.arg(binary).args(["--listen", "127.0.0.1:0", "--drain-timeout", DRAIN]);
        command.arg("--port-file").arg(place("port"));
        match scenario {
            Scenario::Echo => {
                command.args(["--idle-timeout", "60s"]);
                command.arg("--listen").arg(unix(&place("socket")));
                command.arg("--metrics").arg(unix(&place("metrics")));
            }
            Scenario::Exec => {
                command.args(["--exec", "/bin/cat"]);
            }
        }
        command.env_clear().env("RUST_LOG", "debug").env("NOTIFY_SOCKET", place("manager"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(place("log")).expect("a log"));
        let child = command.spawn().expect("setpriv");
        Self { child, directory, _manager: manager, stop_requested: false }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The Unix socket that the daemon listens on.
    pub(crate) fn socket(&self) -> PathBuf {
        self.place("socket")
    }

    /// The Unix socket of the admin listener.
    pub(crate) fn metrics(&self) -> PathBuf {
        self.place("metrics")
    }

    /// Waits until the daemon listens, and returns its address; None if it ends, or does not listen
    /// in time.
    pub(crate) fn wait_until_ready(&mut self, patience: Duration) -> Option<SocketAddr> {
        let file = self.place("port");
        let mut at = None;
        wait(patience, || {
            if self.ended().is_none() {
                at = fs::read_to_string(&file).ok();
                at.is_some()
            } else {
                true
            }
        });
        at?.lines().next()?.parse().ok()
    }

    /// The exit status, once the daemon has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the daemon is a child")
    }

    /// Waits for the exit status.
    pub(crate) fn wait_for_end(&mut self, patience: Duration) -> Option<ExitStatus> {
        wait(patience, || self.ended().is_some());
        self.ended()
    }

    /// Sends a signal to the daemon.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            kill_process(pid(self.child.id()), signal).ok();
        }
    }

    /// Starts the drain.
    pub(crate) fn terminate(&mut self) {
        self.stop_requested = true;
        self.signal(Signal::TERM);
    }

    /// Detaches strace, so that no more faults are injected. The daemon's tracer is always strace.
    pub(crate) fn lift(&mut self) {
        let status = PathBuf::from(format!("/proc/{}/status", self.child.id()));
        let tracer = || {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("TracerPid:"));
            line.and_then(|number| number.trim().parse::<u32>().ok()).filter(|pid| *pid > 0)
        };
        if let Some(strace) = tracer() {
            kill_process(pid(strace), Signal::TERM).ok();
            wait(Duration::from_secs(10), || tracer().is_none());
        }
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.place("log")).unwrap_or_default()).into_owned()
    }

    /// The record of strace.
    pub(crate) fn trace(&self) -> Trace {
        Trace::read(&self.place("trace"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// Polls until the condition holds, or until the timeout; returns false on timeout.
pub(crate) fn wait(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + patience;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        std::thread::park_timeout(BETWEEN_POLLS);
    }
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

fn pid(number: u32) -> Pid {
    i32::try_from(number).ok().and_then(Pid::from_raw).expect("a process id")
}
