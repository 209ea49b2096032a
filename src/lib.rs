//! The TCP echo client and server of the network-programming course, made real.
//!
//! The programs share this library; it is built in floors, and a file uses its own floor and
//! those below, never one above (`tests/tidy.rs` holds it to that). In reading order:
//!
//! | floor | module | what it knows |
//! |---|---|---|
//! | 0 | [`line`] | bytes and lines: what is a whole request, what is kept of an unfinished one |
//! | 0 | [`service`] | what the server does with its input; the one thing to change for another application |
//! | 0 | [`cause`] | why a connection ended, in one word |
//! | 0 | [`fault`] | what an `io::Error` means; the only place that looks at an errno |
//! | 0 | [`clock`] | time as a number that is passed in |
//! | 0 | [`keepalive`] | when a silent peer is asked whether it is still there |
//! | 0 | [`descriptors`] | how many descriptors the process may have |
//! | 0 | [`endpoint`] | where a stream socket listens or connects to: an address or a path |
//! | 0 | [`proxy`] | the PROXY protocol's headers, read and written |
//! | 0 | [`access`] | who may connect, by address |
//! | 0 | [`banner`] | what a peer is greeted with |
//! | 0 | [`mischief`] | what is done to some peers, on request |
//! | 0 | [`signals`] | the signals that a program starts with, whatever its parent has left it |
//! | 0 | [`stderr`] | standard error, without waiting for its reader |
//! | 1 | [`connection`] | one connection's state machine, generic over its stream: phases, transitions |
//! | 1 | [`http`] | one visitor who asks after the daemon's health, and is told |
//! | 2 | [`reactor`] | the turn: poll, mark, serve, expire, reap, accept; the only home of mio and slab |
//! | 3 | [`server`] | `tcpechod`: listeners, limits, drain, status |
//! | 3 | [`client`] | `tcpecho`: standard input and socket multiplexed, and what became of the connection |
//! | 3 | [`load`] | `tcpecho-load`: lines by the clock or by their echoes, every byte compared, honest latencies |
//! | 4 | [`cli`] | command lines and environment to validated configuration, once; the only home of clap |
//!
//! [`line`]: mod@line
//!
//! The programs themselves, in `src/bin`, set up the log, parse, run, and turn the outcome into
//! an exit code. How it all fits together, and why, is in `docs/architecture.md`.


pub mod cause;
pub mod cli;
pub mod client;
pub mod clock;
pub mod connection;
pub mod http;
pub mod line;
pub mod load;
pub mod net;
pub mod os;

pub mod reactor;
pub mod server;
pub mod service;
pub mod sys;

/// The examples of the documents, compiled.
#[cfg(doctest)]
#[doc = include_str!("../docs/architecture.md")]
mod documents {}
