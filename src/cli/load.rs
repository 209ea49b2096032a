//! The command line of `tcpecho-load`.

mod conflicts;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};

use crate::load::{Close, LineSize, LoadConfig, Mode, ReportFormat, StopAfter, Threshold};
use crate::net::proxy;

use super::environment;
use super::load_units::{connections, duration_or_none, lines, pipeline, rate, size};
use super::log_level::LogLevel;
use super::socket_options::SocketArgs;
use super::target::Target;
use super::units::{duration, within};

/// The default warm-up before the measurement, in which caches settle and the server finishes its
/// start-up.
const WARMUP: Duration = Duration::from_secs(1);

/// The action requested on the command line.
#[derive(Clone, Debug)]
pub enum LoadCommand {
    /// Generate load and report on it.
    Run(Box<LoadConfig>),
    /// Compare two reports.
    Compare(PathBuf, PathBuf),
}

/// Parses the command line and the environment. On an error, prints it and exits with status 2.
pub fn parse() -> LoadCommand {
    let arguments = arguments(std::env::args_os()).unwrap_or_else(|error| error.exit());
    environment::warn("tcpecho-load", arguments.load.log_level);
    arguments.into()
}

/// Parses a command line, which starts with the program's name, and the environment.
///
/// # Errors
///
/// An invalid option or variable, or a request for output such as `--help` instead of a run.
pub fn read<W>(words: impl IntoIterator<Item = W>) -> Result<LoadCommand, clap::Error>
where
    W: Into<OsString> + Clone,
{
    Ok(arguments(words)?.into())
}

fn arguments<W>(words: impl IntoIterator<Item = W>) -> Result<RunLoadArgs, clap::Error>
where
    W: Into<OsString> + Clone,
{
    let (arguments, _) = environment::parse::<RunLoadArgs, _>(words)?;
    conflicts::check(&arguments)?;
    Ok(arguments)
}

impl From<RunLoadArgs> for LoadCommand {
    fn from(arguments: RunLoadArgs) -> Self {
        match arguments.other {
            Some(LoadSubcommand::Compare { a, b }) => Self::Compare(a, b),
            None => Self::Run(Box::new(arguments.load.into())),
        }
    }
}

/// The load generator for TCP echo servers: closed or open loop, honest latency, every byte
/// verified.
///
/// Without --rate the loop is closed: each connection sends its next line when the previous one has
/// been echoed. With --rate the loop is open: lines are sent at that rate regardless of echoes, and
/// latency counts from a line's scheduled time, so that a stalled server can't hide.
#[derive(Debug, Parser)]
#[command(name = "tcpecho-load", version, max_term_width = 100, after_help = AFTER_HELP,
          args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct RunLoadArgs {
    #[command(subcommand)]
    other: Option<LoadSubcommand>,

    #[command(flatten)]
    load: Load,
}

#[derive(Debug, Subcommand)]
enum LoadSubcommand {
    /// Compare two reports (--format json), with ratios
    Compare {
        /// Baseline report
        #[arg(value_name = "A.json")]
        a: PathBuf,

        /// Report to compare with the baseline
        #[arg(value_name = "B.json")]
        b: PathBuf,
    },
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent options")]
struct Load {
    #[command(flatten)]
    target: Target,

