//! The command line of `tcpecho-probe`.

mod hosts;
mod path;
mod ping;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{BoolishValueParser, PossibleValue};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::net::keepalive::Keepalive;
use crate::probe::{IdleConfig, PortsConfig, ProbeConfig, ProbeFormat, Question, WhoConfig};

use super::environment;
use super::log_level::LogLevel;
use super::units::{OrOff, duration, keepalive_or_off, within};

use self::hosts::Host;
use self::path::PathArgs;
use self::ping::PingArgs;

/// Parses the command line and the environment. On an error, prints it and exits with status 2.
pub fn parse() -> ProbeConfig {
    let config = read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    environment::warn("tcpecho-probe", LogLevel::Warn);
    config
}

/// Parses a command line, which starts with the program's name, and the environment.
///
/// # Errors
///
/// An invalid option or variable, or a request for output such as `--help`.
pub fn read<W>(words: impl IntoIterator<Item = W>) -> Result<ProbeConfig, clap::Error>
where
    W: Into<OsString> + Clone,
{
    let (arguments, _) = environment::parse::<ProbeArgs, _>(words)?;
    let (hosts, question) = match arguments.command {
        ProbeCommand::Ping(ping) => (ping.hosts.clone(), Question::Ping(ping.into())),
        ProbeCommand::Path(path) => (path.host.clone().into(), Question::Path(path.checked()?)),
        ProbeCommand::Idle(idle) => (idle.host.clone().into(), Question::Idle(idle.into())),
        ProbeCommand::Ports(ports) => (ports.host.clone().into(), Question::Ports(ports.into())),
        ProbeCommand::Who(who) => (who.host.clone().into(), Question::Who(who.into())),
    };
    let (format, quiet) = (arguments.format, arguments.quiet);
    let dialing = hosts.dialing::<ProbeArgs>()?;
    Ok(ProbeConfig { format, quiet, targets: hosts.targets(), dialing, question })
}

/// Measures the path between this host and an echo server.
#[derive(Debug, Parser)]
#[command(name = "tcpecho-probe", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(super) struct ProbeArgs {
    #[command(subcommand)]
    command: ProbeCommand,

    /// Output format
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "TCPECHO_PROBE_FORMAT",
        default_value = "text"
    )]
    format: ProbeFormat,

    /// Print only outages and the summary
    #[arg(short, long, global = true, env = "TCPECHO_PROBE_QUIET",
          value_parser = BoolishValueParser::new(), action = ArgAction::SetTrue)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum ProbeCommand {
    /// Echo a line at an interval, and report every outage
    Ping(PingArgs),
    /// Find out which uses of TCP the path lets through, question by question
    Path(PathArgs),
    /// Find out how long a connection may be silent
    Idle(IdleArgs),
    /// Find out which source ports fail: a broken one of several equal paths
    Ports(PortsArgs),
    /// Count which servers answer, by their greetings
    Who(WhoArgs),
}

#[derive(Debug, Args)]
struct IdleArgs {
    #[command(flatten)]
    host: Host,

    /// Shortest silence; each connection is silent for twice as long as the one before
    #[arg(long, value_name = "DURATION", env = "TCPECHO_PROBE_FROM", default_value = "1s",
          value_parser = duration)]
    from: Duration,

    /// Longest silence
    #[arg(long, value_name = "DURATION", env = "TCPECHO_PROBE_TO", default_value = "2h",
          value_parser = duration)]
    to: Duration,

    /// Exactness of the answer
    #[arg(long, value_name = "DURATION", env = "TCPECHO_PROBE_WITHIN", default_value = "1s",
          value_parser = duration)]
    within: Duration,

    /// Time within which an answer has to come
    #[arg(long, value_name = "DURATION", env = "TCPECHO_PROBE_TIMEOUT", default_value = "5s",
          value_parser = duration)]
    timeout: Duration,

    /// Send TCP keep-alive probes: the first after IDLE without traffic, then every INTERVAL; give
    /// up after COUNT unanswered ones; or off
    #[arg(long, value_name = "IDLE/INTERVAL/COUNT", env = "TCPECHO_PROBE_KEEPALIVE",
          default_value = "off", value_parser = keepalive_or_off)]
    keepalive: OrOff<Keepalive>,

    /// Keep the state of the search in this file, and go on with the search that it has
    #[arg(long, value_name = "FILE", env = "TCPECHO_PROBE_STATE")]
    state: Option<PathBuf>,
}

