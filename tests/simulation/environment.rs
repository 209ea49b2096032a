//! Everything but the daemon: connections, peers, queues, signals, children and the clock.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use rustix::io::Errno;
use rustix::process::Pid;
use tcpecho::clock::MonotonicMs;
use tcpecho::connection::{Peer as Name, Ready};
use tcpecho::reactor::{Event, ExitStatus, Signal};

use super::children::Child;
use super::fault_profile::{FaultProfile, hits};
use super::peer::{Act, Mood, Peer};
use super::queue::Queue;
use super::wire::Wire;

/// What a run prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verbosity {
    Nothing,
    /// Each step, to replay a seed.
    Steps,
}

/// The record of one turn of the daemon.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct TurnRecord {
    pub(super) accepts: usize,
    /// Progress was made: bytes moved, a connection came or went, or a call was interrupted.
    pub(super) moved: bool,
    /// The daemon slept although a queue held a connection and no event was due.
    pub(super) slept_on_queue: bool,
    /// The daemon sleeps, and no event will ever wake it.
    pub(super) stuck: bool,
    /// The daemon was stopped: expired connections read their socket in this turn, and close in the
    /// next.
    pub(super) stopped: bool,
}

/// The state of the simulation.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) rng: Rng,
    pub(super) fault_profile: FaultProfile,
    pub(super) mood: Mood,
    pub(super) now: MonotonicMs,
    pub(super) wires: Vec<Wire>,
    pub(super) peers: Vec<Peer>,
    /// Wire numbers by the peer names in the log.
    pub(super) names: HashMap<String, usize>,
    pub(super) addresses: Vec<Name>,
    pub(super) listeners: Vec<Queue>,
    pub(super) listeners_closed: bool,
    /// When the daemon handled its first SIGTERM.
    pub(super) drain_began: Option<MonotonicMs>,
    /// The daemon got a second SIGTERM.
    pub(super) second_signal: bool,
    /// Total time for which the daemon was stopped.
    pub(super) stopped: Duration,
    pub(super) admin: Queue,
    pub(super) children: Vec<Child>,
    pub(super) children_ended: VecDeque<(Pid, ExitStatus)>,
    pub(super) signals: Vec<Signal>,
    /// Streams open in the daemon; and connections it has accepted.
    pub(super) streams: usize,
    pub(super) accepted: u64,
    pub(super) faults: u64,
    /// Most steps of peers during one turn of the daemon.
    pub(super) peer_steps_max: usize,
    pub(super) turn: TurnRecord,
    pub(super) violation: Option<String>,
    pub(super) verbosity: Verbosity,
}

impl Environment {
    /// True once the daemon is draining.
    pub(super) const fn drains(&self) -> bool {
        self.drain_began.is_some()
    }

