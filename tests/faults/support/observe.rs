//! What can be seen of a daemon from outside: its log, and /proc.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use rustix::process::{Pid, Signal};

use super::wait::eventually;

/// Every phase a living connection is counted in.
const PHASES: [&str; 4] = ["open", "flushing", "draining", "lingering"];

/// Every word a connection can end with.
const CAUSES: [&str; 15] = [
    "finished",
    "reset",
    "broken-pipe",
    "timed-out",
    "unreachable",
    "aborted",
    "idle",
    "line-timeout",
    "stalled",
    "drained",
    "cut",
    "evicted",
    "refused",
    "protocol",
    "error",
];

/// What a status line says.
#[derive(Debug)]
pub(crate) struct Status(BTreeMap<String, String>);

impl Status {
    /// Every status line in a log.
    pub(super) fn all_in(log: &str) -> Vec<Self> {
        // The last line may be half written.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole
            .lines()
            .filter_map(|line| line.split_once("] status open=").map(|(_, rest)| rest));
        lines.map(|rest| Self(pairs(&format!("open={rest}")))).collect()
    }

    /// The last status line in a log.
    pub(crate) fn last_in(log: &str) -> Option<Self> {
        Self::all_in(log).pop()
    }

    /// A word of it.
    pub(crate) fn word(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A number of it; what is not mentioned has not happened.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.0.get(name).map_or(0, |text| text.parse().unwrap())
    }

    /// How many connections are alive.
    pub(crate) fn alive(&self) -> u64 {
        PHASES.iter().map(|phase| self.count(phase)).sum()
    }

    /// Every connection that was accepted is somewhere.
    pub(crate) fn assert_balanced(&self) {
        let ended: u64 = CAUSES.iter().map(|cause| self.count(cause)).sum();
        assert_eq!(self.count("closed"), ended, "closed = the sum of all causes: {self:?}");
        assert_eq!(
            self.count("accepted"),
            self.alive() + ended,
            "accepted = alive + ended: {self:?}"
        );
    }
}

/// What a connection's closing line says.
#[derive(Debug)]
pub(crate) struct Closing {
    /// Why it ended.
    pub(crate) cause: String,
    /// How many bytes the daemon read.
    pub(crate) bytes_in: u64,
    /// How many bytes it wrote.
    pub(crate) bytes_out: u64,
    /// How many lines it answered.
    pub(crate) lines: u64,
}

impl Closing {
    pub(super) fn parse(line: &str) -> Self {
        let pairs = pairs(line);
        let count = |name: &str| pairs[name].parse().unwrap();
        Self {
            cause: pairs["cause"].clone(),
            bytes_in: count("bytes_in"),
            bytes_out: count("bytes_out"),
            lines: count("lines"),
        }
    }
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let words = text.split_whitespace().filter_map(|word| word.split_once('='));
    words.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The state of a TCP socket, with the kernel's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TcpState {
    Established,
    CloseWait,
    Listen,
    Other(u8),
}

/// A line of /proc/net/tcp.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) state: TcpState,
    pub(crate) remote_port: u16,
    /// What has not been read, in bytes; of a listener, how many connections wait.
    pub(crate) unread: u64,
}

/// The sockets of that process's network on the local port of `address`.
pub(super) fn sockets(pid: Pid, address: SocketAddr) -> Vec<Socket> {
    let file = if address.is_ipv4() { "tcp" } else { "tcp6" };
    let text = fs::read_to_string(proc(pid, &format!("net/{file}"))).unwrap();
    let lines = text.lines().skip(1).map(socket);
    lines.filter(|(port, _)| *port == address.port()).map(|(_, socket)| socket).collect()
}

fn socket(line: &str) -> (u16, Socket) {
    let words: Vec<_> = line.split_whitespace().collect();
    let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let port = |text: &str| u16::from_str_radix(text.rsplit_once(':').unwrap().1, 16).unwrap();
    let (_, unread) = words[4].split_once(':').unwrap();
    let state = match u8::from_str_radix(words[3], 16).unwrap() {
        1 => TcpState::Established,
        8 => TcpState::CloseWait,
        10 => TcpState::Listen,
        other => TcpState::Other(other),
    };
    let remote_port = port(words[2]);
    (port(words[1]), Socket { state, remote_port, unread: number(unread) })
}

/// How many descriptors a process holds; none if it is gone.
pub(super) fn fds(pid: Pid) -> usize {
    fs::read_dir(proc(pid, "fd")).map_or(0, Iterator::count)
}

/// The smallest limit on descriptors under which a process may open `count` more.
pub(super) fn limit_for_more(pid: Pid, count: usize) -> usize {
    let held = fs::read_dir(proc(pid, "fd")).unwrap();
    let held: Vec<usize> =
        held.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    let mut free = (0..).filter(|number| !held.contains(number));
    free.nth(count).unwrap()
}

/// How much of a process's memory is resident, in bytes.
pub(super) fn resident_bytes(pid: Pid) -> u64 {
    let text = fs::read_to_string(proc(pid, "status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: u64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kilobytes << 10
}

/// Whether a process ignores that signal.
pub(super) fn ignores(pid: Pid, signal: Signal) -> bool {
    let text = fs::read_to_string(proc(pid, "status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let ignored = u64::from_str_radix(line.trim(), 16).unwrap();
    ignored >> (signal.as_raw() - 1) & 1 == 1
}

/// R, S, T and so on, as ps shows it.
pub(super) fn run_state(pid: Pid) -> char {
    stat(pid)[0].chars().next().unwrap()
}

/// The fields of /proc/PID/stat after the name, which may contain anything.
fn stat(pid: Pid) -> Vec<String> {
    let text = fs::read_to_string(proc(pid, "stat")).unwrap();
    let (_, fields) = text.rsplit_once(") ").unwrap();
    fields.split_whitespace().map(ToOwned::to_owned).collect()
}

/// The process that runs `binary`: the one that was started, or one that it started.
pub(super) fn itself_or_child(started: u32, binary: &Path) -> Pid {
    let binary = fs::canonicalize(binary).unwrap();
    let children = format!("/proc/{started}/task/{started}/children");
    eventually("the daemon's own process", || {
        let children = fs::read_to_string(&children).unwrap_or_default();
        let all = children.split_whitespace().map(|pid| pid.parse().unwrap());
        let runs =
            |pid: &u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == binary);
        let found = std::iter::once(started).chain(all).find(runs)?;
        Pid::from_raw(i32::try_from(found).unwrap())
    })
}

fn proc(pid: Pid, file: &str) -> String {
    format!("/proc/{}/{file}", pid.as_raw_nonzero())
}
