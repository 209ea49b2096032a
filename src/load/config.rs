//! The validated configuration of the load generator: later code sees no flag and no string.

use std::path::PathBuf;
use std::time::Duration;

use crate::client::Server;
use crate::net::proxy;
use crate::net::socket_options::SocketOptions;

use crate::load::report::threshold::Threshold;

/// The work of each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Sends lines and waits for each echo.
    Echo,
    /// Sends lines without a pause, as fast as the socket takes them: throughput.
    Stream,
    /// Opens a connection for each transaction, closes it afterwards, and opens the next.
    Churn,
    /// Sends one line, then nothing until the end.
    Idle,
    /// Sends lines, then FIN; all echoes must come back, and then the server's FIN.
    HalfClose,
    /// Sends lines, then RST before they are back.
    Abort,
}

impl Mode {
    /// Every mode, in the order in which `--help` lists them.
    pub const ALL: [Self; 6] =
        [Self::Echo, Self::Stream, Self::Churn, Self::Idle, Self::HalfClose, Self::Abort];

    /// Returns its name on the command line and in the report.
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

    /// Describes it in a sentence for `--help`.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Echo => "Sends lines, and waits for each echo",
            Self::Stream => "Sends lines as fast as the socket takes them: throughput",
            Self::Churn => "Opens a connection for each transaction, closes it, and opens the next",
            Self::Idle => "Sends one line, and holds the connection until the end",
            Self::HalfClose => {
                "Sends lines, then FIN; all echoes must come back, then the server's FIN"
            }
            Self::Abort => "Sends lines, then RST before all are back",
        }
    }
}

/// How to close a connection that has done its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Orderly: sends FIN and waits for the server's FIN.
    Fin,
    /// With a reset, which leaves no port in `TIME_WAIT`.
    Rst,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopAfter {
    /// Measure for this long.
    Time(Duration),
    /// Send this many lines.
    Lines(u64),
}

/// Range of line lengths in bytes, newline included; each line's length is drawn from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSize {
    /// The shortest line.
    pub min: usize,
    /// The longest line.
    pub max: usize,
}

/// Format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// Text, for people.
    Text,
    /// One JSON object, for programs.
    Json,
}

/// The load generator's configuration.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option, and by itself")]
pub struct LoadConfig {
    /// The server to connect to.
    pub server: Server,
    /// Number of concurrent connections.
    pub connections: usize,
    /// When to stop.
    pub stop_after: StopAfter,
    /// Lines per second in total: the open loop, which sends regardless of the echoes. Without a
    /// rate the loop is closed: each connection sends its next line when the last is back.
    pub rate: Option<f64>,
    /// Length of lines.
    pub size: LineSize,
    /// Lines in flight per connection.
    pub pipeline: usize,
    /// How long connections, and with them the rate, take to reach their full number.
    pub ramp: Duration,
    /// How long after the ramp to wait before measuring.
    pub warmup: Duration,
    /// The work of each connection.
    pub mode: Mode,
    /// Mode idle: number of held connections that must echo a second line before all are closed.
    pub verify_held: usize,
    /// How to close connections.
    pub close: Close,
    /// The options of the sockets. The sources, and the ports of each, are used in turn.
    pub socket: SocketOptions,
    /// Version of the PROXY header to send first on each connection, if any.
    pub send_proxy: Option<proxy::Version>,
    /// Whether to wait for the server's greeting on each connection and skip it.
    pub skip_greeting: bool,
    /// Seed of the payload bytes and line lengths.
    pub seed: u64,
    /// How long to wait for a connect, an echo or a close.
    pub timeout: Duration,
    /// Format of the report.
    pub format: ReportFormat,
    /// File for the report, instead of standard output.
    pub output: Option<PathBuf>,
    /// SVG file for the plot of latency by percentile and rate over time.
    #[cfg(feature = "plot")]
    pub plot: Option<PathBuf>,
    /// File for the latency distribution in the format of HdrHistogram's tools.
    pub hdr: Option<PathBuf>,
    /// Thresholds that make the run fail.
    pub fail_if: Vec<Threshold>,
    /// Whether the run may pass in spite of lost lines and failed connections.
    pub allow_errors: bool,
    /// Whether to show progress on standard error.
    pub progress: bool,
}

#[cfg(test)]
impl LoadConfig {
    /// One connection that echoes lines of 64 bytes for two seconds, without progress output.
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
            socket: SocketOptions::default(),
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
