//! Observations of a daemon from outside: its log and /proc.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use rustix::process::{Pid, Signal};

use super::wait::eventually;

/// The status fields that count live connections: one for each phase, and `children`.
const PHASES: [&str; 6] = ["open", "flushing", "draining", "lingering", "proxy_header", "children"];

/// The cause words of closed connections.
const CAUSES: [&str; 16] = [
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
    "exec",
    "error",
];

/// The fields of a status line.
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

    /// The text of a field; empty if it is missing.
    pub(crate) fn word(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The number in a field; 0 if it is missing.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.0.get(name).map_or(0, |text| text.parse().unwrap())
    }

    /// The number of live connections.
    pub(crate) fn alive(&self) -> u64 {
        PHASES.iter().map(|phase| self.count(phase)).sum()
    }

    /// Checks that every accepted connection is live or closed; the error names the wrong sum.
    pub(crate) fn balance(&self) -> Result<(), String> {
        let ended: u64 = CAUSES.iter().map(|cause| self.count(cause)).sum();
        if self.count("closed") != ended {
            return Err(format!("closed is not the sum of all causes: {self:?}"));
        }
        if self.count("accepted") != self.alive() + ended {
            return Err(format!("accepted is not alive and ended together: {self:?}"));
        }
        Ok(())
    }

    /// Fails the test if [`Self::balance`] fails.
    pub(crate) fn assert_balanced(&self) {
        assert_eq!(self.balance(), Ok(()));
    }
}

/// The fields of a connection's closing line.
#[derive(Debug)]
pub(crate) struct Closing {
    /// The cause of the close.
    pub(crate) cause: String,
    /// The bytes that the daemon read.
    pub(crate) bytes_in: u64,
    /// The bytes that it wrote.
    pub(crate) bytes_out: u64,
    /// The lines that it answered.
    pub(crate) lines: u64,
    /// The exit status of the child; empty without a child.
    pub(crate) status: String,
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
            status: pairs.get("status").cloned().unwrap_or_default(),
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

/// The flag in the octal form of /proc/PID/fdinfo (open(2), on most machines).
const O_NONBLOCK: u32 = 0o4000;

/// A line of /proc/net/tcp.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) state: TcpState,
    pub(crate) remote_port: u16,
    /// Unread bytes; for a listener, the connections in its accept queue.
    pub(crate) unread: u64,
}

