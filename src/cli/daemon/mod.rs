//! The command line of `tcpechod`.

mod admission;
mod faults;
mod listen;
mod run;
mod timeouts;

use std::ffi::OsString;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::line::LINE_BYTES_LIMIT;
use crate::net::access::Access;
use crate::net::address::Address;
use crate::reactor::Options;
use crate::reactor::OverLimit;
use crate::server::{ListenerConfig, Origin, ServerConfig};
use crate::service;
use crate::sys::ExecCommand;

use super::PORT;
use super::environment;
use super::units::bytes;

use self::admission::AdmissionArgs;
use self::faults::FaultArgs;
use self::listen::ListenArgs;
use self::run::RunArgs;
use self::timeouts::TimeoutArgs;

/// The action requested on the command line.
#[derive(Clone, Debug)]
pub enum DaemonCommand {
    /// Run the daemon.
    Run(ServerConfig),
    /// Report how the daemon would run, and the value and source of each option.
    Check(ServerConfig),
    /// Ask the daemon with this metrics listener whether it is ready.
    Health(Address),
}

/// Parses the command line and the environment. On an error, prints it and exits with status 2.
pub fn parse() -> DaemonCommand {
    read(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

/// Parses a command line, which starts with the program's name, and the environment.
///
/// # Errors
///
/// An invalid option or variable, or a request for output such as `--help` instead of a run.
pub fn read<W>(words: impl IntoIterator<Item = W>) -> Result<DaemonCommand, clap::Error>
where
    W: Into<OsString> + Clone,
{
    let (arguments, matches) = environment::parse::<DaemonArgs, _>(words)?;
    if let Some(address) = arguments.health {
        return Ok(DaemonCommand::Health(address));
    }
    if arguments.exec.is_some() && arguments.admission.over_limit() == OverLimit::Evict {
        let message =
            "--over-limit evict can't be used with --exec: only the child knows whether it is idle";
        return Err(DaemonArgs::command().error(ErrorKind::ArgumentConflict, message));
    }
    if arguments.exec.is_some() && arguments.listening.names_service() {
        let message = "--listen with service= can't be used with --exec, which takes its place";
        return Err(DaemonArgs::command().error(ErrorKind::ArgumentConflict, message));
    }
    let in_force = environment::in_force(&DaemonArgs::command(), &matches);
    let check = arguments.check;
    let config = ServerConfig { in_force, ..ServerConfig::from(arguments) };
    Ok(if check { DaemonCommand::Check(config) } else { DaemonCommand::Run(config) })
}

/// The TCP echo server: sends each peer's bytes back, complete and in order.
///
/// One thread and one event loop serve tens of thousands of connections; a faulty peer affects no
/// other connection.
#[derive(Debug, Parser)]
#[command(name = "tcpechod", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(super) struct DaemonArgs {
    #[command(flatten)]
    listening: ListenArgs,

    /// Service to run
    #[arg(short, long, value_name = "NAME", env = "TCPECHOD_SERVICE", default_value = "echo",
          value_parser = services())]
    service: String,

    /// Run COMMAND for each connection instead of a service, with the socket as its standard input
    /// and output. COMMAND is split at blanks, without a shell or quoting; use a script for more
    #[arg(long, value_name = "COMMAND", env = "TCPECHOD_EXEC", value_parser = program,
          conflicts_with_all = ["service", "max_line", "idle_timeout", "line_timeout",
                                "stall_timeout"])]
    exec: Option<ExecCommand>,

    /// Maximum line length; echo returns longer lines in pieces, sum rejects them
    #[arg(long, value_name = "BYTES", env = "TCPECHOD_MAX_LINE", default_value = "4k",
          value_parser = line_bytes)]
    max_line: usize,

    #[command(flatten)]
    admission: AdmissionArgs,

    #[command(flatten)]
    patience: TimeoutArgs,

    #[command(flatten)]
    operation: RunArgs,

    #[command(flatten)]
    behaviour: FaultArgs,

    /// Validate the configuration, print how the daemon would run and the value and source of each
    /// option, and exit
    #[arg(long)]
    check: bool,

    /// Ask the daemon whose --metrics address this is whether it is ready (`/readyz`), and exit: 0
    /// if it is, 1 if not. The address of an echo listener will do too. Without a host: this
    /// machine
    #[arg(long, value_name = "ADDR", value_parser = listen::metrics_address,
          conflicts_with = "check")]
    health: Option<Address>,
}

