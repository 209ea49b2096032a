//! `tcpecho` as its users run it: the real program, against servers that are scripted here and
//! against the real daemon. What each test waits for, it waits for with a limit.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "what the tests share is a test too"
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
