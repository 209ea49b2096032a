//! The load generator and the daemon as child processes, and servers in threads.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const LOAD: &str = env!("CARGO_BIN_EXE_tcpecho-load");
pub(crate) const DAEMON: &str = env!("CARGO_BIN_EXE_tcpechod");

/// The limit of every wait. Each takes a second or two; a busy machine may need longer.
const LIMIT: Duration = Duration::from_secs(60);

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The report of a run with `--format json`.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// `tcpecho-load 127.0.0.1 PORT OPTIONS`, without settings from the environment.
pub(crate) fn command(port: u16, options: &[&str]) -> Command {
    let mut command = Command::new(LOAD);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TCPECHO_LOAD_")) {
        command.env_remove(name);
    }
    command.args(["127.0.0.1", &port.to_string()]).args(options).stdin(Stdio::null());
    command
}

/// Runs the load generator to its end.
pub(crate) fn run(port: u16, options: &[&str]) -> Ran {
    finish(&mut command(port, options))
}

/// Runs the load generator to its end, asserts success, and returns the report.
#[track_caller]
pub(crate) fn report(port: u16, options: &[&str]) -> Value {
    let ran = run(port, &[options, &["--format", "json"]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.report()
}

pub(crate) fn finish(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Polls `look` until it returns a value.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// The real daemon, on a free port.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) port: u16,
    directory: TempDir,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port_file = directory.path().join("port");
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let child = Command::new(DAEMON)
            .args(["--listen", "127.0.0.1:0", "--port-file"])
            .arg(&port_file)
            .args(options)
            .stderr(log)
            .spawn()
            .unwrap();
        let address = eventually("the port file", || fs::read_to_string(&port_file).ok());
        let port = address.trim().rsplit_once(':').unwrap().1.parse().unwrap();
        Self { child, port, directory }
    }

    /// A number of the status line, once every connection has ended.
    pub(crate) fn counted(&self, name: &str) -> u64 {
        let status = eventually("a status without connections", || {
            let before = self.statuses().len();
            self.signal(Signal::USR1);
            let all = eventually("a status", || Some(self.statuses()).filter(|s| s.len() > before));
            all.last().filter(|line| number(line, "open") == Some(0)).cloned()
        });
        number(&status, name).unwrap_or_default()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn statuses(&self) -> Vec<String> {
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap();
        log.lines().filter(|line| line.contains(" status ")).map(str::to_owned).collect()
    }
}

fn number(status: &str, name: &str) -> Option<u64> {
    let mut words = status.split_whitespace().filter_map(|word| word.split_once('='));
    words.find(|(word, _)| *word == name)?.1.parse().ok()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGKILL ends a stopped daemon too.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts a server that runs `script` on the number and the stream of each connection. Returns its
/// port, which it keeps as long as the test runs.
pub(crate) fn serve(script: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = std::sync::Arc::new(script);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (script, stream) = (script.clone(), stream.unwrap());
            stream.set_nodelay(true).unwrap();
            thread::spawn(move || script(number, stream));
        }
    });
    port
}

/// The next line of a connection; none at its end.
pub(crate) fn line(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let count = reader.read_until(b'\n', &mut line).ok()?;
    (count > 0).then_some(line)
}

/// A port without a listener.
pub(crate) fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
