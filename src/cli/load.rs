//! The command line of `tcpecho-load`.

mod conflicts;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};

use crate::load::{Close, LineSize, LoadConfig, Mode, ReportFormat, StopAfter, Threshold};
use crate::net::proxy;

use super::environment;
use super::load_units::{connections, duration_or_none, lines, pipeline, rate, size, sources};
use super::log_level::LogLevel;
use super::target::Target;
use super::units::{duration, within};

/// How long is not measured at first, unless something else is said: caches and the server's own
/// start settle in it.
const WARMUP: Duration = Duration::from_secs(1);

/// What the load generator is asked to do.
#[derive(Clone, Debug)]
pub enum LoadCommand {
    /// Make load, and report it.
    Run(Box<LoadConfig>),
    /// Compare two reports.
    Compare(PathBuf, PathBuf),
}

/// Reads the command line and the environment. What is wrong with them is said, and ends the
/// process with status 2.
pub fn parse() -> LoadCommand {
    let arguments = arguments(std::env::args_os()).unwrap_or_else(|error| error.exit());
    environment::warn("tcpecho-load", arguments.load.log_level);
    arguments.into()
}

/// Reads that command line, which begins with the program's name, and the environment.
///
/// # Errors
///
/// What is wrong with them, or what was asked for in place of a run, like the help.
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
/// Without --rate the loop is closed: each connection sends its next line when the last is back.
/// With it the loop is open: lines are sent at that rate whatever comes back, and latency counts
/// from when a line was to be sent, so that a stalled server can't hide.
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
        /// The report to compare with
        #[arg(value_name = "A.json")]
        a: PathBuf,

        /// The report to be compared
        #[arg(value_name = "B.json")]
        b: PathBuf,
    },
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option, and by itself")]
struct Load {
    #[command(flatten)]
    target: Target,

