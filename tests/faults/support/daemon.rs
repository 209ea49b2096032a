//! A running daemon.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tempfile::TempDir;

use super::builder::{BINARY, Builder, Trace};
use super::observe::{self, Closing, Status, TcpState};
use super::peer::{Peer, pattern};
use super::wait::eventually;

/// A `tcpechod` that is ready to serve; dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Daemon {
    /// The started process: the daemon, or the tool that wraps it.
    child: Child,
    /// The daemon itself.
    pid: Pid,
    addresses: Vec<SocketAddr>,
    directory: TempDir,
    log: Option<PathBuf>,
    trace: Trace,
    /// The number of its descriptors before the first connection.
    fds: usize,
}

impl Daemon {
    /// A daemon with these arguments, on a free port of 127.0.0.1.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Builder::new(arguments).start()
    }

    pub(super) fn ready(
        mut child: Child,
        directory: TempDir,
        log: Option<PathBuf>,
        trace: Trace,
    ) -> Self {
        let port_file = directory.path().join("port");
        let text = eventually("the port file exists", || {
            if let Some(status) = child.try_wait().unwrap() {
                let log = log.as_ref().and_then(|log| fs::read_to_string(log).ok());
                panic!("ended before it was ready: {status}\n{}", log.unwrap_or_default());
            }
            fs::read_to_string(&port_file).ok()
        });
        let internet = text.lines().filter(|line| !line.starts_with("unix:"));
        let addresses = internet.map(|line| line.parse().unwrap()).collect();
        let pid = observe::itself_or_child(child.id(), Path::new(BINARY));
        observe::settled(pid);
        if let Some(log) = &log {
            // Until it is ready, it opens and closes descriptors of its own.
            let is_ready =
                |line: &str| line.ends_with("] ready") || line.contains("\"message\":\"ready\"");
            eventually("the log says ready", || {
                fs::read_to_string(log).ok()?.lines().any(is_ready).then_some(())
            });
        }
        let fds = observe::fds(pid);
        Self { child, pid, addresses, directory, log, trace, fds }
    }

    /// The first address that it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// All its TCP addresses, in the order of the port file.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// A new peer.
    pub(crate) fn connect(&self) -> Peer {
        Peer::connect(self.address())
    }

    /// A new peer with a small receive buffer.
    pub(crate) fn connect_narrow(&self) -> Peer {
        Peer::connect_narrow(self.address())
    }

    /// `count` new peers.
    pub(crate) fn connect_many(&self, count: usize) -> Vec<Peer> {
        (0..count).map(|_| self.connect()).collect()
    }

    /// A command in the daemon's own network namespace.
    pub(crate) fn beside(&self, command: &[&str]) -> Command {
        let pid = self.pid.as_raw_nonzero().to_string();
        let mut tool = Command::new("nsenter");
        tool.args(["--preserve-credentials", "-U", "-n", "-t", &pid]).args(command);
        tool.stdout(Stdio::null()).stderr(Stdio::null());
        tool
    }

    /// Sends SIGTERM, which starts the drain.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// True if it can gain no privileges by execve (`no_new_privs`, prctl(2)).
    pub(crate) fn has_no_new_privileges(&self) -> bool {
        observe::no_new_privileges(self.pid)
    }

    /// Its process id.
    pub(crate) fn process(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// True if it ignores this signal.
    pub(crate) fn ignores(&self, signal: Signal) -> bool {
        observe::ignores(self.pid, signal)
    }

    /// True if it has a handler for this signal.
    pub(crate) fn catches(&self, signal: Signal) -> bool {
        observe::catches(self.pid, signal)
    }

    /// One of its signal sets as a mask, by the name in /proc/PID/status.
    pub(crate) fn signals(&self, set: &str) -> u64 {
        observe::signals(self.pid, set)
    }

    /// Its children, including zombies.
    pub(crate) fn children(&self) -> Vec<Pid> {
        observe::children(self.pid)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("the daemon is still running");
    }

    /// Runs `meanwhile` while SIGSTOP holds the daemon, so that it then finds all events at once.
    pub(crate) fn stopped<T>(&self, meanwhile: impl FnOnce() -> T) -> T {
        self.signal(Signal::STOP);
        eventually("the daemon is stopped", || {
            matches!(observe::run_state(self.pid), 'T' | 't').then_some(())
        });
        let result = meanwhile();
        self.signal(Signal::CONT);
        result
    }

    /// Waits until the daemon sleeps in its poll.
    pub(crate) fn wait_until_asleep(&self) {
        eventually("the daemon sleeps", || (observe::run_state(self.pid) == 'S').then_some(()));
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        let log = self.log.as_ref().expect("the daemon logs to a file");
        observe::without_root(&String::from_utf8_lossy(&fs::read(log).unwrap()))
    }

    /// True as long as no line of the log contains `text`.
    pub(crate) fn log_has_no(&self, text: &str) -> bool {
        !self.log().contains(text)
    }

    /// The record of strace so far.
    pub(crate) fn trace(&self) -> String {
        fs::read_to_string(self.directory.path().join("trace")).unwrap()
    }

    /// Waits for a line in the log that contains `text`, and returns it.
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        eventually(&format!("in the log: {text}"), || {
            self.log().lines().find(|line| line.contains(text)).map(ToOwned::to_owned)
        })
    }

    /// Makes the daemon log its status (SIGUSR1), and parses that line.
    pub(crate) fn status(&self) -> Status {
        let before = Status::all_in(&self.log()).len();
        self.signal(Signal::USR1);
        eventually("a status line", || Status::all_in(&self.log()).into_iter().nth(before))
    }

    /// Requests the status until `wanted` accepts it.
    pub(crate) fn wait_for_status(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        eventually(what, || Some(self.status()).filter(|status| wanted(status)))
    }

    /// Sends lines from `peer`, the only active one, which reads nothing, until the daemon has
    /// output pending and leaves input unread. Returns the bytes sent.
    pub(crate) fn leave_pending(&self, peer: &mut Peer) -> Vec<u8> {
        // No more than the daemon reads at once: a drain reads once more before its FIN.
        let piece = pattern(60_000);
        let mut sent = Vec::new();
        eventually("output is pending", || {
            let sockets = self.sockets();
            let own = sockets.iter().find(|one| one.remote_port == peer.address().port());
            if own.is_none_or(|own| own.unread == 0) {
                peer.send(&piece);
                sent.extend_from_slice(&piece);
                return None;
            }
            let status = self.status();
            (status.count("bytes_in") > status.count("bytes_out")).then_some(())
        });
        sent
    }

    /// Waits for the closing line of the connection from this address.
    pub(crate) fn closing(&self, peer: SocketAddr) -> Closing {
        Closing::parse(&self.wait_for_log(&format!("closed peer={peer} ")))
    }

    /// The number of its open descriptors.
    pub(crate) fn fds(&self) -> usize {
        observe::fds(self.pid)
    }

    /// Lets it open `more` further descriptors and no others. The limit stays, because the daemon
    /// raises it only at its start.
    pub(crate) fn limit_descriptors(&self, more: usize) {
        let soft = observe::limit_for_more(self.pid, more);
        let limit = Rlimit { current: Some(u64::try_from(soft).unwrap()), maximum: Some(4096) };
        prlimit(Some(self.pid), Resource::Nofile, limit).expect("lowering needs no privilege");
    }

    /// Its resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        observe::resident_bytes(self.pid)
    }

    /// The sockets on its first port, as netstat shows them.
    pub(crate) fn sockets(&self) -> Vec<observe::Socket> {
        observe::sockets(self.pid, self.address())
    }

    /// Waits until the daemon's socket for `peer` is in `state`; with None, until it is gone.
    pub(crate) fn wait_for_state(&self, peer: SocketAddr, state: Option<TcpState>) {
        eventually(&format!("the socket of {peer} is {state:?}"), || {
            let sockets = self.sockets();
            let found = sockets.iter().find(|socket| socket.remote_port == peer.port());
            (found.map(|socket| socket.state) == state).then_some(())
        });
    }

    /// Waits until no connection is left. It counts descriptors, which adds nothing to the log.
    /// Without a log to read, the daemon may have been counted before its start was over.
    pub(crate) fn wait_until_alone(&self) {
        eventually("no connection is left", || (self.fds() <= self.fds).then_some(()));
    }

    /// Ends a test of a daemon that lives on: it has no leftovers and serves a new peer.
    pub(crate) fn epilogue(self) {
        self.epilogue_with(b"still there?\n", b"still there?\n");
    }

    /// Like [`Self::epilogue`] for a daemon on a wildcard address; connects to `address` only.
    pub(crate) fn epilogue_at(mut self, address: SocketAddr) {
        self.addresses = vec![address];
        self.epilogue();
    }

    /// Like [`Self::epilogue`] for a service that answers `request` with `reply`.
    pub(crate) fn epilogue_with(mut self, request: &[u8], reply: &[u8]) {
        self.leaves_nothing_behind();
        self.connect().exchange(request, reply);
        self.leaves_nothing_behind();
        self.finish();
    }

    /// Like [`Self::epilogue`] for a daemon in its own network namespace.
    pub(crate) fn epilogue_beside(mut self) {
        self.leaves_nothing_behind();
        let port = self.address().port();
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; echo hi >&3; head -n 1 <&3");
        let output = self.beside(&["bash", "-c", &script]).stdout(Stdio::piped()).output().unwrap();
        assert_eq!(output.stdout, b"hi\n");
        self.leaves_nothing_behind();
        self.finish();
    }

    fn leaves_nothing_behind(&mut self) {
        eventually("the daemon has as many descriptors as at its start", || {
            assert_eq!(self.child.try_wait().unwrap(), None, "the daemon has ended");
            (self.fds() == self.fds).then_some(())
        });
        eventually("no socket is left in CLOSE_WAIT", || {
            let closed = |socket: &observe::Socket| socket.state != TcpState::CloseWait;
            self.sockets().iter().all(closed).then_some(())
        });
        if self.log.is_some() {
            // A connection of a child takes no descriptor of the daemon.
            let no_child = |status: &Status| status.count("children") == 0;
            let status = self.wait_for_status("no child is left", no_child);
            status.assert_balanced();
            assert_eq!(status.alive(), 0, "a connection without a descriptor: {status:?}");
        }
    }

    /// Ends a test of a daemon that ends: its exit status is `code`, and its last status line
    /// balances.
    pub(crate) fn epilogue_ended(mut self, code: i32) {
        let status = self.wait_for_exit();
        assert_eq!(status.code(), Some(code), "{status}");
        if self.log.is_some() {
            let all = Status::all_in(&self.log());
            all.last().expect("the daemon logs a last status line").assert_balanced();
        }
        self.finish();
    }

    /// Like [`Self::epilogue_ended`] under strace; returns the whole record.
    pub(crate) fn ended_trace(mut self, code: i32) -> String {
        self.wait_for_exit();
        let trace = self.trace();
        self.epilogue_ended(code);
        trace
    }

    /// Waits until the daemon has ended.
    pub(crate) fn wait_for_exit(&mut self) -> ExitStatus {
        eventually("the daemon ends", || self.child.try_wait().unwrap())
    }

    fn finish(&self) {
        if self.log.is_some() {
            let log = self.log();
            assert!(!log.contains("panicked"), "a panic:\n{log}");
        }
        if self.trace == Trace::Injected {
            eventually("a fault was injected", || {
                self.trace().contains("(INJECTED)").then_some(())
            });
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Kill the daemon first: a tool that wraps it then ends by itself.
            kill_process(self.pid, Signal::KILL).ok();
            self.child.wait().ok();
        }
    }
}
