//! What a run has found, as numbers: the text, the JSON object, the plots and the comparison are
//! all made from this.

mod chart;
mod compare;
mod distribution;
mod errors;
pub(super) mod format;
mod hdr;
#[cfg(feature = "plot")]
mod plot;
#[cfg(test)]
pub(super) mod sample;
#[cfg(test)]
mod schema_tests;
mod statistic;
pub(super) mod summary;
mod text;
#[cfg(test)]
mod text_tests;
pub(super) mod threshold;
mod verdict;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use compare::compare;
pub use distribution::{Answers, Distribution, Distributions, Found};
pub use errors::hint;
pub(super) use errors::speaks_first;
pub use hdr::hdr;
#[cfg(feature = "plot")]
pub use plot::plot;
pub use statistic::Statistic;
pub use text::text;
pub(super) use verdict::lost_or_failed;

/// A run's findings. As JSON, its schema is `docs/load-report.schema.json`.
///
/// Times are in microseconds where a field says `_us`, in seconds where it says `_s`. What was
/// not measured at all is null, and not zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The program's version.
    pub version: String,
    /// The server's address.
    pub server: String,
    /// What each connection did.
    pub mode: String,
    /// `closed`: a connection sent its next line when the last was back. `open`: lines were sent
    /// at a fixed rate, and latency counts from when a line was to be sent.
    #[serde(rename = "loop")]
    pub feedback: String,
    /// Connections.
    pub connections: Connections,
    /// Lines that came back whole while it was measured; in the modes `churn` and `abort`, and in
    /// `half-close`, see `exchanges` too.
    pub lines: u64,
    /// Lines that came back after it had stopped being measured: they are in `latency_us`, or the
    /// slowest would be left out, and not in `lines`.
    pub lines_after: u64,
    /// Lines that came back over the whole run, with ramp, warm-up and end.
    pub lines_total: u64,
    /// Lines a second while it was measured.
    pub lines_per_s: f64,
    /// Bytes of these lines, in each direction.
    pub bytes: u64,
    /// The same over the whole run.
    pub bytes_total: u64,
    /// Bytes a second in each direction while it was measured.
    pub bytes_per_s: f64,
    /// Connections that did all of their work while it was measured, and were then closed as
    /// asked: what the modes `churn`, `half-close` and `abort` count.
    pub transactions: u64,
    /// The same over the whole run.
    pub transactions_total: u64,
    /// How long it was measured.
    pub duration_s: f64,
    /// From when a line was sent (`closed`) or was to be sent (`open`), until all of it was back.
    /// In mode `churn`, from the beginning of the connect. A percentile counts lines that were
    /// never answered as well, after all others; one that falls among them is null.
    pub latency_us: Percentiles,
    /// Which part of these lines was answered, from 0 to 1; none if there were none.
    pub answered_share: Option<f64>,
    /// From the beginning of a connect until it was established, over the whole run; likewise with
    /// connects that never were.
    pub connect_us: Percentiles,
    /// How late the generator itself was in sending lines, whose connection was free: its own
    /// share in the latencies of an open loop.
    pub late_us: Percentiles,
    /// What went wrong on connections over the whole run, by word.
    pub errors: BTreeMap<String, u64>,
    /// The same by where: `connect`, `write`, `read`, `close`, `timeout`, `verify`; then by word.
    pub errors_by_phase: BTreeMap<String, BTreeMap<String, u64>>,
    /// Connections on which a byte came back that was not the one that was due.
    pub mismatches: u64,
    /// The first of them.
    pub first_mismatches: Vec<Mismatch>,
    /// How what came in place of the first echo began, escaped, if that was nothing like it: the
    /// server speaks first, or is no echo server. Of such mismatches only one is told.
    pub greeting: Option<String>,
    /// Lines that were sent, or were to be sent, and never came back, over the whole run.
    pub unanswered: u64,
    /// Those of them that were never sent: due in an open loop, when the connection still waited,
    /// or there was none, or this generator could not send so many; or lost with their connection
    /// before that, in the modes `churn` and `half-close`.
    pub unsent: u64,
    /// Connections that were held and were to echo a second line at the end (`--again`). Those of
    /// them that did not are in `unanswered`.
    pub held_verified: u64,
    /// What this machine could not give, by errno, and how often: no error of the server.
    pub local_errors: BTreeMap<String, u64>,
    /// For how long this process stood still, because it was stopped, frozen or starved: it is in
    /// the latencies, and no wait for the server was shorter for it.
    pub paused_s: f64,
    /// Whether Ctrl-C ended it before its time.
    pub interrupted: bool,
    /// What it was second by second, from the beginning of the run.
    pub seconds: Vec<Interval>,
    /// What was asked for.
    pub settings: Settings,
}

