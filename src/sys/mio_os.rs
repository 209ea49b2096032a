//! The real [`Os`]: mio on epoll or kqueue, signals through a self-pipe, the monotonic clock.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use log::debug;
use mio::{Events, Interest, Poll, Registry, Token};
use rustix::process::Pid;
use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::signal::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook_mio::v1_0::Signals;

use crate::clock::MonotonicMs;
use crate::connection::Peer;
use crate::net::hand_over::Purpose;
use crate::net::tcp_info::AcceptQueue;
use crate::os::errno;

use super::child_stderr::ChildStderr;
use super::edge;
use super::exec_command;
use super::hand_over::HandOver;
use super::launcher::Launcher;
use super::listener::Listener;
use super::socket::{Socket, readiness};
use super::token::{ADMIN, CHILD_STDERR_BASE, HAND_OVER, SIGNALS, Source, listener_token};
use crate::reactor::{Event, ExitStatus, Os, Signal, StopSignal};

/// The most events that one poll returns; the next poll returns the rest.
const EVENTS_MAX: usize = 1024;

/// The coarse clock needs neither a system call nor the time-stamp counter, and is exact to a few
/// milliseconds: one reading per turn is all that the deadlines need.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::MonotonicCoarse;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Handlers for the daemon's signals. Once they are installed, none of these signals kills the
/// daemon, and the first turn handles those that came before the loop ran. If the handler's byte to
/// the self-pipe is lost (ENOBUFS), a loop that waits in its poll still handles the signal, which
/// interrupts the poll; a busy loop handles it with the next signal.
pub struct SignalHandlers(Signals);

impl fmt::Debug for SignalHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalHandlers").finish_non_exhaustive()
    }
}

impl SignalHandlers {
    /// Installs the handlers, except that for SIGCHLD: [`MioOs::new`] adds it if there is a
    /// launcher.
    pub fn install() -> io::Result<Self> {
        Signals::new([SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP]).map(Self)
    }
}

/// The operating system, as the reactor sees it.
pub struct MioOs {
    poll: Poll,
    events: Events,
    listeners: Vec<Listener>,
    /// The admin listener.
    admin: Option<Listener>,
    hand_over: Option<HandOver>,
    signals: Signals,
    /// Starts a child for each connection; none without `--exec`.
    launcher: Option<Launcher>,
    /// This process adopts the orphans of its children.
    adopts: bool,
    child_stderr: ChildStderr,
}

impl fmt::Debug for MioOs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MioOs").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

impl MioOs {
    /// Takes over the signals, bound, non-blocking listeners, and the admin listener.
    pub fn new(
        SignalHandlers(mut signals): SignalHandlers,
        mut listeners: Vec<Listener>,
        mut admin: Option<Listener>,
        launcher: Option<Launcher>,
    ) -> io::Result<Self> {
        if launcher.is_some() {
            signals.add_signal(SIGCHLD)?;
        }
        let poll = Poll::new()?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        for (number, listener) in listeners.iter_mut().enumerate() {
            listener.register(poll.registry(), listener_token(number))?;
        }
        if let Some(admin) = &mut admin {
            admin.register(poll.registry(), ADMIN)?;
        }
        let events = Events::with_capacity(EVENTS_MAX);
        let adopts = launcher.is_some() && exec_command::become_subreaper();
        let child_stderr = ChildStderr::default();
        Ok(Self {
            poll,
            events,
            listeners,
            admin,
            hand_over: None,
            signals,
            launcher,
            adopts,
            child_stderr,
        })
    }

    /// Gives the listeners to the next daemon, when it asks for them on this one.
    pub fn hand_over_on(&mut self, listener: Listener) -> io::Result<()> {
        self.hand_over = Some(HandOver::new(listener, self.poll.registry(), HAND_OVER)?);
        Ok(())
    }

    /// Gives the listeners to a daemon that asks. Returns true once it is ready to serve; this
    /// daemon then has its own copies of them only until it drains.
    fn handed_over(&mut self) -> bool {
        let Some(mut hand_over) = self.hand_over.take() else { return false };
        let peers = self.listeners.iter().map(|one| (Purpose::Peers, one.as_fd()));
        let admin = self.admin.iter().map(|one| (Purpose::Metrics, one.as_fd()));
        let listeners: Vec<_> = peers.chain(admin).collect();
        if hand_over.handle(self.poll.registry(), HAND_OVER, listeners) {
            self.admin = None;
            return true;
        }
        self.hand_over = Some(hand_over);
        false
    }
}

impl Os for MioOs {
    type Stream = Socket;

