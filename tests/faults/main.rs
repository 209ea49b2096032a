//! Fault tests of the real `tcpechod` binary: faults of peers, system calls, limits, input and
//! operators.
//!
//! Each test starts its own daemon on a free loopback port, provokes one fault, and asserts the
//! result. Every test ends with the same epilogue ([`support::Daemon::epilogue`]): no descriptor
//! and no socket in `CLOSE_WAIT` is left over, the counters balance, and a new peer is served. The
//! prefix of a test's name is the number of its fault in `docs/faults.md`.
//!
//! If a tool that a test needs is missing, the test prints that and passes; with the variable `CI`
//! set, it fails.

// The tests observe the daemon through /proc.
#![cfg(target_os = "linux")]

#[cfg(test)]
mod accept_path;
#[cfg(test)]
mod admin;
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
mod fault_injection;
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
mod write_path;
