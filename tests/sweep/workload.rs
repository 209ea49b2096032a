//! The workload: peers and admin clients that cause every system call of the daemon, in the same
//! order in every run.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use socket2::{Domain, SockAddr, Socket, Type};
use tcpecho::num;

use super::daemon::{Daemon, Scenario, wait};
use super::peer::{Peer, Reader, unix};
use super::plan::Lasting;
use super::trace::Stage;

/// Timeout of any step that no fault delays; no step takes this long.
pub(crate) const LIMIT: Duration = Duration::from_secs(8);

/// Timeout of a reply while a persistent fault may prevent it.
const PATIENCE: Duration = Duration::from_millis(150);

/// The same for the peers after the first.
const PATIENCE_THEN: Duration = Duration::from_millis(10);

/// How long each of many peers is read from before the next.
const IN_TURN: Duration = Duration::from_millis(2);

/// More than the sockets hold, so that the daemon has to wait for a slow reader.
const MANY_LINES: u64 = 12_000;

/// About as many as the daemon and the sockets hold for a peer that does not read.
const SOME_LINES: u64 = 4_000;

/// All peers.
#[derive(Debug)]
pub(crate) struct Crowd {
    scenario: Scenario,
    address: SocketAddr,
    pub(crate) peers: Vec<Peer>,
    /// Admin requests without a complete response.
    pub(crate) rejected: usize,
    /// Peers that waited too long although no fault delayed them: the daemon had forgotten them
    /// until an event of another connection.
    pub(crate) late: Vec<String>,
    fault_goes_on: bool,
    patience: Duration,
    patience_then: Duration,
}

impl Crowd {
    /// No peers yet. With a persistent fault, timeouts are short.
    pub(crate) fn new(scenario: Scenario, address: SocketAddr, lasting: Lasting) -> Self {
        let fault_goes_on = lasting == Lasting::FromThenOn;
        let (patience, patience_then) =
            if fault_goes_on { (PATIENCE, PATIENCE_THEN) } else { (LIMIT, LIMIT) };
        Self {
            scenario,
            address,
            peers: Vec::new(),
            rejected: 0,
            late: Vec::new(),
            fault_goes_on,
            patience,
            patience_then,
        }
    }

    /// Runs the service stage: all of it, or for a point in the drain only a small part, so that
    /// the calls before the drain are the same in number each time.
    pub(crate) fn converse(&mut self, daemon: &mut Daemon, stage: Stage) {
        let tcp = SockAddr::from(self.address);
        let mut talkers: Vec<_> = (0..2).filter_map(|_| self.join(&tcp, Reader::Quick)).collect();
        if self.scenario == Scenario::Echo {
            talkers.extend(self.join(&unix(&daemon.socket()), Reader::Quick));
        }
        for round in 1..=3 {
            for &talker in &talkers {
                self.peers[talker].say(round);
                self.hear(talker);
            }
        }
        if stage == Stage::Drain {
            return;
        }
        if let Some(leaver) = self.join(&tcp, Reader::Quick) {
            self.peers[leaver].say(2);
            self.peers[leaver].begin_line();
            self.peers[leaver].half_close();
            self.hear(leaver);
        }
        if let Some(resetter) = self.join(&tcp, Reader::Quick) {
            self.peers[resetter].say(1);
            self.hear(resetter);
            self.peers[resetter].reset();
        }
        for signal in [Signal::HUP, Signal::USR2, Signal::USR1] {
            daemon.signal(signal);
        }
        if self.scenario == Scenario::Echo {
            for path in ["/metrics", "/healthz"] {
                self.request_page(&daemon.metrics(), path);
            }
            if let Some(slow) = self.join(&tcp, Reader::Slow) {
                self.peers[slow].say_much(MANY_LINES);
                self.peers[slow].half_close();
                self.hear(slow);
            }
        }
    }

