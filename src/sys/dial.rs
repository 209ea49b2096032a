//! The seam between the programs that connect and the operating system, as
//! [`Os`](crate::reactor::Os) is that of the daemon.
//!
//! The product implements it with [`super::Dialer`], tests with a script that has a clock of its
//! own. An implementation keeps the rules of [`Os`](crate::reactor::Os): readiness is
//! edge-triggered and a hint, only [`Dial::poll`] blocks, and time never goes back.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::clock::MonotonicNs;
use crate::connection::{Ready, Stream};
use crate::net::endpoint::Endpoint;

/// The operating system calls of a program with many connections of its own: connect, poll, read
/// the clock.
pub trait Dial {
    /// A connection, complete or in progress.
    type Stream: DialedStream;

    /// Begins to connect to `server` from `source`, or from an address that the system chooses; a
    /// port of 0 is the system's choice too. The events of the stream carry `key`. The first
    /// writable event ends the connect: [`Stream::take_error`] then returns the error, if it
    /// failed.
    fn dial(
        &mut self,
        key: usize,
        server: &Endpoint,
        source: Option<SocketAddr>,
    ) -> io::Result<Self::Stream>;

    /// Waits for events until `until`, and passes each to `handle`. An interrupted wait (EINTR) is
    /// an error of that kind.
    fn poll(&mut self, until: MonotonicNs, handle: impl FnMut(DialEvent)) -> io::Result<()>;

    /// Returns the current time.
    fn now(&self) -> MonotonicNs;

    /// Returns the processor time used so far; the rest of a long interval was a pause.
    fn cpu_time(&self) -> Duration;
}

/// A stream that this process has connected.
pub trait DialedStream: Stream {
    /// Returns our own address and port; none once the system has forgotten it.
    fn local(&self) -> Option<SocketAddr>;

    /// Returns the server's address; none for a Unix socket, and none until it is connected. It
    /// equals [`Self::local`] if the socket has connected to itself.
    fn remote(&self) -> Option<SocketAddr>;

    /// True while the connect waits for the first data, to go with it (TCP Fast Open): there is no
    /// connection yet.
    fn is_deferred(&self) -> bool {
        false
    }
}

/// An event of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialEvent {
    /// The stream with that key may be ready.
    Stream(usize, Ready),
    /// SIGINT or SIGTERM: the run has to stop.
    Interrupt,
}
