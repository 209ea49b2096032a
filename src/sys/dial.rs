//! The seam between the load generator and the world: what it asks of the system below it, as
//! [`Os`](crate::reactor::Os) is what the daemon asks.
//!
//! In the product this is [`super::Dialer`]; in tests it is a script with a clock of its own. An
//! implementation keeps the rules of [`Os`](crate::reactor::Os): readiness is edge-triggered and a
//! hint, only [`Dial::poll`] blocks, and time never goes back.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::clock::MonotonicNs;
use crate::connection::{Ready, Stream};

/// What connects, polls and tells the time.
pub trait Dial {
    /// A connection, or what is to become one.
    type Stream: DialedStream;

    /// Begins to connect from `source`, or from where the system likes. The stream's events are
    /// told under `key` from now on; the first that is writable says that it is connected, or
    /// that it never will be, which [`Stream::take_error`] then tells.
    fn dial(&mut self, key: usize, source: Option<IpAddr>) -> io::Result<Self::Stream>;

    /// Waits until something happens or it is `until`, and tells each event. An interrupted wait
    /// (EINTR) is an error of that kind.
    fn poll(&mut self, until: MonotonicNs, tell: impl FnMut(DialEvent)) -> io::Result<()>;

    /// What time it is.
    fn now(&self) -> MonotonicNs;

    /// How much processor time we have used: of a long time, the rest was a pause.
    fn cpu_time(&self) -> Duration;
}

/// A stream that we have made ourselves.
pub trait DialedStream: Stream {
    /// Our own address and port; none once the system has forgotten it.
    fn local(&self) -> Option<SocketAddr>;

    /// The server's; none of a Unix socket, and none while it is not connected. The same as
    /// [`Self::local`] if the other end of it is this end.
    fn remote(&self) -> Option<SocketAddr>;
}

/// What a poll tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialEvent {
    /// The stream that was dialled under that key may be ready.
    Stream(usize, Ready),
    /// Somebody wants us to stop: SIGINT or SIGTERM.
    Interrupt,
}
