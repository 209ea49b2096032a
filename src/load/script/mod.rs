//! A network and an echo server for tests, on a clock of their own: nothing waits, and a run of
//! an hour takes a moment.
//!
//! A poll moves the clock to the next thing that happens. Readiness is told once, when it begins,
//! as epoll tells it.

mod thread;
mod wire;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::sys::{Dial, DialEvent};

use self::thread::Thread;

pub(super) use self::wire::Wire;

pub(super) const MILLISECOND: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000_000_000;

/// What the server does to the bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerBehavior {
    /// It echoes them.
    Echo,
    /// It never answers.
    Silence,
    /// It turns a bit of that byte.
    Corrupt(usize),
    /// It loses that byte.
    Lose(usize),
    /// It sends that byte twice.
    Double(usize),
    /// After that many bytes it sends FIN.
    End(usize),
    /// After that many bytes it sends RST.
    Reset(usize),
    /// It takes the first bytes for a PROXY header, and echoes what follows it.
    EchoBehindHeader,
    /// It echoes nothing before our FIN.
    EchoAtTheEnd,
    /// It says this first, in two pieces a moment apart, and then echoes.
    Greet(&'static [u8]),
}

/// How a connect ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connect {
    Works,
    Refused,
    NeverEnds,
    /// It takes that many nanoseconds.
    Takes(u64),
    ReachesItself,
    /// The call itself fails.
    Fails(Errno),
}

/// A server, and the way to it.
pub(super) struct Network {
    pub now: u64,
    /// How long bytes are on their way, there and back together.
    pub delay: u64,
    /// In that time it answers nobody; what has come is answered after it.
    pub stall: std::ops::Range<u64>,
    /// What it does on the first connections, and on all others.
    pub deeds: Vec<ServerBehavior>,
    pub other_deeds: ServerBehavior,
    pub connect: fn(usize) -> Connect,
    /// How many bytes a write takes, and a read gives, at the most.
    pub chunk: usize,
    /// How many events a poll tells at the most; the others are told by the next one.
    pub events_max: usize,
    /// How long a poll takes that tells anything.
    pub poll_takes: u64,
    /// How much processor time we have used.
    pub worked: Duration,
    /// Whether a stop is one that we work in: a very long turn.
    pub stops_are_work: bool,
    /// When this process is stopped, and until when: the poll that waits then is interrupted.
    pub stops: VecDeque<std::ops::Range<u64>>,
    /// When Ctrl-C is pressed.
    pub interrupts: VecDeque<u64>,
    pub wires: Vec<Wire>,
    /// From where each connect was tried.
    pub sources: Vec<Option<IpAddr>>,
    /// How often the clock was moved by a poll: a loop that is busy for nothing shows here.
    pub polls: u64,
    dials: usize,
    /// How many events were told.
    told: usize,
}

impl Network {
    pub(super) fn new() -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            now: SECOND,
            delay: MILLISECOND,
            stall: 0..0,
            deeds: Vec::new(),
            other_deeds: ServerBehavior::Echo,
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
            told: 0,
        }))
    }

    fn deed(&self, connection: usize) -> ServerBehavior {
        self.deeds.get(connection).copied().unwrap_or(self.other_deeds)
    }

    /// When the answer to something sent now arrives.
    fn answer_at(&self) -> u64 {
        let sent = if self.stall.contains(&self.now) { self.stall.end } else { self.now };
        sent + self.delay
    }

    /// When the next thing happens that was not told yet.
    fn next_event(&self) -> Option<u64> {
        let arrivals = self.wires.iter().filter(|wire| !wire.closed).filter_map(Wire::next_event);
        arrivals.chain(self.interrupts.front().copied()).min()
    }
}

/// The script as what dials.
pub(super) struct ScriptedNet(pub Rc<RefCell<Network>>);

impl Dial for ScriptedNet {
    type Stream = Thread;

    fn dial(&mut self, key: usize, source: Option<IpAddr>) -> io::Result<Thread> {
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
        if let ServerBehavior::Greet(greeting) = world.deed(number) {
            let (first, rest) = greeting.split_at(greeting.len() / 2);
            let at = connected + world.delay;
            let pieces = [(at, first), (at + MILLISECOND / 10, rest)];
            let bytes =
                pieces.into_iter().flat_map(|(at, piece)| piece.iter().map(move |b| (at, *b)));
            if let Some(wire) = world.wires.last_mut() {
                wire.back.extend(bytes);
            }
        }
        Ok(Thread { world: Rc::clone(&self.0), number, itself: connect == Connect::ReachesItself })
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
        // In turn, as epoll tells them: what was told last comes last.
        let told = world.told % world.wires.len().max(1);
        let (first, rest) = world.wires.split_at_mut(told);
        let mut count = 0;
        for wire in rest.iter_mut().chain(first).filter(ready).take(events_max) {
            let mut ready = Ready::READABLE.union(Ready::WRITABLE);
            if wire.fin.or(wire.rst).is_some_and(|at| at <= now) {
                ready.insert(Ready::READ_TO_EAGAIN);
            }
            wire.told_connected = true;
            wire.told = now;
            count += 1;
            tell(DialEvent::Stream(wire.key, ready));
        }
        world.told += count;
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
