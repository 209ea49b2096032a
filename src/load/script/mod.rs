//! A scripted network and echo server for tests, with a clock of their own: no test sleeps, and a
//! run of an hour takes a moment.
//!
//! A poll advances the clock to the next event. Readiness is reported once, when it begins, as by
//! edge-triggered epoll.

mod stream;
mod wire;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::net::endpoint::Endpoint;
use crate::sys::{Dial, DialEvent};

use self::stream::ScriptedStream;

pub(super) use self::wire::Wire;

pub(super) const MILLISECOND: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000_000_000;

/// How the server treats the bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerBehavior {
    /// Echoes them.
    Echo,
    /// Never answers.
    Silence,
    /// Flips a bit of the byte at this offset.
    Corrupt(usize),
    /// Drops the byte at this offset.
    Lose(usize),
    /// Sends the byte at this offset twice.
    Double(usize),
    /// Sends FIN after this many bytes.
    End(usize),
    /// Sends RST after this many bytes.
    Reset(usize),
    /// Takes the first bytes as a PROXY header, and echoes the rest.
    EchoBehindHeader,
    /// Echoes nothing before our FIN.
    EchoAtTheEnd,
    /// Sends this greeting first, in two pieces a moment apart, then echoes.
    Greet(&'static [u8]),
}

/// The result of a connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connect {
    Works,
    Refused,
    NeverEnds,
    /// Succeeds after this many nanoseconds.
    Takes(u64),
    ReachesItself,
    /// The system call itself fails.
    Fails(Errno),
}

/// A server, and the network to it.
pub(super) struct Network {
    pub now: u64,
    /// Round-trip time of bytes.
    pub delay: u64,
    /// Period without answers; the server answers the bytes of this period at its end.
    pub stall: std::ops::Range<u64>,
    /// Behaviour on the first connections, and on all others.
    pub behaviors: Vec<ServerBehavior>,
    pub other_behavior: ServerBehavior,
    pub connect: fn(usize) -> Connect,
    /// Largest number of bytes per read or write.
    pub chunk: usize,
    /// Largest number of events per poll; the next poll reports the others.
    pub events_max: usize,
    /// How long a poll takes that reports any event.
    pub poll_takes: u64,
    /// CPU time used by this process.
    pub worked: Duration,
    /// Whether a stop counts as CPU time, like a very long turn.
    pub stops_are_work: bool,
    /// Periods in which this process is stopped; they interrupt the waiting poll.
    pub stops: VecDeque<std::ops::Range<u64>>,
    /// Times at which Ctrl-C is pressed.
    pub interrupts: VecDeque<u64>,
    pub wires: Vec<Wire>,
    /// Source address of each connect.
    pub sources: Vec<Option<SocketAddr>>,
    /// Number of polls: a busy loop shows here.
    pub polls: u64,
    dials: usize,
    /// Number of events reported.
    reported: usize,
}

impl Network {
    pub(super) fn new() -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            now: SECOND,
            delay: MILLISECOND,
            stall: 0..0,
            behaviors: Vec::new(),
            other_behavior: ServerBehavior::Echo,
            connect: |_| Connect::Works,
            chunk: usize::MAX,
            events_max: usize::MAX,
            poll_takes: 0,
            worked: Duration::ZERO,
            stops_are_work: false,
            stops: VecDeque::new(),
            interrupts: VecDeque::new(),
            wires: Vec::new(),
            sources: Vec::new(),
            polls: 0,
            dials: 0,
            reported: 0,
        }))
    }

    fn behavior(&self, connection: usize) -> ServerBehavior {
        self.behaviors.get(connection).copied().unwrap_or(self.other_behavior)
    }

    /// Returns when the answer to bytes sent now arrives.
    fn answer_at(&self) -> u64 {
        let sent = if self.stall.contains(&self.now) { self.stall.end } else { self.now };
        sent + self.delay
    }

    /// Returns the time of the next unreported event.
    fn next_event(&self) -> Option<u64> {
        let arrivals = self.wires.iter().filter(|wire| !wire.closed).filter_map(Wire::next_event);
        arrivals.chain(self.interrupts.front().copied()).min()
    }
}

