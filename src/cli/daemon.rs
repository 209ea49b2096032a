//! The command line of `tcpechod`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{BoolishValueParser, PossibleValuesParser};
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser, ValueEnum};

use crate::connection::Timeouts;
use crate::line::LINE_BYTES_LIMIT;
use crate::reactor::{OverLimit, Program};
use crate::server::{Config, Keepalive, Listen};
use crate::service;

use super::PORT;
use super::units::{
    OrOff, bytes, duration, duration_or_off, keepalive_or_off, user_timeout_or_off,
};

/// What the daemon is asked to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Serve.
    Run(Config),
    /// Say what serving would be.
    Check(Config),
}

/// Reads the command line and the environment. What is wrong with them is said, and ends the
/// process with status 2.
pub fn parse() -> Command {
    let arguments = Arguments::parse();
    if arguments.exec.is_some() && matches!(arguments.over_limit, Policy::Evict) {
        let message =
            "--over-limit evict can't be used with --exec: who is idle, only the child knows";
        Arguments::command().error(ErrorKind::ArgumentConflict, message).exit();
    }
    arguments.into()
}

/// The TCP echo server: what a peer sends comes back, whole and in order.
///
/// One thread, one event loop, tens of thousands of connections; no peer's fault is another's.
#[derive(Debug, Parser)]
#[command(name = "tcpechod", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Arguments {
    #[arg(short, long, help = LISTEN_HELP, value_name = "ADDR", env = "TCPECHOD_LISTEN",
          value_delimiter = ',', value_parser = listen_address)]
    listen: Vec<String>,

    /// Once ready, write the addresses there, one a line
    #[arg(long, value_name = "FILE", env = "TCPECHOD_PORT_FILE")]
    port_file: Option<PathBuf>,

    /// What answers
    #[arg(short, long, value_name = "NAME", env = "TCPECHOD_SERVICE", default_value = "echo",
          value_parser = services())]
    service: String,

    /// Instead of a service, start COMMAND for each connection, with that for its standard input
    /// and output. It is split at blanks; there is no shell and no quoting: for more, a script
    #[arg(long, value_name = "COMMAND", env = "TCPECHOD_EXEC", value_parser = program,
          conflicts_with_all = ["service", "max_line", "idle_timeout", "line_timeout",
                                "stall_timeout"])]
    exec: Option<Program>,

    /// The longest line; echo returns a longer one in pieces, sum refuses it
    #[arg(long, value_name = "BYTES", env = "TCPECHOD_MAX_LINE", default_value = "4k",
          value_parser = line_bytes)]
    max_line: usize,

    /// How many connections there may be [default: the limit on descriptors, less 64]
    #[arg(short = 'c', long, value_name = "N", env = "TCPECHOD_MAX_CONNECTIONS",
          value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: Option<u32>,

    /// What happens to one more
    #[arg(long, value_name = "POLICY", env = "TCPECHOD_OVER_LIMIT", default_value = "wait")]
    over_limit: Policy,

    /// How many connections wait in the kernel until they are accepted
    #[arg(short, long, value_name = "N", env = "TCPECHOD_BACKLOG", default_value_t = 4096,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    backlog: u32,

    /// Let several processes listen on one port
    #[arg(long, env = "TCPECHOD_REUSE_PORT", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    reuse_port: bool,

    /// Close a connection on which nothing at all happened for that long [default: off]
    #[arg(short, long, value_name = "DURATION", env = "TCPECHOD_IDLE_TIMEOUT",
          value_parser = duration_or_off)]
    idle_timeout: Option<OrOff<Duration>>,

    /// Close a connection whose line was begun and not finished in that time [default: off]
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_LINE_TIMEOUT",
          value_parser = duration_or_off)]
    line_timeout: Option<OrOff<Duration>>,

    /// Close a connection whose peer takes nothing of what is owed to it for that long
    /// [default: off]
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_STALL_TIMEOUT",
          value_parser = duration_or_off)]
    stall_timeout: Option<OrOff<Duration>>,

    /// Ask a silent peer whether it is still there: IDLE/INTERVAL/COUNT, or off
    #[arg(long, value_name = "PROBES", env = "TCPECHOD_KEEPALIVE", default_value = "300s/15s/8",
          value_parser = keepalive_or_off)]
    keepalive: OrOff<Keepalive>,

    /// Give up a peer that acknowledges nothing for that long, or off
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_USER_TIMEOUT", default_value = "off",
          value_parser = user_timeout_or_off)]
    user_timeout: OrOff<Duration>,

    /// How long ending may take, whatever peers do
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_DRAIN_TIMEOUT", default_value = "4s",
          value_parser = duration)]
    drain_timeout: Duration,

    /// Read the configuration, say what would be done, and exit
    #[arg(long)]
    check: bool,
}