    /// How many connections there are at a time
    #[arg(short, long, value_name = "N", env = "TCPECHO_LOAD_CONNECTIONS", default_value = "50",
          value_parser = connections)]
    connections: usize,

    /// How long to measure
    #[arg(short, long, value_name = "DURATION", env = "TCPECHO_LOAD_DURATION",
          default_value = "10s", value_parser = duration)]
    duration: Duration,

    /// Stop after so many lines instead; all of them are measured
    #[arg(short = 'n', long, value_name = "N", env = "TCPECHO_LOAD_LINES", value_parser = lines,
          conflicts_with = "duration")]
    lines: Option<u64>,

    /// Send so many lines a second in all, whatever comes back: the open loop
    #[arg(short, long, value_name = "N", env = "TCPECHO_LOAD_RATE", value_parser = rate)]
    rate: Option<f64>,

    /// How long a line is, its newline included; of a range like 64-4096 each is drawn
    #[arg(short, long, value_name = "BYTES", env = "TCPECHO_LOAD_SIZE", default_value = "64",
          value_parser = size)]
    size: LineSize,

    /// How many lines a connection has on their way at a time; in the modes churn, half-close and
    /// abort, how many it sends
    #[arg(short = 'P', long, value_name = "N", env = "TCPECHO_LOAD_PIPELINE", default_value = "1",
          value_parser = pipeline)]
    pipeline: usize,

    /// Open the connections, and raise the rate, evenly over that long [default: at once]
    #[arg(long, value_name = "DURATION", env = "TCPECHO_LOAD_RAMP", value_parser = duration)]
    ramp: Option<Duration>,

    /// Once all are connected, or after the ramp, measure nothing for that long; `0s` for measuring
    /// at once, as --lines does [default: 1s]
    #[arg(long, value_name = "DURATION", env = "TCPECHO_LOAD_WARMUP",
          value_parser = duration_or_none)]
    warmup: Option<Duration>,

    /// What each connection does
    #[arg(long, value_name = "MODE", env = "TCPECHO_LOAD_MODE", default_value = "echo")]
    mode: Mode,

    /// Mode idle: before closing, verify that N of the held connections echo a second line
    #[arg(long, alias = "again", value_name = "N", env = "TCPECHO_LOAD_VERIFY_HELD",
          value_parser = connections)]
    verify_held: Option<usize>,

    /// How connections are closed; in half-close FIN goes both ways before, and abort resets
    #[arg(long, value_name = "HOW", env = "TCPECHO_LOAD_CLOSE", default_value = "fin")]
    close: Close,

    /// Connect from these addresses in turn: an address, or a range like 127.0.0.2-127.0.0.9; may
    /// be given several times
    #[arg(long, value_name = "ADDR", env = "TCPECHO_LOAD_SOURCE", value_delimiter = ',',
          value_parser = sources)]
    source: Vec<Vec<IpAddr>>,

    /// On each connection, first send the PROXY protocol's header of that version, with our own
    /// address as the client's
    #[arg(long, value_name = "VERSION", env = "TCPECHO_LOAD_SEND_PROXY")]
    send_proxy: Option<proxy::Version>,

    /// The server speaks first: on each connection, await a line and all that comes with it, and
    /// take that for no echo
    #[arg(long, env = "TCPECHO_LOAD_SKIP_GREETING", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    skip_greeting: bool,

    /// What bytes and sizes are drawn from
    #[arg(long, value_name = "N", env = "TCPECHO_LOAD_SEED", default_value_t = 1,
          value_parser = within(0..=u64::MAX))]
    seed: u64,

    /// How long a connection, a line or an end is waited for
    #[arg(long, value_name = "DURATION", env = "TCPECHO_LOAD_TIMEOUT", default_value = "10s",
          value_parser = duration)]
    timeout: Duration,

    /// How the report is written
    #[arg(long, value_name = "FORMAT", env = "TCPECHO_LOAD_FORMAT", default_value = "text")]
    format: ReportFormat,

    /// Write the report there, in place of standard output
    #[arg(short, long, value_name = "FILE", env = "TCPECHO_LOAD_OUTPUT")]
    output: Option<PathBuf>,

    /// Draw latency by percentile, and rate over time
    #[cfg(feature = "plot")]
    #[arg(long, value_name = "FILE.svg", env = "TCPECHO_LOAD_PLOT")]
    plot: Option<PathBuf>,

    /// Write the distribution of latencies as HdrHistogram's tools read it
    #[arg(long, value_name = "FILE", env = "TCPECHO_LOAD_HDR")]
    hdr: Option<PathBuf>,

    /// Exit with status 99 if that holds, as `p99>5ms`, `lost>0.1%`, `errors>0`, `rate<10k`; may
    /// be given several times
    #[arg(long, value_name = "EXPR", env = "TCPECHO_LOAD_FAIL_IF", value_delimiter = ',',
          value_parser = Threshold::parse)]
    fail_if: Vec<Threshold>,

    /// Exit with status 0, not 3, though lines were lost or connections failed
    #[arg(long, env = "TCPECHO_LOAD_ALLOW_ERRORS", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    allow_errors: bool,

    /// Tell no progress on standard error
    #[arg(short, long, env = "TCPECHO_LOAD_QUIET", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    quiet: bool,

    /// How much is told on standard error: error, only what is an error; warn, also warnings; info,
    /// also the progress
    #[arg(
        long,
        value_name = "LEVEL",
        env = "TCPECHO_LOAD_LOG_LEVEL",
        default_value = "info",
        ignore_case = true
    )]
    log_level: LogLevel,
}

const AFTER_HELP: &str = "\
Sizes: 4096, 4k, 1m (1024). Rates and counts: 10k (1000). Durations: 250ms, 10s, 3m. Each long \
option can be set in the environment as TCPECHO_LOAD_ and its name; the command line wins.

Exit status: 0 nothing was lost; 1 no connection, wrong bytes, or nothing to measure; 2 usage; \
3 lines were lost or connections failed, unless --allow-errors or a --fail-if about that says how \
much may be; 99 a --fail-if held; 130 interrupted, after the report.";

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
            // Of a number of lines every one counts, so there is nothing before.
            warmup: match load.warmup {
                Some(warmup) => warmup,
                None if load.lines.is_some() => Duration::ZERO,
                None => WARMUP,
            },
            mode: load.mode,
            verify_held: load.verify_held.unwrap_or_default(),
            close: if load.mode == Mode::Abort { Close::Rst } else { load.close },
            sources: load.source.into_iter().flatten().collect(),
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
