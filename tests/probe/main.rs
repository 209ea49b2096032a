//! Tests of the real `tcpecho-probe`.

// Network namespaces.
#![cfg(target_os = "linux")]
#![cfg(test)]

mod daemon;
mod idle;
mod middles;
mod path;
mod ping;
mod ports;
mod relay;
mod schema;
mod usage;
mod who;

#[path = "../faults/support/tools.rs"]
mod tools;

pub(crate) const PROBE: &str = env!("CARGO_BIN_EXE_tcpecho-probe");
pub(crate) const DAEMON: &str = env!("CARGO_BIN_EXE_tcpechod");
