//! The status, as SIGUSR1 has it logged.

use std::fmt::Write;

use crate::cause::Cause;
use crate::connection::Kind;
use crate::reactor::{Kernel, Reactor};

use super::LogSink;

/// Everything that is counted, in one line of `name=value`: connections by phase, children, what
/// has been accepted, bytes and lines both ways with those of open connections, the gate, and of
/// causes and `accept` errors those that have occurred.
pub(super) fn line<K: Kernel>(reactor: &Reactor<K>) -> String {
    let (phases, mut tally) = reactor.census();
    let counters = reactor.counters();
    tally.add(counters.tally);
    let mut line = String::from("status");
    let mut put = |name: &str, value: &dyn std::fmt::Display| {
        let put = write!(line, " {name}={value}");
        debug_assert!(put.is_ok(), "a String takes everything");
    };
    for (kind, count) in Kind::ALIVE.iter().zip(phases) {
        put(kind.name(), &count);
    }
    put("children", &reactor.children());
    put("accepted", &counters.accepted);
    put("closed", &counters.closed_total());
    put("bytes_in", &tally.bytes_in);
    put("bytes_out", &tally.bytes_out);
    put("lines", &tally.lines);
    put("gate", &reactor.gate_word());
    put("pauses", &counters.pauses);
    put("log_dropped", &LogSink::dropped());
    for cause in Cause::ALL.iter().filter(|cause| counters.of(**cause) > 0) {
        put(cause.word(), &counters.of(*cause));
    }
    for (errno, count) in &counters.accept_errors {
        put(errno, count);
    }
    line
}