// Not a doc comment, where brackets would be links.
const LISTEN_HELP: &str = "\
Listen there: ip:port, [ip6]:port or name:port; port 0 is any free one. May be given several times \
[default: 0.0.0.0:9877 and [::]:9877]";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// It waits in the backlog until there is room
    Wait,
    /// It is accepted and closed
    Refuse,
    /// It comes in, and the longest idle goes
    Evict,
}

const AFTER_HELP: &str = "\
Sizes: 4096, 4k, 1m (1024). Durations: 250ms, 10s, 3m. Each option can be set in the environment \
as TCPECHOD_ and its name (TCPECHOD_MAX_LINE=8k); the command line wins.

Signals: TERM and INT drain, a second one ends at once; USR1 logs the status.
With --exec, TERM is passed on to the children, and KILL follows at --drain-timeout.
Log: to standard error; RUST_LOG=debug shows every connection's end.
Exit status: 0 drained, 1 failure or connections cut, 2 usage.";

impl From<Arguments> for Command {
    fn from(arguments: Arguments) -> Self {
        let check = arguments.check;
        let config = Config::from(arguments);
        if check { Self::Check(config) } else { Self::Run(config) }
    }
}

impl From<Arguments> for Config {
    fn from(arguments: Arguments) -> Self {
        let listen = if arguments.listen.is_empty() {
            Listen::Everywhere { port: PORT }
        } else {
            Listen::At(arguments.listen)
        };
        Self {
            listen,
            port_file: arguments.port_file,
            service: service::by_name(&arguments.service).unwrap_or(service::ECHO),
            exec: arguments.exec,
            line_bytes_max: arguments.max_line,
            connections_max: arguments
                .max_connections
                .map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
            over_limit: match arguments.over_limit {
                Policy::Wait => OverLimit::Wait,
                Policy::Refuse => OverLimit::Refuse,
                Policy::Evict => OverLimit::Evict,
            },
            backlog: arguments.backlog,
            reuse_port: arguments.reuse_port,
            timeouts: Timeouts {
                idle: arguments.idle_timeout.and_then(|wait| wait.0),
                line: arguments.line_timeout.and_then(|wait| wait.0),
                stall: arguments.stall_timeout.and_then(|wait| wait.0),
            },
            keepalive: arguments.keepalive.0,
            user_timeout: arguments.user_timeout.0,
            drain: arguments.drain_timeout,
        }
    }
}

fn services() -> PossibleValuesParser {
    let names = service::ALL.iter();
    names.map(|one| clap::builder::PossibleValue::new(one.name).help(one.about)).into()
}

fn program(text: &str) -> Result<Program, String> {
    let mut words = text.split_whitespace().map(ToOwned::to_owned);
    let name = words.next().ok_or("expected a command")?;
    Ok(Program { name, arguments: words.collect() })
}

fn line_bytes(text: &str) -> Result<usize, String> {
    let size = bytes(text)?;
    if !(1..=LINE_BYTES_LIMIT).contains(&size) {
        return Err(format!("a line is from 1 byte to {}m long", LINE_BYTES_LIMIT >> 20));
    }
    Ok(size)
}

/// Checks the form; names are resolved when the listener is bound.
fn listen_address(text: &str) -> Result<String, String> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err("expected ip:port, [ip6]:port or name:port".to_owned());
    };
    if port.parse::<u16>().is_err() {
        return Err(format!("{port:?} is not a port: expected a number from 0 to 65535"));
    }
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || (host.contains(':') && !bracketed) {
        return Err("expected ip:port, [ip6]:port (with the brackets) or name:port".to_owned());
    }
    Ok(text.to_owned())
}
