//! Starts a daemon: its arguments, environment, sockets and wrapper command.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::daemon::Daemon;
use super::wait::eventually;

/// The daemon's binary.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tcpechod");

/// The configuration of a daemon to start.
#[derive(Debug)]
pub(crate) struct Builder {
    directory: TempDir,
    binary: PathBuf,
    listen: Vec<String>,
    arguments: Vec<String>,
    wrapper: Vec<OsString>,
    environment: Vec<(&'static str, String)>,
    /// Sockets that the daemon inherits, as from systemd: at most two.
    sockets: Vec<OwnedFd>,
    stderr: Option<Stdio>,
    logs_to_file: bool,
    trace: Trace,
}

/// The use of strace on the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// No strace, or strace only records.
    Watched,
    /// strace makes system calls fail; a test without an injected failure proves nothing.
    Injected,
}

/// A daemon that has ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit status; None if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Its standard error.
    pub(crate) stderr: String,
    /// Its standard output.
    pub(crate) stdout: String,
}

impl Builder {
    /// A daemon with these arguments, on a free port, with its log at debug.
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            binary: BINARY.into(),
            listen: Vec::new(),
            arguments: arguments.iter().map(|&one| one.to_owned()).collect(),
            wrapper: Vec::new(),
            environment: vec![("RUST_LOG", "debug".to_owned())],
            sockets: Vec::new(),
            stderr: None,
            logs_to_file: false,
            trace: Trace::Watched,
        }
    }

    /// Runs this copy of the daemon's binary instead of the one from the build.
    pub(crate) fn binary(mut self, binary: &Path) -> Self {
        binary.clone_into(&mut self.binary);
        self
    }

    /// Listens on this address instead of 127.0.0.1:0; may be called several times.
    pub(crate) fn listen(mut self, address: &str) -> Self {
        self.listen.push(address.to_owned());
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Starts the daemon through this command, with the daemon's own command appended.
    pub(crate) fn wrapped<S: AsRef<str>>(mut self, command: &[S]) -> Self {
        self.wrapper.extend(command.iter().map(|word| word.as_ref().into()));
        self
    }

    /// Starts the daemon in its own network namespace, where a test may destroy sockets.
    pub(crate) fn in_namespace(self) -> Self {
        let script = "ip link set lo up && exec \"$0\" \"$@\"";
        self.wrapped(&["unshare", "-rn", "sh", "-c", script])
    }

    /// Passes one or two sockets as descriptors 3 and 4, as systemd does, with their names
    /// separated by a colon. A shell sets `LISTEN_PID`, because only the process itself knows its
    /// process id.
    pub(crate) fn inheriting(mut self, names: &str, sockets: Vec<OwnedFd>) -> Self {
        let count = sockets.len();
        self.sockets = sockets;
        let script = format!(
            "exec 3<&0 4<&1 </dev/null >/dev/null; LISTEN_FDNAMES={names} LISTEN_PID=$$ \
             LISTEN_FDS={count} exec \"$0\" \"$@\""
        );
        self.wrapped(&["sh", "-c", &script])
    }

    /// Runs the daemon under strace, which records the system calls of this name.
    pub(crate) fn traced(self, call: &str) -> Self {
        let trace = self.trace_file();
        let filter = format!("trace={call}");
        let path = trace.to_str().unwrap();
        self.wrapped(&["strace", "-f", "--seccomp-bpf", "-o", path, "-e", &filter])
    }

    /// Runs the daemon under strace, which makes some calls of this name fail with `error`:
    /// `when` is N for the N-th call, N..M for a range, N+S for every S-th call from the N-th on.
    pub(crate) fn injected(mut self, call: &str, error: &str, when: &str) -> Self {
        self.trace = Trace::Injected;
        let rule = format!("inject={call}:error={error}:when={when}");
        self.traced(call).wrapped(&["-e", &rule])
    }

    /// Writes the log to `target` instead of a file.
    pub(crate) fn stderr(mut self, target: impl Into<Stdio>) -> Self {
        self.stderr = Some(target.into());
        self
    }

    /// Lets the daemon write its log itself, into the file `log` of its directory (`--log-file`).
    pub(crate) fn logging_to_file(self) -> Self {
        let path = self.directory.path().join("log").to_str().unwrap().to_owned();
        Self { logs_to_file: true, ..self }.env("TCPECHOD_LOG_FILE", &path)
    }

    /// A directory for the test's own files, removed together with the daemon.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn trace_file(&self) -> PathBuf {
        self.directory.path().join("trace")
    }

    /// Starts the daemon and waits until it is ready.
    pub(crate) fn start(mut self) -> Daemon {
        if self.listen.is_empty() && self.sockets.is_empty() {
            self.listen.push("127.0.0.1:0".to_owned());
        }
        let (child, log) = self.spawn();
        Daemon::ready(child, self.directory, log, self.trace)
    }

    /// Starts the daemon and waits until it has ended by itself.
    pub(crate) fn run_to_end(mut self) -> Ended {
        let (mut child, _) = self.spawn();
        let status = eventually("the daemon ends by itself", || child.try_wait().unwrap());
        let read = |name| std::fs::read(self.directory.path().join(name)).unwrap_or_default();
        if self.trace == Trace::Injected {
            let trace = String::from_utf8(read("trace")).unwrap();
            assert!(trace.contains("(INJECTED)"), "strace injected no failure:\n{trace}");
        }
        Ended {
            code: status.code(),
            stderr: String::from_utf8(read("log")).unwrap(),
            stdout: String::from_utf8(read("stdout")).unwrap(),
        }
    }

    /// Spawns the process; returns it and its log file, if it has one.
    fn spawn(&mut self) -> (Child, Option<PathBuf>) {
        let mut words = std::mem::take(&mut self.wrapper);
        words.push(self.binary.clone().into());
        for address in &self.listen {
            words.extend(["--listen".into(), address.into()]);
        }
        words.extend(self.arguments.iter().map(OsString::from));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("--port-file").arg(self.directory.path().join("port"));
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("TCPECHOD_")) {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.drain(..)).stdin(Stdio::null());
        command.stdout(File::create(self.directory.path().join("stdout")).unwrap());
        let mut sockets = self.sockets.drain(..);
        sockets.next().map(|socket| command.stdin(socket));
        sockets.next().map(|socket| command.stdout(socket));
        let path = self.directory.path().join("log");
        let log = self.stderr.is_none().then(|| path.clone());
        let stderr = self.stderr.take();
        let own = if self.logs_to_file { path.with_file_name("stderr") } else { path };
        command.stderr(stderr.unwrap_or_else(|| File::create(own).unwrap().into()));
        (command.spawn().unwrap_or_else(|error| panic!("{words:?}: {error}")), log)
    }
}
