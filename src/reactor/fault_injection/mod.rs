//! Fault injection: a layer between the reactor and the operating system that misbehaves on
//! some connections.
//!
//! The reactor is the same and knows nothing of it: a delay is a late event, a stall a stream
//! that is never readable, a reset an error of a read. Without faults there is no such layer, and
//! so no cost.

mod sampler;
mod spec;
mod stream;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::Duration;

use rustix::process::Pid;

use crate::clock::MonotonicMs;
use crate::connection::{Peer, Ready};
use crate::net::tcp_info::AcceptQueue;

use super::os::{Event, ExitStatus, Os, Signal, StopSignal};

use self::sampler::Terminal;

pub use self::sampler::{FaultCounts, FaultSampler};
pub use self::spec::{FaultKind, FaultSpec};
pub use self::stream::FaultyStream;

/// An operating system with fault injection.
#[derive(Debug)]
pub struct FaultInjector<O> {
    os: O,
    sampler: FaultSampler,
    /// The connections whose events come late, and by how much.
    delays: HashMap<usize, Duration>,
    /// Events that are held back, by the time at which they are delivered.
    delayed: BTreeMap<(MonotonicMs, usize), Ready>,
}

impl<O: Os> FaultInjector<O> {
    /// That operating system, with the faults that the sampler draws.
    pub fn new(os: O, sampler: FaultSampler) -> Self {
        Self { os, sampler, delays: HashMap::new(), delayed: BTreeMap::new() }
    }

    /// The part of an event that is delivered at once; the rest is held back.
    fn deliver_now(
        delays: &HashMap<usize, Duration>,
        late: &mut BTreeMap<(MonotonicMs, usize), Ready>,
        now: MonotonicMs,
        event: Event,
    ) -> Event {
        let Event::Stream(key, mut ready) = event else { return event };
        // An error is delivered when it happens.
        let Some(delay) = delays.get(&key).filter(|_| !ready.contains(Ready::ERROR)) else {
            return event;
        };
        for hint in [Ready::READABLE, Ready::READ_TO_EAGAIN] {
            if ready.contains(hint) {
                ready.remove(hint);
                late.entry((now.after(*delay), key)).or_default().insert(hint);
            }
        }
        Event::Stream(key, ready)
    }
}

impl<O: Os> Os for FaultInjector<O> {
    type Stream = FaultyStream<O::Stream>;

    fn poll(&mut self, timeout: Option<Duration>, mut handle: impl FnMut(Event)) -> io::Result<()> {
        let before = self.os.now();
        let next = self.delayed.first_key_value().map(|((at, _), _)| at.since(before));
        let timeout = timeout.into_iter().chain(next).min();
        let Self { os, delays, delayed: late, .. } = self;
        let mut events = Vec::new();
        let polled = os.poll(timeout, |event| events.push(event));
        let now = os.now();
        for event in events {
            handle(Self::deliver_now(delays, late, now, event));
        }
        while let Some(first) = late.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, key), ready) = first.remove_entry();
            handle(Event::Stream(key, ready));
        }
        polled
    }

    fn accept(&mut self, listener: usize) -> io::Result<(Self::Stream, Peer)> {
        let (stream, peer) = self.os.accept(listener)?;
        Ok((FaultyStream::new(stream, self.sampler.sample()), peer))
    }

    fn queue_is_empty(&self, listener: usize) -> bool {
        self.os.queue_is_empty(listener)
    }

    fn accept_queue(&self, listener: usize) -> Option<AcceptQueue> {
        self.os.accept_queue(listener)
    }

    fn accept_admin(&mut self) -> io::Result<(Self::Stream, Peer)> {
        self.os.accept_admin().map(|(stream, peer)| (FaultyStream::without_faults(stream), peer))
    }

    /// A refused connection fails here.
    fn register(&mut self, stream: &mut Self::Stream, key: usize) -> io::Result<()> {
        if stream.terminal() == Some(Terminal::Refuse) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        self.os.register(stream.inner_mut(), key)?;
        // The key's former owner may have had a delay.
        match stream.delay() {
            Some(delay) => drop(self.delays.insert(key, delay)),
            None => drop(self.delays.remove(&key)),
        }
        Ok(())
    }

    fn stop_handshakes(&mut self, first: usize) {
        self.os.stop_handshakes(first);
    }

    fn close_listeners(&mut self) {
        self.os.close_listeners();
    }

    fn signals(&mut self) -> Vec<Signal> {
        self.os.signals()
    }

    fn spawn(&mut self, stream: Self::Stream, peer: &Peer) -> io::Result<Pid> {
        self.os.spawn(stream.into_inner(), peer)
    }

    fn reap(&mut self) -> Option<(Pid, ExitStatus)> {
        self.os.reap()
    }

    fn is_over(&mut self, child: Pid) -> bool {
        self.os.is_over(child)
    }

    fn signal_child(&mut self, child: Pid, signal: StopSignal) {
        self.os.signal_child(child, signal);
    }

    fn now(&self) -> MonotonicMs {
        self.os.now()
    }
}