    /// After the fault: every peer is served, or has been disconnected.
    pub(crate) fn settle(&mut self) {
        (self.patience, self.patience_then) = (LIMIT, LIMIT);
        self.fault_goes_on = false;
        for peer in 0..self.peers.len() {
            self.hear(peer);
        }
    }

    /// A new peer is echoed, and ends in order.
    pub(crate) fn fresh(&mut self) -> bool {
        let Some(fresh) = self.join(&SockAddr::from(self.address), Reader::Quick) else {
            return false;
        };
        let peer = &mut self.peers[fresh];
        peer.say(1);
        peer.half_close();
        peer.hear(LIMIT) && peer.missing() == 0
    }

    /// Puts input in transit before the drain begins.
    pub(crate) fn before_drain(&mut self) {
        // Input that a child has not read at SIGTERM is lost, and only the child knows.
        if self.scenario == Scenario::Exec {
            return;
        }
        let tcp = SockAddr::from(self.address);
        for peer in 0..self.peers.len() {
            self.peers[peer].say(1);
        }
        if let Some(last) = self.peers.first_mut() {
            last.begin_line();
        }
        if let Some(slow) = self.join(&tcp, Reader::Slow) {
            self.peers[slow].say_much(SOME_LINES);
            self.peers[slow].hear_until_arrived(LIMIT);
        }
        if let Some(waiting) = self.join(&tcp, Reader::Quick) {
            self.peers[waiting].say(3);
        }
    }

    /// Waits until all connections have ended, reading from all in turn: otherwise the daemon would
    /// wait for the last.
    pub(crate) fn hear_all_ends(&mut self) {
        let until = Instant::now() + LIMIT;
        let mut waiting: Vec<_> = self.peers.iter_mut().filter(|peer| !peer.gave_up()).collect();
        while !waiting.is_empty() && Instant::now() < until {
            waiting.retain_mut(|peer| !peer.hear_end(IN_TURN));
        }
    }

    /// Connects another peer, if possible.
    fn join(&mut self, address: &SockAddr, reader: Reader) -> Option<usize> {
        let number = self.peers.len();
        let peer = Peer::connect(num::to_u64(number), address, reader).ok()?;
        self.peers.push(peer);
        Some(number)
    }

    fn hear(&mut self, peer: usize) {
        if !self.peers[peer].hear(self.patience) {
            self.has_waited(&format!("{:?}", self.peers[peer]));
        }
    }

    /// Requests a page, and counts incomplete responses.
    fn request_page(&mut self, admin: &Path, path: &str) {
        let began = Instant::now();
        let answered = request(admin, path, self.patience);
        if answered.is_none_or(|answer| !is_whole(&answer)) {
            self.rejected += 1;
            if began.elapsed() >= self.patience {
                self.has_waited(&format!("an admin request for {path}"));
            }
        }
    }

    /// Records a peer that was not answered in time.
    fn has_waited(&mut self, peer: &str) {
        if !self.fault_goes_on {
            self.late.push(format!("not answered in {:?}: {peer}", self.patience));
        }
        self.patience = self.patience_then;
    }
}

/// Returns the response to an admin request; None without one.
fn request(admin: &Path, path: &str, patience: Duration) -> Option<String> {
    let mut socket = Socket::new(Domain::UNIX, Type::STREAM, None).ok()?;
    socket.connect(&unix(admin)).ok()?;
    socket.set_read_timeout(Some(patience)).ok()?;
    write!(socket, "GET {path} HTTP/1.1\r\nHost: sweep\r\n\r\n").ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// True if a response has the announced length.
fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    head.starts_with("HTTP/1.1 ") && length == Some(body.len())
}

/// Requests a status line, and returns the log with it.
pub(crate) fn new_status(daemon: &mut Daemon, patience: Duration) -> Option<String> {
    let count = |log: &str| log.matches("] status open=").count();
    let before = count(&daemon.log());
    daemon.signal(Signal::USR1);
    let mut log = None;
    wait(patience, || {
        let text = daemon.log();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        log = (count(whole) > before).then(|| text.clone());
        log.is_some()
    });
    log
}