    /// Records the first violation.
    pub(super) fn violated(&mut self, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(what());
        }
    }

    /// Prints a step.
    pub(super) fn print_step(&self, what: impl FnOnce() -> String) {
        if self.verbosity == Verbosity::Steps {
            println!("{:>8} ms  {}", self.now.0, what());
        }
    }

    /// Returns true with this chance in a thousand, and counts it.
    pub(super) fn fault(&mut self, chance: impl FnOnce(&FaultProfile) -> u32) -> bool {
        let happens = hits(&mut self.rng, chance(&self.fault_profile));
        self.faults += u64::from(happens);
        happens
    }

    /// Lets the peers and the network act during the daemon's turn.
    pub(super) fn stir(&mut self) {
        self.now = MonotonicMs(self.now.0 + self.rng.u64(0..3));
        if self.mood == Mood::Calm {
            self.all_peers_act();
            return;
        }
        for _ in 0..self.rng.usize(0..=self.peer_steps_max) {
            self.a_peer_acts();
        }
        if self.fault(|fault_profile| fault_profile.severed) {
            self.sever();
        }
        if self.fault(|fault_profile| fault_profile.signal) {
            let signals = [Signal::Status, Signal::Hangup, Signal::Unused];
            let signal = signals[self.rng.usize(0..signals.len())];
            self.signals.push(signal);
        }
        self.some_child_ends();
    }

    /// Stops the daemon, perhaps for longer than any of its timeouts, while its peers go on.
    pub(super) fn stop(&mut self) {
        let began = self.now;
        for _ in 0..self.rng.usize(1..=8) {
            self.now = MonotonicMs(self.now.0 + self.rng.u64(0..3000));
            self.a_peer_acts();
        }
        self.stopped += self.now.since(began);
        self.turn.stopped = true;
        self.print_step(|| "the daemon continues".to_owned());
    }

    /// Stops the daemon in the middle of a turn; its peers, which wait for it, stop too.
    pub(super) fn freeze(&mut self) {
        if self.fault(|fault_profile| fault_profile.stopped / 4) {
            let time = self.rng.u64(0..6000);
            self.now = MonotonicMs(self.now.0 + time);
            self.stopped += Duration::from_millis(time);
            self.print_step(|| format!("frozen for {time} ms"));
            self.turn.stopped = true;
        }
    }

    /// Lets time pass until a peer or a child acts; returns false if none ever will.
    pub(super) fn wait(&mut self, until: Option<MonotonicMs>) -> bool {
        let leaps = self.fault(|fault_profile| fault_profile.leap);
        let passes = self.rng.u64(0..if leaps { 8000 } else { 20 });
        let then = self.now.after(Duration::from_millis(passes));
        if self.mood == Mood::Calm {
            let acted = self.all_peers_act();
            return self.every_child_ends() || acted || self.events_are_due();
        }
        let child = self.some_child_ends();
        if !self.a_peer_acts() && !child && !self.events_are_due() {
            return false;
        }
        self.now = until.map_or(then, |until| then.min(until));
        true
    }

    /// Takes one step of a random peer that has one; returns false if none has.
    fn a_peer_acts(&mut self) -> bool {
        let everybody = self.peers.len();
        let (who, what) = (self.rng.usize(0..everybody), self.rng.usize(0..Act::ALL.len()));
        for peer in (who..everybody).chain(0..who) {
            for act in Act::ALL[what..].iter().chain(&Act::ALL[..what]) {
                if self.peers[peer].can(*act, &self.wires[peer], self.mood) {
                    self.does(peer, *act);
                    return true;
                }
            }
        }
        false
    }

    /// Takes all possible steps of all peers; returns false if there was none.
    fn all_peers_act(&mut self) -> bool {
        let mut acted = false;
        for peer in 0..self.peers.len() {
            // One step enables the next; each direction needs a few.
            for act in Act::ALL.repeat(4) {
                if self.peers[peer].can(act, &self.wires[peer], self.mood) {
                    self.does(peer, act);
                    acted = true;
                }
            }
        }
        acted
    }

    fn does(&mut self, peer: usize, act: Act) {
        self.print_step(|| format!("peer {peer}: {act:?}"));
        if act == Act::Connect {
            self.connects(peer);
            return;
        }
        if act == Act::Send && self.fault(|fault_profile| fault_profile.urgent) {
            Peer::signal(&mut self.wires[peer]);
        }
        self.peers[peer].act(act, &mut self.wires[peer], &mut self.rng, self.mood);
    }

    fn connects(&mut self, number: usize) {
        let peer = &mut self.peers[number];
        peer.connected = true;
        peer.refused = self.listeners_closed && peer.listener.is_some();
        if peer.refused {
            return;
        }
        let queue = peer.listener.map_or(&mut self.admin, |listener| &mut self.listeners[listener]);
        queue.edge |= queue.waiting.is_empty() || self.fault_profile.levels_told;
        queue.waiting.push_back(number);
    }

    /// The network, or the operator of this machine, ends a connection.
    fn sever(&mut self) {
        let errnos = [Errno::TIMEDOUT, Errno::HOSTUNREACH, Errno::NETUNREACH, Errno::CONNABORTED];
        let errno = errnos[self.rng.usize(0..errnos.len())];
        let number = self.rng.usize(0..self.wires.len());
        let wire = &mut self.wires[number];
        if self.peers[number].accepted && !wire.dead && !wire.closed {
            wire.break_off(errno);
            self.print_step(|| format!("peer {number}: severed, {errno:?}"));
        }
    }

    fn events_are_due(&self) -> bool {
        let wires = self.wires.iter().any(Wire::has_news);
        wires || self.admin.edge || self.listeners.iter().any(|queue| queue.edge)
    }

    /// Returns the events that are due, in random order; some of them a turn late.
    pub(super) fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for (number, queue) in self.listeners.iter_mut().enumerate() {
            if std::mem::take(&mut queue.edge) {
                events.push(Event::Listener(number));
            }
        }
        if std::mem::take(&mut self.admin.edge) {
            events.push(Event::Admin);
        }
        if !self.signals.is_empty() {
            events.push(Event::Signal);
        }
        for number in 0..self.wires.len() {
            let Some(key) = self.wires[number].key else { continue };
            let edges = self.wires[number].edges;
            let late = edges != Ready::NONE && self.fault(|fault_profile| fault_profile.late_event);
            if (edges != Ready::NONE && !late)
                || self.fault(|fault_profile| fault_profile.spurious_event)
            {
                let wire = &mut self.wires[number];
                let levels = edges == Ready::NONE || self.fault_profile.levels_told;
                let ready = if levels { edges.union(wire.level()) } else { edges };
                wire.edges = Ready::NONE;
                wire.error_told |= ready.contains(Ready::ERROR) && !wire.fin_read;
                self.print_step(|| format!("event for peer {number}: {ready:?}"));
                events.push(Event::Stream(key, ready));
            }
        }
        self.rng.shuffle(&mut events);
        events
    }
}