/// The script as an implementation of `Dial`.
pub(super) struct ScriptedNet(pub Rc<RefCell<Network>>);

impl Dial for ScriptedNet {
    type Stream = ScriptedStream;

    fn dial(
        &mut self,
        key: usize,
        _server: &Endpoint,
        source: Option<SocketAddr>,
    ) -> io::Result<ScriptedStream> {
        let mut world = self.0.borrow_mut();
        world.sources.push(source);
        let number = world.wires.len();
        let connect = (world.connect)(world.dials);
        world.dials += 1;
        if let Connect::Fails(errno) = connect {
            return Err(errno.into());
        }
        let dialled = world.now;
        let connected = match connect {
            Connect::NeverEnds => u64::MAX,
            Connect::Takes(time) => dialled + time,
            Connect::Works | Connect::Refused | Connect::ReachesItself | Connect::Fails(_) => {
                dialled
            }
        };
        world.wires.push(Wire {
            key,
            dialled,
            connected,
            refused: connect == Connect::Refused,
            ..Wire::default()
        });
        if let ServerBehavior::Greet(greeting) = world.behavior(number) {
            let (first, rest) = greeting.split_at(greeting.len() / 2);
            let at = connected + world.delay;
            let pieces = [(at, first), (at + MILLISECOND / 10, rest)];
            let bytes =
                pieces.into_iter().flat_map(|(at, piece)| piece.iter().map(move |b| (at, *b)));
            if let Some(wire) = world.wires.last_mut() {
                wire.back.extend(bytes);
            }
        }
        Ok(ScriptedStream {
            world: Rc::clone(&self.0),
            number,
            itself: connect == Connect::ReachesItself,
        })
    }

    fn poll(&mut self, until: MonotonicNs, mut tell: impl FnMut(DialEvent)) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.polls += 1;
        assert!(world.polls < 10_000_000, "it turns for nothing");
        let next = world.next_event().unwrap_or(u64::MAX).min(until.0);
        assert_ne!(next, u64::MAX, "it would wait for ever");
        let now = world.now.max(next);
        if let Some(stop) = world.stops.pop_front_if(|stop| stop.start <= now) {
            let stopped = stop.end.saturating_sub(world.now);
            world.now += stopped;
            if world.stops_are_work {
                world.worked += Duration::from_nanos(stopped);
            }
            return Err(Errno::INTR.into());
        }
        world.now = now;
        while world.interrupts.front().is_some_and(|at| *at <= now) {
            world.interrupts.pop_front();
            tell(DialEvent::Interrupt);
        }
        let ready =
            |wire: &&mut Wire| !wire.closed && wire.next_event().is_some_and(|at| at <= now);
        let events_max = world.events_max;
        // Round-robin, like epoll: the connection reported last comes last.
        let reported = world.reported % world.wires.len().max(1);
        let (first, rest) = world.wires.split_at_mut(reported);
        let mut count = 0;
        for wire in rest.iter_mut().chain(first).filter(ready).take(events_max) {
            let mut ready = Ready::READABLE.union(Ready::WRITABLE);
            if wire.fin.or(wire.rst).is_some_and(|at| at <= now) {
                ready.insert(Ready::READ_TO_EAGAIN);
            }
            wire.connect_reported = true;
            wire.reported = now;
            count += 1;
            tell(DialEvent::Stream(wire.key, ready));
        }
        world.reported += count;
        if count > 0 {
            world.now += world.poll_takes;
        }
        Ok(())
    }

    fn now(&self) -> MonotonicNs {
        MonotonicNs(self.0.borrow().now)
    }

    fn cpu_time(&self) -> Duration {
        self.0.borrow().worked
    }
}
