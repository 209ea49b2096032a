//! The TCP echo client and server of the network-programming course, made real.
//!
//! The programs share this library; it is built in floors, and a file uses its own floor and
//! those below, never one above (`tests/tidy/` checks it). In reading order:
//!
//! | floor | module | what it does |
//! |---|---|---|
//! | 0 | [`line`] | framing: where a line or a record ends, and the unfinished one that is kept |
//! | 0 | [`service`] | from a request to its reply; the one thing to change for another application |
//! | 0 | [`cause`] | why a connection ended, in one word |
//! | 0 | [`clock`] | time as a number that is passed in |
//! | 0 | [`num`] | conversions between integers that clip instead of failing |
//! | 0 | [`net`] | addresses and endpoints, access lists, keep-alive, TCP's figures, PROXY protocol headers |
//! | 0 | [`os`] | errno values (the only place that looks at one), descriptor limits, signals, standard error |
//! | 1 | [`connection`] | one connection's state machine, generic over its stream: phases, transitions |
//! | 1 | [`http`] | a minimal HTTP/1.1 server: one request per connection |
//! | 2 | [`reactor`] | the turn: poll, mark, serve, expire, reap, accept; admission, drain, fault injection |
//! | 3 | [`sys`] | the operating system below the reactor, on mio: poll, sockets, timers, child processes |
//! | 4 | [`server`] | `tcpechod`: listeners, limits, sandbox, metrics, log |
//! | 4 | [`client`] | `tcpecho`: standard input and socket multiplexed, and how the connection ended |
//! | 4 | [`load`] | `tcpecho-load`: the engine that sends and verifies lines, and the report |
//! | 4 | [`exam`] | `tcpecho-exam`: tasks that judge an echo server or client, and the report |
//! | 4 | [`probe`] | `tcpecho-probe`: the path between two hosts: outages, limits, broken parts |
//! | 5 | [`cli`] | command lines and environment to validated configuration; the only home of clap |
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
#[cfg(feature = "exam")]
pub mod exam;
pub mod http;
pub mod line;
#[cfg(feature = "load")]
pub mod load;
pub mod net;
pub mod num;
pub mod os;
#[cfg(feature = "probe")]
pub mod probe;

pub mod reactor;
pub mod server;
pub mod service;
pub mod sys;

/// The examples of the documents, compiled.
#[cfg(doctest)]
#[doc = include_str!("../docs/architecture.md")]
mod documents {}