    fn poll(&mut self, timeout: Option<Duration>, mut handle: impl FnMut(Event)) -> io::Result<()> {
        self.poll.poll(&mut self.events, timeout)?;
        self.child_stderr.begin_poll();
        let Self { poll, events, signals, child_stderr, .. } = self;
        for event in &*events {
            let token = event.token();
            // A single call of `handle`, or the compiler would not inline it into this loop.
            handle(if token.0 < CHILD_STDERR_BASE {
                Event::Stream(token.0, readiness(event))
            } else {
                other_event(token, poll.registry(), signals, child_stderr)?
            });
        }
        Ok(())
    }

    fn accept(&mut self, listener: usize) -> io::Result<(Socket, Peer)> {
        match self.listeners.get(listener) {
            Some(listener) => listener.accept(),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn queue_is_empty(&self, listener: usize) -> bool {
        self.listeners.get(listener).is_some_and(Listener::queue_is_empty)
    }

    fn accept_queue(&self, listener: usize) -> Option<AcceptQueue> {
        AcceptQueue::of(self.listeners.get(listener)?)
    }

    fn accept_admin(&mut self) -> io::Result<(Socket, Peer)> {
        match &self.admin {
            Some(admin) => admin.accept(),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn register(&mut self, stream: &mut Socket, key: usize) -> io::Result<()> {
        stream.register(self.poll.registry(), key)
    }

    fn stop_handshakes(&mut self, first: usize) {
        self.listeners.iter_mut().skip(first).for_each(Listener::stop_handshakes);
    }

    fn close_listeners(&mut self) {
        self.hand_over = None;
        for mut listener in self.listeners.drain(..) {
            if let Err(error) = listener.deregister(self.poll.registry()) {
                debug!("a listener could not be deregistered: {error}");
            }
        }
    }

    fn signals(&mut self) -> Vec<Signal> {
        let signals = self.signals.pending().filter_map(|number| match number {
            SIGTERM | SIGINT => Some(Signal::Terminate),
            SIGUSR1 => Some(Signal::Status),
            SIGHUP => Some(Signal::Hangup),
            SIGUSR2 => Some(Signal::Unused),
            SIGCHLD => Some(Signal::Child),
            _ => None,
        });
        let mut signals: Vec<_> = signals.collect();
        if self.handed_over() {
            signals.push(Signal::HandedOver);
        }
        signals
    }

    fn spawn(&mut self, mut stream: Socket, peer: &Peer) -> io::Result<Pid> {
        let launcher = self.launcher.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        match stream.deregister(self.poll.registry()) {
            // The stream was registered only if a PROXY header was read from it.
            Err(error) if !errno::is_not_found(&error) => return Err(error),
            _ => {}
        }
        let (reader, writer) = io::pipe()?;
        let child = launcher.spawn(stream, peer, writer.as_fd())?;
        let heard = self.child_stderr.register(
            self.poll.registry(),
            CHILD_STDERR_BASE,
            (child, *peer),
            reader.into(),
        );
        if let Err(error) = heard {
            debug!("what child {child} says is not logged: {error}");
        }
        Ok(child)
    }

    fn reap(&mut self) -> Option<(Pid, ExitStatus)> {
        exec_command::reap()
    }

    fn is_over(&mut self, child: Pid) -> bool {
        let over = !self.adopts || exec_command::group_is_empty(child);
        if over {
            self.child_stderr.forget(child);
        }
        over
    }

    fn signal_child(&mut self, child: Pid, signal: StopSignal) {
        exec_command::signal(child, signal);
        if signal == StopSignal::Kill {
            self.child_stderr.forget(child);
        }
    }

    fn now(&self) -> MonotonicMs {
        let time = clock_gettime(CLOCK);
        // Neither is ever negative: this clock counts from the machine's start.
        MonotonicMs(time.tv_sec.cast_unsigned() * 1000 + time.tv_nsec.cast_unsigned() / 1_000_000)
    }
}

/// Returns the event for a token other than a stream's. Reads a child's standard error at once.
#[cold]
fn other_event(
    token: Token,
    registry: &Registry,
    signals: &mut Signals,
    child_stderr: &mut ChildStderr,
) -> io::Result<Event> {
    Ok(match Source::from(token) {
        Source::ChildStderr(key) => {
            child_stderr.read_ready(registry, CHILD_STDERR_BASE, key);
            Event::ChildStderr
        }
        Source::Listener(number) => Event::Listener(number),
        Source::Admin => Event::Admin,
        Source::HandOver => Event::Signal,
        Source::Signals => {
            edge::rearm(signals, registry, SIGNALS)?;
            Event::Signal
        }
    })
}
