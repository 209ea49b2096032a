//! `ping`: echoes at an interval, and the outages between them.
//!
//! Each host has a channel for each kind of connection. A channel that keeps its connection opens a
//! second one beside it when answers stop to come: so it tells when connecting works again, and
//! goes on with the connection that answers first.
//!
//! - `channel`: one host on one kind of connection
//! - `ledger`: its outages
//! - `happens`: the effects of a connection's events
//! - `report`: the records of it
//! - `waiting`: timers, and pauses of this process
//! - `summary`: the figures at the end

mod channel;
mod happens;
mod ledger;
mod report;
mod summary;
mod waiting;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::time::{Duration, SystemTime};

use slab::Slab;

use crate::client::{Failure, Server};
use crate::clock::MonotonicNs;
use crate::net::endpoint::Endpoint;
use crate::sys::Dial;

use self::channel::{Channel, Kind};

use super::config::{Connections, Dialing, PingConfig, ProbeConfig, Target};
use super::record::Record;
use super::trip::{Probe, Trip};

/// Looks a server's name up.
pub(super) type Resolve = Box<dyn FnMut(&Server) -> Result<Vec<Endpoint>, Failure>>;

/// Probes on one connection without an answer; the next ones wait for another connection.
const WAITING_MAX: usize = 1000;

/// A host and its addresses.
struct Host {
    target: Target,
    addresses: Vec<Endpoint>,
    /// The address to try next.
    next: usize,
}

/// The event loop of `ping` and its state.
pub(super) struct Ping<'a, D: Dial> {
    config: &'a PingConfig,
    dialing: &'a Dialing,
    /// Connects so far, which take the sources in turn.
    dials: usize,
    dial: D,
    resolve: Resolve,
    hosts: Vec<Host>,
    channels: Vec<Channel>,
    trips: Slab<Trip<D::Stream>>,
    timers: BinaryHeap<Reverse<(MonotonicNs, usize)>>,
    marked: Vec<usize>,
    start: MonotonicNs,
    /// The same, in seconds since 1970.
    started_s: f64,
    now: MonotonicNs,
    /// No probe is sent any more.
    ending: bool,
    /// Interrupted twice: nothing is waited for any more.
    over: bool,
    records: Vec<Record>,
    paused: Duration,
}

impl<'a, D: Dial> Ping<'a, D> {
    /// Looks all names up, and plans the first probes, evenly over the interval.
    pub(super) fn new(
        config: &'a PingConfig,
        all: &'a ProbeConfig,
        dial: D,
        mut resolve: Resolve,
    ) -> Result<Self, Failure> {
        let mut hosts = Vec::new();
        for target in &all.targets {
            let addresses = resolve(&target.server)?;
            hosts.push(Host { target: target.clone(), addresses, next: 0 });
        }
        let kinds: &[Kind] = match config.connections {
            Connections::Kept => &[Kind::Kept],
            Connections::New => &[Kind::New],
            Connections::Both => &[Kind::Kept, Kind::New],
        };
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let start = dial.now();
        let step = config.interval / u32::try_from(hosts.len()).unwrap_or(u32::MAX).max(1);
        let places = (0..).zip(0..hosts.len());
        let channels = places.flat_map(|(step_number, host): (u32, usize)| {
            kinds.iter().map(move |kind| {
                Channel::new(host, *kind, config.interval, start.after(step * step_number))
            })
        });
        let mut ping = Self {
            config,
            dialing: &all.dialing,
            dials: 0,
            dial,
            resolve,
            hosts,
            channels: channels.collect(),
            trips: Slab::new(),
            timers: BinaryHeap::new(),
            marked: Vec::new(),
            start,
            started_s: since_1970.map_or(0.0, |time| time.as_secs_f64()),
            now: start,
            ending: false,
            over: false,
            records: Vec::new(),
            paused: Duration::ZERO,
        };
        (0..ping.channels.len()).for_each(|number| ping.schedule(number));
        Ok(ping)
    }

