//! Tests of the real `tcpecho` binary against scripted servers and the real daemon. Every wait has
//! a time limit.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "shared test code may panic like a test"
)]

mod servers;
mod support;

mod connecting;
mod ends;
mod greeting;
mod input;
mod introducing;
mod output;
mod pauses;
mod services;
mod sigpipe;
mod silence;
mod usage;
