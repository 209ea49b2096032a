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
use crate::connection::Stream;
use crate::net::endpoint::Endpoint;
use crate::net::socket_options::SocketOptions;
use crate::net::source;
use crate::net::tcp_info::TcpInfo;
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
    options: SocketOptions,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

impl Dialer {
    /// Takes over SIGINT and SIGTERM. The sockets have these options, but no source of their own:
    /// each dial names it.
    pub fn new(options: SocketOptions) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        let alarm = Timer::new(poll.registry(), TIMER)?;
        let events = Events::with_capacity(EVENTS_MAX);
        Ok(Self { poll, events, signals, timer: alarm, options })
    }
}

impl Dial for Dialer {
    type Stream = DialedSocket;

    fn dial(
        &mut self,
        key: usize,
        server: &Endpoint,
        source: Option<SocketAddr>,
    ) -> io::Result<DialedSocket> {
        let socket = self.options.unbound(server)?;
        socket.set_nonblocking(true)?;
        if let Some(source) = source {
            source::bind(&socket, source)?;
        }
        let deferred_to = match socket.connect(&server.address()?) {
            Ok(()) => server.tcp(),
            Err(error) if errno::is_connecting(&error) => None,
            Err(error) => return Err(error),
        };
        let mut socket = Socket::from(OwnedFd::from(socket));
        socket.register(self.poll.registry(), key)?;
        Ok(DialedSocket { socket, deferred_to })
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

/// A socket that connects.
#[derive(Debug)]
pub struct DialedSocket {
    socket: Socket,
    /// The server, if the connect goes out with the first data (`--fast-open`): until then the
    /// system does not tell it.
    deferred_to: Option<SocketAddr>,
}

impl Stream for DialedSocket {
    const SHORT_READ_EMPTIES: bool = Socket::SHORT_READ_EMPTIES;

    #[inline]
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.socket.read(room)
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.socket.half_close()
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    fn close_with_reset(&self) -> io::Result<()> {
        self.socket.close_with_reset()
    }

    fn tcp_info(&self) -> Option<TcpInfo> {
        self.socket.tcp_info()
    }
}

impl DialedStream for DialedSocket {
    fn local(&self) -> Option<SocketAddr> {
        self.socket.local()
    }

    fn remote(&self) -> Option<SocketAddr> {
        self.socket.remote().or(self.deferred_to)
    }

    fn is_deferred(&self) -> bool {
        self.deferred_to.is_some() && self.socket.remote().is_none()
    }
}