/// The sockets in the process's network namespace on the local port of `address`.
pub(super) fn sockets(pid: Pid, address: SocketAddr) -> Vec<Socket> {
    let file = if address.is_ipv4() { "tcp" } else { "tcp6" };
    let text = fs::read_to_string(proc(pid, &format!("net/{file}"))).unwrap();
    // The machine may have tens of thousands of sockets, most of them in TIME_WAIT.
    let port = format!(":{:04X} ", address.port());
    let lines = text.lines().skip(1).filter(|line| line.contains(&port)).map(socket);
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

/// Waits until the daemon has entered its sandbox, the last step before it serves. From then on
/// the number of its descriptors is stable.
pub(super) fn settled(pid: Pid) {
    let words = ["cmdline", "environ"].map(|file| fs::read_to_string(proc(pid, file)).unwrap());
    let off = ["--exec", "--sandbox", "TCPECHOD_EXEC="];
    if words.join("\0").split('\0').any(|word| off.iter().any(|off| word.starts_with(off))) {
        return;
    }
    eventually("NoNewPrivs is set", || no_new_privileges(pid).then_some(()));
    let is_ruleset = |fd: &fs::DirEntry| {
        fs::read_link(fd.path()).is_ok_and(|what| what.as_os_str() == "anon_inode:landlock-ruleset")
    };
    eventually("the Landlock ruleset is closed", || {
        let mut fds = fs::read_dir(proc(pid, "fd")).unwrap();
        (!fds.any(|fd| is_ruleset(&fd.unwrap()))).then_some(())
    });
}

/// True if the process can gain no privileges by execve (`no_new_privs`, prctl(2)).
pub(super) fn no_new_privileges(pid: Pid) -> bool {
    let text = fs::read_to_string(proc(pid, "status")).unwrap();
    text.lines().any(|line| line == "NoNewPrivs:\t1")
}

/// The number of lasting descriptors of a process; 0 if it is gone. Directories and the Landlock
/// ruleset do not count: the daemon holds them briefly after it has written the port file.
pub(super) fn fds(pid: Pid) -> usize {
    let Ok(all) = fs::read_dir(proc(pid, "fd")) else { return 0 };
    let targets = all.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let passing =
        |target: &Path| target.is_dir() || target.to_string_lossy().contains("landlock-ruleset");
    targets.filter(|target| !passing(target)).count()
}

/// The smallest limit on descriptors under which a process may open `count` more.
pub(super) fn limit_for_more(pid: Pid, count: usize) -> usize {
    let held = fs::read_dir(proc(pid, "fd")).unwrap();
    let held: Vec<usize> =
        held.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    let mut free = (0..).filter(|number| !held.contains(number));
    free.nth(count).unwrap()
}

/// The resident memory of a process in bytes.
pub(super) fn resident_bytes(pid: Pid) -> u64 {
    let text = fs::read_to_string(proc(pid, "status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: u64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kilobytes << 10
}

/// True if the process ignores this signal.
pub(crate) fn ignores(pid: Pid, signal: Signal) -> bool {
    is_in("SigIgn", pid, signal)
}

/// True if the process has a handler for this signal.
pub(super) fn catches(pid: Pid, signal: Signal) -> bool {
    is_in("SigCgt", pid, signal)
}

/// True if the signal is in the set of this name.
fn is_in(set: &str, pid: Pid, signal: Signal) -> bool {
    signals(pid, set) >> (signal.as_raw() - 1) & 1 == 1
}

/// The set of signals of that name in /proc/PID/status, as a mask.
pub(crate) fn signals(pid: Pid, set: &str) -> u64 {
    let text = fs::read_to_string(proc(pid, "status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(set)?.strip_prefix(':')).unwrap();
    u64::from_str_radix(line.trim(), 16).unwrap()
}

/// The children of a process, including zombies.
pub(super) fn children(pid: Pid) -> Vec<Pid> {
    let raw = pid.as_raw_nonzero();
    let text = fs::read_to_string(proc(pid, &format!("task/{raw}/children"))).unwrap();
    text.split_whitespace().map(|one| Pid::from_raw(one.parse().unwrap()).unwrap()).collect()
}

/// The link targets of a process's descriptors, by number.
pub(crate) fn descriptors(pid: Pid) -> BTreeMap<u32, String> {
    let all = fs::read_dir(proc(pid, "fd")).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let target = fs::read_link(entry.path()).unwrap();
        let number = entry.file_name().to_str().unwrap().parse().unwrap();
        (number, target.to_str().unwrap().to_owned())
    });
    all.collect()
}

/// True if the descriptor is in blocking mode.
pub(crate) fn blocks(pid: Pid, descriptor: u32) -> bool {
    let text = fs::read_to_string(proc(pid, &format!("fdinfo/{descriptor}"))).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    let flags = u32::from_str_radix(line.trim(), 8).unwrap();
    flags & O_NONBLOCK == 0
}

/// True if the process has ended, reaped or not.
pub(crate) fn has_ended(pid: Pid) -> bool {
    fs::read_to_string(proc(pid, "stat")).map_or(true, |stat| stat.contains(") Z "))
}

/// The process state as in ps(1): R, S, T and so on; Z for a zombie.
pub(crate) fn run_state(pid: Pid) -> char {
    stat(pid)[0].chars().next().unwrap()
}

/// The fields of /proc/PID/stat after the command name, which may contain any character.
fn stat(pid: Pid) -> Vec<String> {
    let text = fs::read_to_string(proc(pid, "stat")).unwrap();
    let (_, fields) = text.rsplit_once(") ").unwrap();
    fields.split_whitespace().map(ToOwned::to_owned).collect()
}

/// The process that runs `binary`: `started` itself, or one of its children.
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

/// The number of sockets that the system did not keep in `TIME_WAIT` because it had too many
/// (tcp(7), `tcp_max_tw_buckets`).
pub(crate) fn time_wait_overflows() -> u64 {
    let text = fs::read_to_string("/proc/net/netstat").unwrap();
    let mut rows = text.lines().filter_map(|line| line.strip_prefix("TcpExt: "));
    let [names, counts] = [rows.next().unwrap(), rows.next().unwrap()];
    let mut all = names.split(' ').zip(counts.split(' '));
    let (_, count) = all.find(|(name, _)| *name == "TCPTimeWaitOverflow").unwrap();
    count.parse().unwrap()
}

fn proc(pid: Pid, file: &str) -> String {
    format!("/proc/{}/{file}", pid.as_raw_nonzero())
}

/// Removes the warning that the daemon runs as root, which depends on the user of the tests.
pub(crate) fn without_root(log: &str) -> String {
    log.split_inclusive('\n').filter(|line| !line.contains("runs as root")).collect()
}