    /// Number of concurrent connections
    #[arg(short, long, value_name = "N", env = "TCPECHO_LOAD_CONNECTIONS", default_value = "50",
          value_parser = connections)]
    connections: usize,

    /// Duration of the measurement
    #[arg(short, long, value_name = "DURATION", env = "TCPECHO_LOAD_DURATION",
          default_value = "10s", value_parser = duration)]
    duration: Duration,

    /// Stop after this many lines instead; all of them are measured
    #[arg(short = 'n', long, value_name = "N", env = "TCPECHO_LOAD_LINES", value_parser = lines,
          conflicts_with = "duration")]
    lines: Option<u64>,

    /// Send this many lines per second in total, regardless of echoes (open loop)
    #[arg(short, long, value_name = "N", env = "TCPECHO_LOAD_RATE", value_parser = rate)]
    rate: Option<f64>,

    /// Line length, newline included; for a range such as 64-4096 each length is drawn at random
    #[arg(short, long, value_name = "BYTES", env = "TCPECHO_LOAD_SIZE", default_value = "64",
          value_parser = size)]
    size: LineSize,

    /// Lines in flight per connection (churn, half-close, abort: lines sent per connection)
    #[arg(short = 'P', long, value_name = "N", env = "TCPECHO_LOAD_PIPELINE", default_value = "1",
          value_parser = pipeline)]
    pipeline: usize,

    /// Open the connections, and raise the rate, evenly over this time [default: at once]
    #[arg(long, value_name = "DURATION", env = "TCPECHO_LOAD_RAMP", value_parser = duration)]
    ramp: Option<Duration>,

    /// Start measuring this long after all connections are established, or after the ramp; `0s`
    /// starts at once, as --lines does [default: 1s]
    #[arg(long, value_name = "DURATION", env = "TCPECHO_LOAD_WARMUP",
          value_parser = duration_or_none)]
    warmup: Option<Duration>,

    /// Traffic pattern of each connection
    #[arg(long, value_name = "MODE", env = "TCPECHO_LOAD_MODE", default_value = "echo")]
    mode: Mode,

    /// Mode idle: before closing, verify that N of the held connections echo a second line
    #[arg(long, alias = "again", value_name = "N", env = "TCPECHO_LOAD_VERIFY_HELD",
          value_parser = connections)]
    verify_held: Option<usize>,

    /// How to close connections; half-close first exchanges FINs, and abort always resets
    #[arg(long, value_name = "fin|rst", env = "TCPECHO_LOAD_CLOSE", default_value = "fin")]
    close: Close,

    /// First send a PROXY protocol header of this version on each connection, naming our own
    /// address as the client
    #[arg(long, value_name = "VERSION", env = "TCPECHO_LOAD_SEND_PROXY")]
    send_proxy: Option<proxy::Version>,

    /// Wait for the server's greeting (a line and all data that arrives with it) on each
    /// connection, and do not count it as an echo
    #[arg(long, env = "TCPECHO_LOAD_SKIP_GREETING", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue, conflicts_with = "fast_open")]
    skip_greeting: bool,

    /// Random seed for bytes and line lengths
    #[arg(long, value_name = "N", env = "TCPECHO_LOAD_SEED", default_value_t = 1,
          value_parser = within(0..=u64::MAX))]
    seed: u64,

    /// Time limit for a connect, an echo or a close
    #[arg(long, value_name = "DURATION", env = "TCPECHO_LOAD_TIMEOUT", default_value = "10s",
          value_parser = duration)]
    timeout: Duration,

    /// Report format
    #[arg(long, value_name = "FORMAT", env = "TCPECHO_LOAD_FORMAT", default_value = "text")]
    format: ReportFormat,

    /// Write the report to this file instead of standard output
    #[arg(short, long, value_name = "FILE", env = "TCPECHO_LOAD_OUTPUT")]
    output: Option<PathBuf>,

    /// Plot latency by percentile, and rate over time
    #[cfg(feature = "plot")]
    #[arg(long, value_name = "FILE.svg", env = "TCPECHO_LOAD_PLOT")]
    plot: Option<PathBuf>,

    /// Write the latency distribution in HdrHistogram's percentile format
    #[arg(long, value_name = "FILE", env = "TCPECHO_LOAD_HDR")]
    hdr: Option<PathBuf>,

    /// Exit with status 99 if this condition holds, such as `p99>5ms`, `lost>0.1%`, `errors>0` or
    /// `rate<10k`. May be given several times
    #[arg(long, value_name = "EXPR", env = "TCPECHO_LOAD_FAIL_IF", value_delimiter = ',',
          value_parser = Threshold::parse)]
    fail_if: Vec<Threshold>,

    /// Exit with status 0, not 3, if lines were lost or connections failed
    #[arg(long, env = "TCPECHO_LOAD_ALLOW_ERRORS", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    allow_errors: bool,

    /// Show no progress on standard error
    #[arg(short, long, env = "TCPECHO_LOAD_QUIET", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    quiet: bool,

    /// Verbosity on standard error: error prints only errors; warn adds warnings; info adds
    /// progress
    #[arg(
        long,
        value_name = "LEVEL",
        env = "TCPECHO_LOAD_LOG_LEVEL",
        default_value = "info",
        ignore_case = true
    )]
    log_level: LogLevel,

    #[command(flatten)]
    socket: SocketArgs,
}

const AFTER_HELP: &str = "\
Sizes: 4096, 4k, 1m (1024). Rates and counts: 10k (1000). Durations: 250ms, 10s, 3m. Each long \
option can also be set by an environment variable, TCPECHO_LOAD_ and the option's name; the \
command line takes precedence.

Exit status: 0 nothing lost; 1 no connection, wrong bytes, or nothing to measure; 2 usage; 3 lines \
lost or connections failed, unless --allow-errors is given or a --fail-if sets a limit for that; \
99 a --fail-if condition held; 130 interrupted, after the report.";

impl From<Load> for LoadConfig {
    fn from(load: Load) -> Self {
        Self {
            server: load.target.into(),
            connections: load.connections,
            stop_after: load.lines.map_or(StopAfter::Time(load.duration), StopAfter::Lines),
            rate: load.rate,
            size: load.size,
            pipeline: load.pipeline,
            ramp: load.ramp.unwrap_or_default(),
            // With --lines every line is measured, so there is no warm-up.
            warmup: match load.warmup {
                Some(warmup) => warmup,
                None if load.lines.is_some() => Duration::ZERO,
                None => WARMUP,
            },
            mode: load.mode,
            verify_held: load.verify_held.unwrap_or_default(),
            close: if load.mode == Mode::Abort { Close::Rst } else { load.close },
            socket: load.socket.into(),
            send_proxy: load.send_proxy,
            skip_greeting: load.skip_greeting,
            seed: load.seed,
            timeout: load.timeout,
            format: load.format,
            output: load.output,
            #[cfg(feature = "plot")]
            plot: load.plot,
            hdr: load.hdr,
            fail_if: load.fail_if,
            allow_errors: load.allow_errors,
            progress: !load.quiet && load.log_level >= LogLevel::Info,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        RunLoadArgs::command().debug_assert();
    }
}