const AFTER_HELP: &str = "\
Sizes: 4096, 4k, 1m (1024). Durations: 250ms, 10s, 3m. Each option can also be set by an \
environment variable, TCPECHOD_ and the option's name (TCPECHOD_MAX_LINE=8k); the command line \
takes precedence.

Signals: TERM and INT drain, a second one exits at once; USR1 logs the status; HUP reopens \
--log-file, and reads --allow-file, --deny-file and --log-level @FILE again.
With --exec, TERM is forwarded to the children, and KILL follows at --drain-timeout.
Log: to standard error or --log-file; --log-level debug, like RUST_LOG=debug, logs the end of \
every connection.
Exit status: 0 drained, 1 failure or connections cut, 2 usage.";

/// The default connection limit with `--exec`: a process takes far more memory than a descriptor.
/// tcpserver (ucspi-tcp) has the same default.
const CHILDREN_MAX: usize = 40;

impl From<DaemonArgs> for ServerConfig {
    fn from(arguments: DaemonArgs) -> Self {
        let children_max = arguments.exec.is_some().then_some(CHILDREN_MAX);
        let service = service::by_name(&arguments.service).unwrap_or(service::ECHO);
        let listener = ListenerConfig {
            service,
            proxy_header: arguments.admission.header_policy(),
            backlog: arguments.listening.backlog,
            mode: None,
            group: None,
        };
        Self {
            listen: arguments.listening.specs(&listener),
            origin: match (arguments.operation.inetd, arguments.listening.is_given()) {
                (true, _) => Origin::StandardInput,
                (false, true) => Origin::Addresses,
                (false, false) => Origin::DefaultAddresses,
            },
            options: Options {
                service,
                listeners: Vec::new(),
                banner: arguments.behaviour.banner,
                exec: arguments.exec.is_some(),
                line_bytes_max: arguments.max_line,
                over_limit: arguments.admission.over_limit(),
                access: Access::default(),
                metrics_access: arguments.listening.metrics_access(),
                proxy_header: arguments.admission.header_policy(),
                per_peer_max: arguments.admission.per_peer_max(),
                timeouts: arguments.patience.timeouts(),
                drain: arguments.patience.drain_timeout,
                drain_grace: arguments.patience.drain_grace.0.unwrap_or_default(),
            },
            access: arguments.admission.access(),
            metrics: arguments.listening.metrics,
            hand_over: arguments.listening.hand_over,
            port_file: arguments.listening.port_file,
            faults: arguments.behaviour.fault,
            fault_seed: arguments.behaviour.fault_seed,
            exec: arguments.exec,
            connections_max: arguments.admission.connections_max().or(children_max),
            backlog: arguments.listening.backlog,
            reuse_port: arguments.listening.reuse_port,
            keepalive: arguments.patience.keepalive.0,
            user_timeout: arguments.patience.user_timeout.0,
            log_level: arguments.operation.log_level(),
            log_file: arguments.operation.log_file.clone(),
            log_format: arguments.operation.log_format(),
            user: arguments.operation.user(),
            sandbox: arguments.operation.sandbox(),
            in_force: Vec::new(),
        }
    }
}

fn services() -> PossibleValuesParser {
    let names = service::ALL.iter();
    names.map(|one| clap::builder::PossibleValue::new(one.name).help(one.about)).into()
}

fn program(text: &str) -> Result<ExecCommand, String> {
    let mut words = text.split_whitespace().map(ToOwned::to_owned);
    let name = words.next().ok_or("expected a command")?;
    Ok(ExecCommand { name, arguments: words.collect() })
}

fn line_bytes(text: &str) -> Result<usize, String> {
    let size = bytes(text)?;
    if !(1..=LINE_BYTES_LIMIT).contains(&size) {
        return Err(format!("a line is from 1 byte to {}m long", LINE_BYTES_LIMIT >> 20));
    }
    Ok(size)
}
