//! The real kernel: mio on epoll or kqueue, signals through a self-pipe, the monotonic clock.

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
use crate::os::errno;

use super::child_stderr::ChildStderr;
use super::edge;
use super::exec_command;
use super::launcher::Launcher;
use super::listener::Listener;
use super::socket::{Socket, readiness};
use crate::reactor::ADMIN_KEY_BASE;
use crate::reactor::{Event, ExitStatus, Os, Signal, StopSignal};

/// How many events one poll tells at most. What does not fit is told by the next one.
const EVENTS_MAX: usize = 1024;

/// Keys count up from 0, so the other tokens count down from the end.
const SIGNALS: Token = Token(usize::MAX);
const ADMIN: Token = Token(SIGNALS.0 - 1);

/// What children say has tokens from here on, above all keys and below the listeners.
const CHILD_STDERR_BASE: usize = ADMIN_KEY_BASE << 1;
const CHILD_STDERR_MAX: usize = ADMIN_KEY_BASE;

/// The coarse clock is read without a system call and without the time-stamp counter, and is
/// exact to a few milliseconds: once a turn, that is all the deadlines need.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::MonotonicCoarse;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Handlers for the signals that the daemon understands: once there are any, none of these kills
/// it, and those that come before the loop runs are heeded in its first turn. One whose byte to the
/// loop is lost (ENOBUFS) is heeded all the same if the loop waits in its poll, which it
/// interrupts. If the loop is busy, it is heeded with the next signal.
pub struct SignalHandlers(Signals);

impl fmt::Debug for SignalHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers").finish_non_exhaustive()
    }
}

impl SignalHandlers {
    /// Installs them, but that for SIGCHLD, which [`MioOs::new`] adds if there is a program to be
    /// started.
    pub fn install() -> io::Result<Self> {
        Signals::new([SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP]).map(Self)
    }
}

/// The operating system, as the reactor sees it.
pub struct MioOs {
    poll: Poll,
    events: Events,
    listeners: Vec<Listener>,
    /// The one for visitors.
    admin: Option<Listener>,
    signals: Signals,
    /// What starts a child for each connection; none where a service answers.
    launcher: Option<Launcher>,
    /// What children have left behind is ours when they have ended.
    adopts: bool,
    child_stderr: ChildStderr,
}

impl fmt::Debug for MioOs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

impl MioOs {
    /// Takes over the signals, bound, non-blocking listeners, and the one for visitors.
    pub fn new(
        SignalHandlers(mut signals): SignalHandlers,
        mut listeners: Vec<Listener>,
        mut desk: Option<Listener>,
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
        if let Some(desk) = &mut desk {
            desk.register(poll.registry(), ADMIN)?;
        }
        let events = Events::with_capacity(EVENTS_MAX);
        let adopts = launcher.is_some() && exec_command::become_subreaper();
        let voices = ChildStderr::default();
        Ok(Self {
            poll,
            events,
            listeners,
            admin: desk,
            signals,
            launcher,
            adopts,
            child_stderr: voices,
        })
    }
}

impl Os for MioOs {
    type Stream = Socket;

    fn poll(&mut self, timeout: Option<Duration>, mut tell: impl FnMut(Event)) -> io::Result<()> {
        self.poll.poll(&mut self.events, timeout)?;
        self.child_stderr.begin_poll();
        let Self { poll, events, signals, child_stderr: voices, .. } = self;
        for event in &*events {
            let token = event.token();
            // Told in one place, or what is done about it would not be compiled into this loop.
            tell(if token.0 < CHILD_STDERR_BASE {
                Event::Stream(token.0, readiness(event))
            } else {
                apart(token, poll.registry(), signals, voices)?
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

    fn accept_admin(&mut self) -> io::Result<(Socket, Peer)> {
        match &self.admin {
            Some(desk) => desk.accept(),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn register(&mut self, stream: &mut Socket, key: usize) -> io::Result<()> {
        stream.register(self.poll.registry(), key)
    }

    fn close_listeners(&mut self) {
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
        signals.collect()
    }

    fn spawn(&mut self, mut stream: Socket, peer: &Peer) -> io::Result<Pid> {
        let launcher = self.launcher.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        match stream.deregister(self.poll.registry()) {
            // It was registered only if a header was read from it.
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

/// The event of a token that is no stream's. A child's voice is heard here.
#[cold]
fn apart(
    token: Token,
    registry: &Registry,
    signals: &mut Signals,
    voices: &mut ChildStderr,
) -> io::Result<Event> {
    Ok(match token {
        SIGNALS => {
            edge::rearm(signals, registry, SIGNALS)?;
            Event::Signal
        }
        ADMIN => Event::Admin,
        Token(voice) if voice < CHILD_STDERR_BASE + CHILD_STDERR_MAX => {
            voices.read_ready(registry, CHILD_STDERR_BASE, voice - CHILD_STDERR_BASE);
            Event::ChildStderr
        }
        Token(listener) => Event::Listener(ADMIN.0 - 1 - listener),
    })
}

const fn listener_token(number: usize) -> Token {
    Token(ADMIN.0 - 1 - number)
}
