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
#![cfg(test)]

mod accept_path;
mod admin;
mod admission;
mod clean;
mod configuration;
mod deploy;
mod environment;
mod event_path;
mod exec;
mod exhaustion;
mod fault_injection;
mod formats;
mod hand_over;
mod haproxy;
mod health;
mod inetd;
mod inherited;
mod input;
mod lifecycle;
mod listeners;
mod logs;
mod manager;
mod monitoring;
mod pauses;
mod privileges;
mod probe;
mod proxied;
mod read_path;
mod recipes;
mod reload;
mod restarts;
mod sandbox;
mod status_page;
mod support;
mod tcp_info;
mod timeouts;
mod unidentified;
mod units;
mod unix;
mod write_path;
