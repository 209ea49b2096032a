//! Tests of the real `tcpecho` binary against scripted servers and the real daemon. Every wait has
//! a time limit.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "shared test code may panic like a test"
)]

#[path = "client/servers.rs"]
mod servers;
#[path = "client/support.rs"]
mod support;

#[path = "client/connecting.rs"]
mod connecting;
#[path = "client/ends.rs"]
mod ends;
#[path = "client/greeting.rs"]
mod greeting;
#[path = "client/input.rs"]
mod input;
#[path = "client/introducing.rs"]
mod introducing;
#[path = "client/output.rs"]
mod output;
#[path = "client/pauses.rs"]
mod pauses;
#[path = "client/services.rs"]
mod services;
#[path = "client/sigpipe.rs"]
mod sigpipe;
#[path = "client/silence.rs"]
mod silence;
#[path = "client/usage.rs"]
mod usage;
