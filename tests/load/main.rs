//! Tests of the real `tcpecho-load` binary against the real daemon and faulty servers. Every wait
//! has a time limit.

#![cfg(test)]

mod support;

mod ends;
// Needs network namespaces, prlimit(1), and Linux's error texts.
#[cfg(target_os = "linux")]
mod machine;
mod modes;
mod reports;
mod wrong;
