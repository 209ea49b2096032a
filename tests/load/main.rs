//! `tcpecho-load` as its users run it: the real program, against the real daemon and against
//! servers that do wrong on purpose. What each test waits for, it waits for with a limit.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what the tests share is a test too"
)]

mod support;

mod ends;
// Network namespaces, prlimit(1), and how Linux words its errors.
#[cfg(target_os = "linux")]
#[expect(clippy::print_stdout, reason = "a test says that it is skipped")]
mod machine;
mod modes;
mod reports;
mod wrong;
