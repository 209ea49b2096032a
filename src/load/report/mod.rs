//! The results of a run as numbers, from which the text, the JSON object, the plots and the
//! comparison are made.

mod chart;
mod compare;
mod errors;
pub(super) mod format;
mod hdr;
#[cfg(feature = "plot")]
mod plot;
#[cfg(test)]
pub(super) mod sample;
#[cfg(test)]
mod schema_tests;
pub(super) mod summary;
mod text;
#[cfg(test)]
mod text_tests;
pub(super) mod threshold;
mod verdict;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::distribution::{Distribution, Distributions, Found, Percentiles, Times};
use super::engine::interval::{Interval, Mismatch};
use super::statistic::Statistic;

pub use compare::compare;
pub use errors::hint;
pub(super) use errors::speaks_first;
pub use hdr::hdr;
#[cfg(feature = "plot")]
pub use plot::plot;
pub use text::text;
pub(super) use verdict::lost_or_failed;

/// The results of a run. Their JSON schema is `docs/load-report.schema.json`.
///
/// Times are in microseconds in fields named `_us`, in seconds in fields named `_s`. A value that
/// was not measured is null, not zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The program's version.
    pub version: String,
    /// The server's address.
    pub server: String,
    /// The mode of the connections.
    pub mode: String,
    /// `closed`: a connection sent its next line when the last was back. `open`: lines were sent at
    /// a fixed rate, and latency counts from the due time of a line.
    #[serde(rename = "loop")]
    pub feedback: String,
    /// Connections.
    pub connections: Connections,
    /// Lines that came back complete while measuring; in the modes `churn`, `half-close` and
    /// `abort`, see `transactions` too.
    pub lines: u64,
    /// Lines that came back after measuring: they count for `latency_us`, which would miss the
    /// slowest otherwise, but not for `lines`.
    pub lines_after: u64,
    /// Lines that came back over the whole run, with ramp, warm-up and cooldown.
    pub lines_total: u64,
    /// Lines per second while measuring.
    pub lines_per_s: f64,
    /// Bytes of `lines`, in each direction.
    pub bytes: u64,
    /// Bytes over the whole run, in each direction.
    pub bytes_total: u64,
    /// Bytes per second in each direction while measuring.
    pub bytes_per_s: f64,
    /// Connections that completed their work while measuring and were then closed as configured:
    /// the main figure of the modes `churn`, `half-close` and `abort`.
    pub transactions: u64,
    /// Transactions over the whole run.
    pub transactions_total: u64,
    /// How long the run was measured.
    pub duration_s: f64,
    /// Time from the send (`closed`) or the due time (`open`) of a line until all of it was back;
    /// in the closed loop of mode `churn`, from the start of the connect. Percentiles rank lines
    /// without an answer after all others; one that falls among them is null.
    pub latency_us: Percentiles,
    /// Share of these lines that were answered, from 0 to 1; none if there were no lines.
    pub answered_share: Option<f64>,
    /// Time from the start of a connect until it was established, over the whole run; percentiles
    /// rank failed connects likewise.
    pub connect_us: Percentiles,
    /// How late the generator itself was in sending lines whose connection was free: its own share
    /// in the latencies of an open loop.
    pub late_us: Percentiles,
    /// Errors on connections over the whole run, by word.
    pub errors: BTreeMap<String, u64>,
    /// The same by phase (`connect`, `write`, `read`, `close`, `timeout`, `verify`), then by word.
    pub errors_by_phase: BTreeMap<String, BTreeMap<String, u64>>,
    /// Connections on which a wrong byte came back.
    pub mismatches: u64,
    /// The first mismatches.
    pub first_mismatches: Vec<Mismatch>,
    /// Beginning of the input that came in place of the first echo, escaped, if it does not
    /// resemble the echo: the server speaks first, or is no echo server. Only one such mismatch is
    /// listed.
    pub greeting: Option<String>,
    /// Lines sent or due that never came back, over the whole run.
    pub unanswered: u64,
    /// Unanswered lines that were never sent. In an open loop their connection was still waiting or
    /// did not exist, or the generator could not send so many; in the modes `churn` and
    /// `half-close` their connection failed before.
    pub unsent: u64,
    /// Held connections that had to echo a second line at the end (`--verify-held`). Lines that did
    /// not come back are in `unanswered`.
    pub held_verified: u64,
    /// Connects that failed for lack of a local resource, by errno: no errors of the server.
    pub local_errors: BTreeMap<String, u64>,
    /// How long this process was stopped, frozen or starved: the latencies include it, and every
    /// wait for the server was extended by it.
    pub paused_s: f64,
    /// Whether a signal ended the run early.
    pub interrupted: bool,
    /// The run second by second, from its beginning.
    pub seconds: Vec<Interval>,
    /// The settings of the run.
    pub settings: Settings,
}

impl Report {
    /// Returns a statistic of those times.
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

    /// Number of lines sent or due, without those reset as planned.
    pub const fn lines_asked(&self) -> u64 {
        self.lines_total.saturating_add(self.unanswered)
    }
}

/// Connections over the whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Connects begun.
    pub attempted: u64,
    /// Connects that succeeded.
    pub established: u64,
    /// Connections that failed, or did not end as planned: the sum of `errors`.
    pub failed: u64,
}

/// The settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Number of concurrent connections.
    pub connections: u64,
    /// How long to measure; none if lines are the limit.
    pub duration_s: Option<f64>,
    /// How many lines to send; none if time is the limit.
    pub lines: Option<u64>,
    /// Lines per second in total; none for a closed loop.
    pub rate: Option<f64>,
    /// The shortest line in bytes.
    pub size_min: u64,
    /// The longest line in bytes.
    pub size_max: u64,
    /// Lines in flight per connection.
    pub pipeline: u64,
    /// Length of the ramp.
    pub ramp_s: f64,
    /// Length of the warm-up after the ramp.
    pub warmup_s: f64,
    /// Number of held connections to verify at the end.
    pub verify_held: u64,
    /// `fin` or `rst`.
    pub close: String,
    /// Source addresses.
    pub sources: Vec<String>,
    /// The version of the PROXY header sent first; none without a header.
    pub send_proxy: Option<String>,
    /// Whether to wait for the server's greeting and skip it.
    pub skip_greeting: bool,
    /// The seed.
    pub seed: u64,
    /// How long to wait for a connect, an echo or a close.
    pub timeout_s: f64,
}
