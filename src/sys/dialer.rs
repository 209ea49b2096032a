//! The real [`Dial`]: mio, connecting sockets, and a precise timer.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use signal_hook::consts::signal::{SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

use crate::clock::MonotonicNs;
use crate::net::endpoint::Endpoint;
use crate::os::errno;

use super::dial::{Dial, DialEvent, DialedStream};
use super::edge;
use super::socket::{Socket, readiness};
use super::timer::{self, Timer};

/// The most events that one poll returns; the next poll returns the rest.
const EVENTS_MAX: usize = 1024;

/// Keys of streams count up from 0, so the other tokens count down from the end.
const SIGNALS: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);

/// The operating system, as a program with many connections of its own sees it.
pub struct Dialer {
    poll: Poll,
    events: Events,
    signals: Signals,
    timer: Timer,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

impl Dialer {
    /// Takes over SIGINT and SIGTERM.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        let alarm = Timer::new(poll.registry(), TIMER)?;
        Ok(Self { poll, events: Events::with_capacity(EVENTS_MAX), signals, timer: alarm })
    }
}

impl Dial for Dialer {
    type Stream = Socket;

    fn dial(
        &mut self,
        key: usize,
        server: &Endpoint,
        source: Option<SocketAddr>,
    ) -> io::Result<Socket> {
        let socket = server.socket()?;
        socket.set_nonblocking(true)?;
        if server.tcp().is_some() {
            // Nagle's algorithm would hold a line back until the one before is acknowledged.
            socket.set_tcp_nodelay(true)?;
        }
        if let Some(source) = source {
            if source.port() == 0 {
                leave_the_port_to_connect(&socket)?;
            }
            socket.bind(&source.into())?;
        }
        match socket.connect(&server.address()?) {
            Err(error) if !errno::is_connecting(&error) => return Err(error),
            _ => {}
        }
        let mut stream = Socket::from(OwnedFd::from(socket));
        stream.register(self.poll.registry(), key)?;
        Ok(stream)
    }

    fn poll(&mut self, until: MonotonicNs, mut handle: impl FnMut(DialEvent)) -> io::Result<()> {
        let timeout = self.timer.set(until)?;
        self.poll.poll(&mut self.events, timeout)?;
        for event in &self.events {
            match event.token() {
                SIGNALS => {
                    edge::rearm(&mut self.signals, self.poll.registry(), SIGNALS)?;
                    if self.signals.pending().count() > 0 {
                        handle(DialEvent::Interrupt);
                    }
                }
                TIMER => {}
                Token(key) => handle(DialEvent::Stream(key, readiness(event))),
            }
        }
        Ok(())
    }

    #[inline]
    fn now(&self) -> MonotonicNs {
        timer::now()
    }

    fn cpu_time(&self) -> Duration {
        timer::cpu_time()
    }
}

impl DialedStream for Socket {
    fn local(&self) -> Option<SocketAddr> {
        Self::local(self)
    }

    fn remote(&self) -> Option<SocketAddr> {
        Self::remote(self)
    }
}

/// Lets connect(2) choose the port, when it knows the destination: one local port can then serve
/// connections to several servers, and bind need not find a port that is free for all of them
/// (`IP_BIND_ADDRESS_NO_PORT`, ip(7)).
#[cfg(target_os = "linux")]
fn leave_the_port_to_connect(socket: &socket2::Socket) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};

    Ok(setsockopt(socket, IpBindAddressNoPort, &true)?)
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail where there is such an option")]
fn leave_the_port_to_connect(_socket: &socket2::Socket) -> io::Result<()> {
    Ok(())
}
