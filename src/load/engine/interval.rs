//! One second of a run, and one wrong byte: parts of the results that the report shows as they are.

use serde::{Deserialize, Serialize};

/// One second of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// End of the second, since the start of the run.
    pub at_s: f64,
    /// Lines that came back.
    pub lines: u64,
    /// Connections open at the end of the second.
    pub open: u64,
    /// Connections that failed.
    pub errors: u64,
    /// Lines given up.
    pub unanswered: u64,
    /// The median latency of the lines that came back, in microseconds.
    pub p50_us: Option<f64>,
    /// The 99th percentile of latency. Both percentiles rank lines given up after all others.
    pub p99_us: Option<f64>,
    /// Whether the second was measured, and counts for the sums.
    pub measured: bool,
}

/// A byte that differs from the expected one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Number of the connection, from 0, in the order of connects.
    pub connection: u64,
    /// Our address: the peer's address from the server's side.
    pub local: String,
    /// Offset in the connection's stream, from 0.
    pub offset: u64,
    /// The expected byte; none if no echo was due.
    pub expected: Option<u8>,
    /// The byte received.
    pub got: u8,
}