/// Whose times are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Of lines, there and back.
    Latency,
    /// Of connects.
    Connect,
    /// By how much lines were sent too late.
    Late,
}

impl Report {
    /// A figure of those times.
    pub fn time(&self, times: Times, share: Statistic) -> Found {
        let (times, lost) = match times {
            Times::Latency => {
                (&self.latency_us, self.answered_share.is_some_and(|part| part < 1.0))
            }
            Times::Connect => {
                (&self.connect_us, self.connections.established < self.connections.attempted)
            }
            Times::Late => (&self.late_us, false),
        };
        match share.of(times) {
            Some(time) => Found::Value(time),
            None if lost => Found::Lost,
            None => Found::NotMeasured,
        }
    }

    /// How many lines were sent, or were to be sent, but for those that were reset as planned.
    pub const fn lines_asked(&self) -> u64 {
        self.lines_total.saturating_add(self.unanswered)
    }
}

/// Connections over the whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Connects that were begun.
    pub attempted: u64,
    /// Those that succeeded.
    pub established: u64,
    /// Those that failed, and those that ended otherwise than was asked: the sum of `errors`.
    pub failed: u64,
}

/// A distribution of times, in microseconds. What falls among those that never came back is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// How many came back and were timed.
    pub count: u64,
    /// The median.
    pub p50: Option<f64>,
    /// 90 of 100 were no longer.
    pub p90: Option<f64>,
    /// 99 of 100.
    pub p99: Option<f64>,
    /// 999 of 1000.
    pub p999: Option<f64>,
    /// The longest; null if one never came back.
    pub max: Option<f64>,
    /// The mean of those that came back.
    pub mean: Option<f64>,
}

/// A byte that was not the one that was due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// The connection's number, from 0, in the order in which connects were begun.
    pub connection: u64,
    /// Our address, which the server knows as its peer.
    pub local: String,
    /// Where in the connection's stream, from 0.
    pub offset: u64,
    /// The byte that was due; none if nothing was.
    pub expected: Option<u8>,
    /// The byte that came.
    pub got: u8,
}

/// One second of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// When it ended, since the run began.
    pub at_s: f64,
    /// Lines that came back in it.
    pub lines: u64,
    /// Connections open at its end.
    pub open: u64,
    /// What went wrong in it.
    pub errors: u64,
    /// Lines that were given up in it.
    pub unanswered: u64,
    /// The median latency of lines that came back in it, in microseconds.
    pub p50_us: Option<f64>,
    /// The latency that 99 of 100 did not exceed. Both count lines that were given up.
    pub p99_us: Option<f64>,
    /// Whether it was measured, and is in the sums.
    pub measured: bool,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Connections at a time.
    pub connections: u64,
    /// How long to measure; none if lines were counted.
    pub duration_s: Option<f64>,
    /// How many lines; none if time was.
    pub lines: Option<u64>,
    /// Lines a second in all; none for a closed loop.
    pub rate: Option<f64>,
    /// The shortest line in bytes.
    pub size_min: u64,
    /// The longest line in bytes.
    pub size_max: u64,
    /// Lines in flight on a connection.
    pub pipeline: u64,
    /// Over how long connections were opened.
    pub ramp_s: f64,
    /// How long after that nothing was measured.
    pub warmup_s: f64,
    /// How many connections were to be asked for a second line at the end.
    pub verify_held: u64,
    /// `fin` or `rst`.
    pub close: String,
    /// Source addresses.
    pub sources: Vec<String>,
    /// The version of the PROXY header that went first; none if none did.
    pub send_proxy: Option<String>,
    /// Whether the server's greeting was awaited and skipped.
    pub skip_greeting: bool,
    /// The seed.
    pub seed: u64,
    /// How long was waited for a connection, a line or an end.
    pub timeout_s: f64,
}
