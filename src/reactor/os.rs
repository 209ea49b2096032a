//! The seam between the reactor and the operating system.
//!
//! In the product this is `sys::MioOs`, mio on epoll or kqueue, resolved at compile time; in tests
//! it is a script. An implementation keeps these rules:
//!
//! - Readiness is edge-triggered: a lasting condition is reported once, when it begins. A report
//!   may be outdated when it is handled, and may be repeated.
//! - Only [`Os::poll`] blocks; [`Os::spawn`] returns once the command is loaded.
//! - Time never goes back.

use std::fmt;
use std::io;
use std::time::Duration;

use rustix::process::Pid;

use crate::clock::MonotonicMs;
use crate::connection::{Peer, Ready, Stream};
use crate::net::tcp_info::AcceptQueue;

/// The operating system, as the reactor uses it.
pub trait Os {
    /// The stream of an accepted connection.
    type Stream: Stream;

    /// Waits for an event or until `timeout` has passed, and calls `handle` for each event. An
    /// interrupted wait (EINTR) is an error of that kind.
    fn poll(&mut self, timeout: Option<Duration>, handle: impl FnMut(Event)) -> io::Result<()>;

    /// Accepts a connection from the listener with that number.
    fn accept(&mut self, listener: usize) -> io::Result<(Self::Stream, Peer)>;

    /// Returns true if the accept queue of that listener is known to be empty; a later connection
    /// raises a new event. This is cheaper than an [`Self::accept`] that fails with EAGAIN.
    fn queue_is_empty(&self, listener: usize) -> bool;

    /// Returns the length and the limit of that accept queue, for the status; none if they are
    /// unknown.
    fn accept_queue(&self, listener: usize) -> Option<AcceptQueue> {
        let _ = listener;
        None
    }

    /// Accepts a connection from the metrics listener.
    fn accept_admin(&mut self) -> io::Result<(Self::Stream, Peer)>;

    /// Registers the stream under `key`: its events are reported from now on.
    fn register(&mut self, stream: &mut Self::Stream, key: usize) -> io::Result<()>;

    /// Lets no new handshake begin at the listeners from that number on, where the system can;
    /// those that have begun go on.
    fn stop_handshakes(&mut self, first: usize) {
        let _ = first;
    }

    /// Closes all listeners except the metrics listener. The connections in their accept queues are
    /// reset.
    fn close_listeners(&mut self);

    /// Returns the signals since the last call. They are not queued: several of one kind may come
    /// as one (signal(7)).
    fn signals(&mut self) -> Vec<Signal>;

    /// Starts a child with the stream as its standard input and output. This process has no copy of
    /// the stream after that, or if the child can't be started.
    fn spawn(&mut self, stream: Self::Stream, peer: &Peer) -> io::Result<Pid>;

    /// Reaps one child; returns none if no other has ended.
    fn reap(&mut self) -> Option<(Pid, ExitStatus)>;

    /// Returns true once a reaped child has left no process behind, as far as the system reports.
    /// The signal of a child's end also comes when those processes end.
    fn is_over(&mut self, child: Pid) -> bool;

    /// Sends a signal to a child that is not over, and to the processes that it has started.
    fn signal_child(&mut self, child: Pid, signal: StopSignal);

    /// Returns the time.
    fn now(&self) -> MonotonicMs;
}

/// An event of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The accept queue of the listener with that number may hold a connection.
    Listener(usize),
    /// The accept queue of the metrics listener may hold a connection.
    Admin,
    /// A child has written to its standard error; the operating system handles it.
    ChildStderr,
    /// The stream registered under that key may be ready.
    Stream(usize, Ready),
    /// A signal has come: see [`Os::signals`].
    Signal,
}

/// The meaning of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: drain; a second one ends the daemon at once.
    Terminate,
    /// SIGUSR1: log the status.
    Status,
    /// SIGHUP: to open and read files again.
    Hangup,
    /// SIGUSR2: unused.
    Unused,
    /// SIGCHLD: at least one child has ended.
    Child,
    /// No signal of the kernel: the next daemon has the listeners, and is ready to serve.
    HandedOver,
}

/// The exit status of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It exited with that status.
    Exited(i32),
    /// A signal of that number ended it.
    Signalled(i32),
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "{status}"),
            Self::Signalled(number) => write!(f, "signal-{number}"),
        }
    }
}

/// A signal that ends a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM: the child may finish its work, or ignore it.
    Terminate,
    /// SIGKILL: the child ends.
    Kill,
}
