//! What the daemon's real binary does when something goes wrong: its peers, its system calls, its
//! limits, its input, its operator.
//!
//! Each test starts a `tcpechod` of its own on a free loopback port, provokes one fault, and says
//! what must be true afterwards. Every one of them ends with the same epilogue
//! ([`support::Daemon::epilogue`]): nothing is left behind, the counters balance, and the next
//! peer is served as if nothing had happened. The number in front of a test's name is that of the
//! fault in `docs/faults.md`.
//!
//! A test that needs a tool which is missing says so and passes; where the variable `CI` is set,
//! it fails.

// Whatever is seen of the daemon from outside is seen in /proc.
#![cfg(target_os = "linux")]

#[cfg(test)]
mod accept_path;
#[cfg(test)]
mod admission;
#[cfg(test)]
mod clean;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod event_path;
#[cfg(test)]
mod exec;
#[cfg(test)]
mod exhaustion;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod haproxy;
#[cfg(test)]
mod inherited;
#[cfg(test)]
mod input;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod manager;
#[cfg(test)]
mod mischief;
#[cfg(test)]
mod pauses;
#[cfg(test)]
mod privileges;
#[cfg(test)]
mod proxied;
#[cfg(test)]
mod read_path;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod support;
#[cfg(test)]
mod timeouts;
#[cfg(test)]
mod unidentified;
#[cfg(test)]
mod units;
#[cfg(test)]
mod unix;
#[cfg(test)]
mod visitors;
#[cfg(test)]
mod write_path;