    /// Runs one pass of the loop: waits, serves the connections that are ready, then the channels
    /// that are due. Fails only if the poll itself fails.
    pub(super) fn turn(&mut self) -> io::Result<()> {
        self.poll()?;
        for key in std::mem::take(&mut self.marked) {
            self.serve(key);
        }
        if self.config.deadline.is_some_and(|limit| self.now >= self.start.after(limit)) {
            self.ending = true;
        }
        while let Some(Reverse((at, number))) = self.timers.peek().copied() {
            if at > self.now {
                break;
            }
            self.timers.pop();
            if self.channels.get(number).is_some_and(|channel| channel.scheduled == at) {
                self.attend(number);
                self.schedule(number);
            }
        }
        Ok(())
    }

    /// Serves a channel that its timer wakes.
    fn attend(&mut self, number: usize) {
        self.expire(number);
        let Some(channel) = self.channels.get_mut(number) else { return };
        let ended = self.ending || self.config.count.is_some_and(|count| channel.number >= count);
        if !ended && channel.next_due <= self.now {
            channel.number += 1;
            channel.figures.sent += 1;
            channel.figures.late.add(self.now.ns_since(channel.next_due));
            let probe = Probe { number: channel.number, sent: self.now };
            channel.next_due = channel.next_due.after(self.config.interval);
            while channel.next_due <= self.now {
                channel.next_due = channel.next_due.after(self.config.interval);
                channel.figures.skipped += 1;
            }
            self.send(number, probe);
        }
        let Some(channel) = self.channels.get_mut(number) else { return };
        let connecting = channel.trips.len() >= 2;
        if channel.attempt.is_some_and(|at| at <= self.now) && !connecting {
            channel.attempt = None;
            self.connect(number);
        }
    }

    /// Sends a probe: on the newest connection of the channel that is there, or on one of its own.
    fn send(&mut self, number: usize, probe: Probe) {
        let Some(channel) = self.channels.get_mut(number) else { return };
        if channel.kind == Kind::New {
            if let Some(trip) = self.connect(number).and_then(|key| self.trips.get_mut(key)) {
                trip.send(probe);
            } else {
                self.lose(number, probe);
            }
            return;
        }
        let trips = &self.trips;
        let ready = |key: &&usize| {
            trips
                .get(**key)
                .is_some_and(|trip| trip.connected.is_some() && trip.waiting() < WAITING_MAX)
        };
        match channel.trips.iter().rev().find(ready).copied() {
            Some(key) => {
                if let Some(trip) = self.trips.get_mut(key) {
                    trip.send(probe);
                }
                self.serve(key);
            }
            None => channel.unsent.push_back(probe),
        }
    }

    /// Begins to connect, and returns the key of the connection.
    fn connect(&mut self, number: usize) -> Option<usize> {
        let host = self.hosts.get_mut(self.channels.get(number)?.host)?;
        let address = host.addresses.get(host.next % host.addresses.len().max(1))?.clone();
        let key = self.trips.vacant_key();
        let source = self.dialing.socket.source_in_turn(self.dials, &address);
        self.dials = self.dials.wrapping_add(1);
        match self.dial.dial(key, &address, source) {
            Ok(stream) => {
                let trip = Trip::new(number, stream, self.now).send_proxy(self.dialing.send_proxy);
                self.trips.insert(if self.config.banner { trip.await_banner() } else { trip });
                self.channels.get_mut(number)?.trips.push(key);
                Some(key)
            }
            Err(error) => {
                self.not_dialled(number, &error);
                None
            }
        }
    }

    /// True once the last probe has its answer, or was given up.
    pub(super) fn is_over(&self) -> bool {
        let done = |channel: &Channel| {
            let ended = self.ending || Some(channel.number) == self.config.count;
            let trips = channel.trips.iter().filter_map(|key| self.trips.get(*key));
            ended && channel.unsent.is_empty() && trips.flat_map(Trip::in_time).next().is_none()
        };
        self.over || self.channels.iter().all(done)
    }

    /// Returns the events since the last call.
    pub(super) fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    fn seconds(&self, at: MonotonicNs) -> f64 {
        // To the microsecond.
        (at.since(self.start).as_secs_f64() * 1e6).round() / 1e6
    }
}
