//! The seam between the reactor and the world: what it asks of the system below it.
//!
//! In the product this is `sys::MioOs`, mio on epoll or kqueue, resolved at compile time; in
//! tests it is a script. An implementation keeps these rules:
//!
//! - Readiness is edge-triggered: a condition that lasts is reported once, when it begins. What
//!   was reported may be wrong by the time it is acted on, and may be reported again.
//! - Nothing blocks but [`Os::poll`]; [`Os::spawn`] returns once the command is loaded.
//! - Time never goes back.

use std::fmt;
use std::io;
use std::time::Duration;

use rustix::process::Pid;

use crate::clock::MonotonicMs;
use crate::connection::{Peer, Ready, Stream};

/// What polls, accepts and tells the time.
pub trait Os {
    /// What `accept` returns.
    type Stream: Stream;

    /// Waits until something happens or `timeout` is over, and tells each event. An interrupted
    /// wait (EINTR) is an error of that kind.
    fn poll(&mut self, timeout: Option<Duration>, tell: impl FnMut(Event)) -> io::Result<()>;

    /// Takes a connection from the queue of the listener with that number.
    fn accept(&mut self, listener: usize) -> io::Result<(Self::Stream, Peer)>;

    /// True if it is known that nobody is in the queue of that listener: whoever comes after this
    /// is told by another event. To ask this takes less than an [`Self::accept`] that finds nobody.
    fn queue_is_empty(&self, listener: usize) -> bool;

    /// Takes a connection from the queue of the listener for visitors.
    fn accept_admin(&mut self) -> io::Result<(Self::Stream, Peer)>;

    /// Has the stream's events told from now on, under `key`.
    fn register(&mut self, stream: &mut Self::Stream, key: usize) -> io::Result<()>;

    /// Closes every listener but the one for visitors: who is still in a queue is reset.
    fn close_listeners(&mut self);

    /// The signals that have come since this was asked last. They are not queued: several of one
    /// kind may come as one (signal(7)).
    fn signals(&mut self) -> Vec<Signal>;

    /// Starts a child that answers the peer, with the stream for its standard input and output.
    /// Nobody else has it after that, or if the child can't be started.
    fn spawn(&mut self, stream: Self::Stream, peer: &Peer) -> io::Result<Pid>;

    /// Takes one child that has ended; none once no other has.
    fn reap(&mut self) -> Option<(Pid, ExitStatus)>;

    /// True once a child that was reaped has left no process behind, as far as the system tells. A
    /// signal of a child's end comes also when those that it left behind have ended.
    fn is_over(&mut self, child: Pid) -> bool;

    /// Sends a signal to a child that is not over, and to what it has started itself.
    fn signal_child(&mut self, child: Pid, signal: StopSignal);

    /// What time it is.
    fn now(&self) -> MonotonicMs;
}

/// What a poll tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The listener with that number may have a connection in its queue.
    Listener(usize),
    /// Somebody may be in the queue of the listener for visitors.
    Admin,
    /// A child has said something, which the kernel sees to itself.
    ChildStderr,
    /// The stream registered under that key may be ready.
    Stream(usize, Ready),
    /// Ask for [`Os::signals`].
    Signal,
}

/// What a signal says: mostly, what the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: drain; the second one, end now.
    Terminate,
    /// SIGUSR1: log the status.
    Status,
    /// SIGHUP: there is nothing to reload, and it is no reason to die.
    Hangup,
    /// SIGUSR2: it has no meaning here, and is no reason to die either.
    Unused,
    /// SIGCHLD: children have ended, one or more.
    Child,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with that exit status.
    Exited(i32),
    /// By the signal of that number.
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

/// How a child is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM: it may finish what it is doing, or not heed it at all.
    Terminate,
    /// SIGKILL: it ends.
    Kill,
}
