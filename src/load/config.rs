//! What the load generator is to do, validated: nothing after this sees a flag or a string.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::client::Server;
use crate::net::proxy;

use crate::load::report::threshold::Threshold;

/// What each connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Lines there and back, each waited for.
    Echo,
    /// Lines without a pause, as fast as they are taken: throughput.
    Stream,
    /// A connection for each exchange, closed after it, and then the next.
    Churn,
    /// One line, and then nothing until the end.
    Idle,
    /// Lines, then FIN; everything has to come back, and then the server's FIN.
    HalfClose,
    /// Lines, then RST before they are back.
    Abort,
}

impl Mode {
    /// Every mode, in the order in which `--help` lists them.
    pub const ALL: [Self; 6] =
        [Self::Echo, Self::Stream, Self::Churn, Self::Idle, Self::HalfClose, Self::Abort];

    /// Its name on the command line and in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Stream => "stream",
            Self::Churn => "churn",
            Self::Idle => "idle",
            Self::HalfClose => "half-close",
            Self::Abort => "abort",
        }
    }

    /// What a connection does in it, in a sentence for `--help`.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Echo => "Lines there and back, each waited for",
            Self::Stream => "Lines as fast as they are taken: throughput",
            Self::Churn => "A connection for each exchange, closed after it, and then the next",
            Self::Idle => "One line there and back, and then nothing until the end",
            Self::HalfClose => "Lines, then FIN; everything must come back, and then FIN",
            Self::Abort => "Lines, then RST before all of them are back",
        }
    }
}

/// How a connection that has done its work is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// In order: FIN, and the server's FIN is waited for.
    Fin,
    /// With a reset, which leaves no port in `TIME_WAIT`.
    Rst,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopAfter {
    /// After measuring for that long.
    Time(Duration),
    /// After that many lines.
    Lines(u64),
}

/// How long lines are, in bytes, the newline included; between the two, each is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSize {
    /// The shortest.
    pub min: usize,
    /// The longest.
    pub max: usize,
}

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// For people.
    Text,
    /// For programs: one object.
    Json,
}

/// The load generator's configuration.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option, and by itself")]
pub struct LoadConfig {
    /// Whom to connect to.
    pub server: Server,
    /// How many connections there are at a time.
    pub connections: usize,
    /// When to stop.
    pub stop_after: StopAfter,
    /// How many lines a second are sent in all, whatever comes back: the open loop. Without it the
    /// loop is closed: each connection sends its next line when the last is back.
    pub rate: Option<f64>,
    /// How long lines are.
    pub size: LineSize,
    /// How many lines a connection has in flight.
    pub pipeline: usize,
    /// Over how long connections, and with them the rate, grow to their full number.
    pub ramp: Duration,
    /// How long after the ramp nothing is measured yet.
    pub warmup: Duration,
    /// What each connection does.
    pub mode: Mode,
    /// How many of the connections that are held echo a second line before all of them end: mode
    /// idle.
    pub verify_held: usize,
    /// How it is closed.
    pub close: Close,
    /// From which addresses connections are made, in turn; none for the system's choice.
    pub sources: Vec<IpAddr>,
    /// Which PROXY header goes before everything else on each connection, if any does.
    pub send_proxy: Option<proxy::Version>,
    /// Whether the server's greeting on each connection is awaited and skipped.
    pub skip_greeting: bool,
    /// What the bytes, and the sizes, are drawn from.
    pub seed: u64,
    /// How long a connection, a line or an end is waited for.
    pub timeout: Duration,
    /// How the report is written.
    pub format: ReportFormat,
    /// Where to, in place of standard output.
    pub output: Option<PathBuf>,
    /// Where to draw latency by percentile, and rate over time: an SVG file.
    #[cfg(feature = "plot")]
    pub plot: Option<PathBuf>,
    /// Where to write the latency distribution as HdrHistogram's tools read it.
    pub hdr: Option<PathBuf>,
    /// What makes the run a failure.
    pub fail_if: Vec<Threshold>,
    /// Whether what is lost or fails makes it none.
    pub allow_errors: bool,
    /// Whether progress is told on standard error.
    pub progress: bool,
}

#[cfg(test)]
impl LoadConfig {
    /// One connection that echoes lines of 64 bytes for two seconds, and says nothing meanwhile.
    pub(super) fn for_tests() -> Self {
        Self {
            server: Server::Path("/nowhere".into()),
            connections: 1,
            stop_after: StopAfter::Time(Duration::from_secs(2)),
            rate: None,
            size: LineSize { min: 64, max: 64 },
            pipeline: 1,
            ramp: Duration::ZERO,
            warmup: Duration::ZERO,
            mode: Mode::Echo,
            verify_held: 0,
            close: Close::Fin,
            sources: Vec::new(),
            send_proxy: None,
            skip_greeting: false,
            seed: 1,
            timeout: Duration::from_secs(5),
            format: ReportFormat::Json,
            output: None,
            #[cfg(feature = "plot")]
            plot: None,
            hdr: None,
            fail_if: Vec::new(),
            allow_errors: false,
            progress: false,
        }
    }
}
