//! Tests of the real `tcpecho-load` binary against the real daemon and faulty servers. Every wait
//! has a time limit.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "shared test code may panic like a test"
)]

mod support;

mod ends;
// Needs network namespaces, prlimit(1), and Linux's error texts.
#[cfg(target_os = "linux")]
#[expect(clippy::print_stdout, reason = "a test says that it is skipped")]
mod machine;
mod modes;
mod reports;
mod wrong;
