//! The daemon's release binary under strace and valgrind.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_tcpechod");

/// Timeout of every step; valgrind starts slowly.
const LIMIT: Duration = Duration::from_secs(60);

/// A daemon, perhaps run by a tool. It is killed on drop.
pub(crate) struct Daemon {
    child: Child,
    address: SocketAddr,
    directory: TempDir,
}

impl Daemon {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(&[], arguments)
    }

    /// Starts the daemon under a tool; `{}` in the tool's arguments stands for a directory for its
    /// files.
    pub(crate) fn start_in(tool: &[&str], arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().to_str().unwrap();
        let port_file = directory.path().join("port");
        let words = tool.iter().map(|word| word.replace("{}", place));
        let mut words = words.chain([BINARY.to_owned()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(["--listen", "127.0.0.1:0", "--port-file"]).arg(&port_file);
        command.args(arguments).env("RUST_LOG", "info").stdin(Stdio::null());
        command.stderr(fs::File::create(directory.path().join("log")).unwrap());
        let child = command.spawn().unwrap();
        let address = eventually("the port file", || fs::read_to_string(&port_file).ok());
        let address = address.trim().parse().unwrap();
        Self { child, address, directory }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The anonymous memory of the process, in bytes (proc(5), `smaps_rollup`): heap and stack.
    /// Pages of the program's file do not count, because the first run of a function maps 16 of
    /// them.
    pub(crate) fn anonymous_bytes(&self) -> u64 {
        let path = format!("/proc/{}/smaps_rollup", self.child.id());
        let rollup = fs::read_to_string(path).unwrap();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    /// The number of connections in a new status line of the daemon.
    pub(crate) fn connections(&self) -> usize {
        let is_status = |line: &&str| line.contains(" status ");
        let before = self.file("log").lines().filter(is_status).count();
        self.signal(Signal::USR1);
        eventually("a status line", || {
            let log = self.file("log");
            let line = log.lines().filter(is_status).nth(before)?;
            let word = line.split_whitespace().find_map(|word| word.strip_prefix("open="))?;
            word.parse().ok()
        })
    }

    /// Runs a valgrind command between two instructions of the daemon.
    fn monitor(&self, command: &str) {
        let prefix = format!("--vgdb-prefix={}", self.directory.path().join("vgdb").display());
        let pid = format!("--pid={}", self.child.id());
        let output = Command::new("vgdb").args([&prefix, &pid, command]).output().unwrap();
        assert!(output.status.success(), "vgdb {command}: {output:?}");
    }

    /// Drains the daemon, and waits for its end.
    fn end(&mut self) {
        self.signal(Signal::TERM);
        let status = eventually("the end", || self.child.try_wait().unwrap());
        assert!(status.success(), "{status}\n{}", self.file("log"));
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// Counts the daemon's system calls by name, from start to end, with `traffic` in between.
pub(crate) fn calls_under_strace(traffic: impl FnOnce(SocketAddr)) -> BTreeMap<String, u64> {
    let mut daemon = Daemon::start_in(&["strace", "-f", "-c", "-o", "{}/calls"], &[]);
    traffic(daemon.address());
    // strace does not pass the signal on, so it goes to strace's child.
    let children = format!("/proc/{0}/task/{0}/children", daemon.child.id());
    let child = fs::read_to_string(children).unwrap();
    let pid = Pid::from_raw(child.trim().parse().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    eventually("the end", || daemon.child.try_wait().unwrap());
    let table = daemon.file("calls");
    // % time, seconds, usecs/call, calls, [errors,] syscall
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let calls = rows.filter(|row| row.len() >= 5 && row[0].parse::<f64>().is_ok());
    calls
        .filter(|row| row.last() != Some(&"total"))
        .map(|row| ((*row.last().unwrap()).to_owned(), row[3].parse().unwrap()))
        .collect()
}

/// The daemon under callgrind, which counts each instruction executed in user space.
pub(crate) struct Callgrind(Daemon);

impl Callgrind {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let tool = [
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file={}/callgrind",
            "--vgdb-prefix={}/vgdb",
        ];
        Self(Daemon::start_in(&tool, arguments))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Counts the instructions during `traffic`.
    pub(crate) fn during(&self, traffic: impl FnOnce()) -> u64 {
        self.0.monitor("zero");
        traffic();
        self.0.monitor("dump");
        // Each dump is a file with the next number.
        let profile = eventually("the dump", || {
            Some(self.0.file("callgrind.1")).filter(|text| text.contains("totals: "))
        });
        totals(&profile)
    }

    /// Drains the daemon, and returns its instructions from start to end.
    pub(crate) fn end(mut self) -> u64 {
        self.0.end();
        totals(&self.0.file("callgrind"))
    }
}

/// The daemon under massif, which counts each byte allocated.
pub(crate) struct Massif(Daemon);

impl Massif {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let tool =
            ["valgrind", "--tool=massif", "--massif-out-file={}/massif", "--vgdb-prefix={}/vgdb"];
        Self(Daemon::start_in(&tool, arguments))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Waits until no connection is left.
    pub(crate) fn wait_until_alone(&self) {
        eventually("the last connection ends", || (self.0.connections() == 0).then_some(()));
    }

    /// The bytes in use on the heap.
    pub(crate) fn bytes_in_use(&self) -> u64 {
        let file = self.0.directory.path().join("snapshot");
        self.0.monitor(&format!("snapshot {}", file.display()));
        eventually("the snapshot", || {
            let text = self.0.file("snapshot");
            let line = text.lines().find_map(|line| line.strip_prefix("mem_heap_B="))?;
            line.parse().ok().filter(|_| text.contains("heap_tree="))
        })
    }
}

fn totals(profile: &str) -> u64 {
    let total = profile.lines().rev().find_map(|line| line.strip_prefix("totals: "));
    total.expect("callgrind's totals").trim().parse().unwrap()
}

/// Returns true and prints a line if the tool is missing; with `CI` set, fails instead.
pub(crate) fn lacks(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        println!("SKIPPED a count: needs {tool}");
        assert!(std::env::var_os("CI").is_none(), "{tool} is missing, and CI skips nothing");
    }
    !found
}

/// Waits for `look` to return a value.
fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    let mut look = look;
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "timeout: {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}