impl From<IdleArgs> for IdleConfig {
    fn from(arguments: IdleArgs) -> Self {
        let IdleArgs { host: _, from, to, within, timeout, keepalive, state } = arguments;
        Self { from, to: to.max(from), within, timeout, keepalive: keepalive.0, state }
    }
}

#[derive(Debug, Args)]
struct PortsArgs {
    #[command(flatten)]
    host: Host,

    /// Number of source ports
    #[arg(long, value_name = "N", env = "TCPECHO_PROBE_PORTS", default_value = "256",
          value_parser = within(1..=16384_u16))]
    ports: u16,

    /// Number of echoes from each
    #[arg(long, value_name = "N", env = "TCPECHO_PROBE_ROUNDS", default_value = "3",
          value_parser = within(1..=1_000_000_u32))]
    rounds: u32,

    /// Time within which a connect, or an answer, has to come
    #[arg(long, value_name = "DURATION", env = "TCPECHO_PROBE_TIMEOUT", default_value = "3s",
          value_parser = duration)]
    timeout: Duration,
}

impl From<PortsArgs> for PortsConfig {
    fn from(arguments: PortsArgs) -> Self {
        let PortsArgs { host: _, ports, rounds, timeout } = arguments;
        Self { ports, rounds, timeout }
    }
}

#[derive(Debug, Args)]
struct WhoArgs {
    #[command(flatten)]
    host: Host,

    /// Number of connections
    #[arg(short = 'n', long, value_name = "N", env = "TCPECHO_PROBE_CONNECTIONS",
          default_value = "100", value_parser = within(1..=1_000_000_u32))]
    connections: u32,

    /// Number of servers that should answer
    #[arg(long, value_name = "N", env = "TCPECHO_PROBE_EXPECT",
          value_parser = within(1..=1_000_000_u32))]
    expect: Option<u32>,

    /// Time within which a server has to greet
    #[arg(long, value_name = "DURATION", env = "TCPECHO_PROBE_TIMEOUT", default_value = "3s",
          value_parser = duration)]
    timeout: Duration,
}

impl From<WhoArgs> for WhoConfig {
    fn from(arguments: WhoArgs) -> Self {
        let WhoArgs { host: _, connections, expect, timeout } = arguments;
        Self { connections, expect, timeout }
    }
}

impl ValueEnum for ProbeFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json, Self::Csv]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Text => PossibleValue::new("text").help("For people, a line for each event"),
            Self::Json => PossibleValue::new("json").help("A JSON object a line, the summary last"),
            Self::Csv => PossibleValue::new("csv").help("Comma-separated values, without summary"),
        })
    }
}

const AFTER_HELP: &str = "\
Durations: 250ms, 10s, 3m. Each long option can also be set by an environment variable, \
TCPECHO_PROBE_ and the option's name; the command line takes precedence.

Exit status: 0 all well; 10 found: an outage (ping), an answer no (path), a port that fails \
(ports), fewer servers than expected (who); a host that never answered has the status of tcpecho: \
1 failed; 3 terminated; 4 reset; 5 broken-pipe; 6 timed-out; 7 unreachable; 8 refused; \
9 unresolved; 2 usage.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::probe::Connections;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        ProbeArgs::command().debug_assert();
    }

    #[test]
    fn a_ping_has_the_defaults_of_ping_and_takes_every_form_of_address() {
        let config = read(["tcpecho-probe", "ping", "h", "[::1]:7", "8"]).unwrap();
        let names: Vec<_> = config.targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, ["h", "[::1]:7", "*:8"]);
        let Question::Ping(ping) = config.question else { panic!("{:?}", config.question) };
        assert_eq!((ping.interval, ping.timeout), (Duration::from_secs(1), Duration::from_secs(1)));
        assert_eq!((ping.count, ping.connections), (None, Connections::Kept));
        assert!(read(["tcpecho-probe", "ping"]).is_err());
    }
}
