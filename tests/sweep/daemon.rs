//! The daemon under strace, which is beside it and can be taken away: `-D` makes the daemon our own
//! child, and SIGTERM has strace let go of it.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::trace::Trace;

/// How long the daemon may take for a drain. Nobody needs that long.
const DRAIN: &str = "2s";

/// Two looks at something that is waited for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// The service echo, on a TCP and a Unix socket, with metrics and a service manager.
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

/// A daemon that was started under strace.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    directory: TempDir,
    /// Where a service manager would read.
    _manager: UnixDatagram,
    /// SIGTERM was sent.
    pub(crate) asked_to_end: bool,
}

impl Daemon {
    /// Starts it; `rule` is what strace is to inject, and `traced` what it writes down.
    pub(crate) fn start(
        binary: &Path,
        scenario: Scenario,
        traced: &str,
        rule: Option<&str>,
    ) -> Self {
        let directory = TempDir::with_prefix("sweep").expect("a directory");
        let place = |name: &str| directory.path().join(name);
        let manager = UnixDatagram::bind(place("manager")).expect("a socket");
        // One that nobody listens on any more.
        drop(UnixListener::bind(place("socket")).expect("a socket"));
        // Should the harness be killed, so is the daemon, and its tracer ends with it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "sh"]);
        // The limit is there to be raised.
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
        Self { child, directory, _manager: manager, asked_to_end: false }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The Unix socket that it listens on.
    pub(crate) fn socket(&self) -> PathBuf {
        self.place("socket")
    }

    /// Where it tells how it is.
    pub(crate) fn metrics(&self) -> PathBuf {
        self.place("metrics")
    }

    /// Waits until it listens, and returns where; none if it has ended, or not in that time.
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

    /// Its exit status, once it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits for that.
    pub(crate) fn wait_for_end(&mut self, patience: Duration) -> Option<ExitStatus> {
        wait(patience, || self.ended().is_some());
        self.ended()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            kill_process(pid(self.child.id()), signal).ok();
        }
    }

    /// Has it drain.
    pub(crate) fn terminate(&mut self) {
        self.asked_to_end = true;
        self.signal(Signal::TERM);
    }

    /// Takes strace away: from now on every call is the kernel's own. It is the daemon's tracer,
    /// and nobody else's.
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

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.place("log")).unwrap_or_default()).into_owned()
    }

    /// What strace has written down.
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

/// Looks until it is so, or the time is over.
pub(crate) fn wait(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + patience;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

fn pid(number: u32) -> Pid {
    i32::try_from(number).ok().and_then(Pid::from_raw).expect("a process id")
}
