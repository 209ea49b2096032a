//! The command line of `tcpecho`.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Parser, ValueEnum};

use crate::client::{self, ClientConfig, Style};
use crate::net::keepalive::Keepalive;
use crate::net::proxy;
use crate::net::socket_options::SocketOptions;

use super::environment;
use super::log_level::LogLevel;
use super::socket_options::SocketArgs;
use super::target::Target;
use super::units::{OrOff, duration, duration_or_off, keepalive_or_off, user_timeout_or_off};

/// Parses the command line and the environment. On an error, prints it and exits with status 2.
pub fn parse() -> ClientConfig {
    let arguments = arguments(std::env::args_os()).unwrap_or_else(|error| error.exit());
    environment::warn("tcpecho", arguments.log_level);
    arguments.into()
}

/// Parses a command line, which starts with the program's name, and the environment.
///
/// # Errors
///
/// An invalid option or variable, or a request for output such as `--help` instead of a run.
pub fn read<W>(words: impl IntoIterator<Item = W>) -> Result<ClientConfig, clap::Error>
where
    W: Into<OsString> + Clone,
{
    Ok(arguments(words)?.into())
}

fn arguments<W>(words: impl IntoIterator<Item = W>) -> Result<ClientArgs, clap::Error>
where
    W: Into<OsString> + Clone,
{
    let (arguments, _) = environment::parse::<ClientArgs, _>(words)?;
    arguments.target.check::<ClientArgs>()?;
    if arguments.target.is_unix() {
        arguments.socket.check_for_unix::<ClientArgs>()?;
    }
    Ok(arguments)
}

/// The TCP echo client: sends standard input to a server and writes everything received to standard
/// output.
///
/// At the end of the input it half-closes the connection, waits for the remaining replies, and
/// exits. The exit status gives the reason for the connection's end; on failure so does the first
/// word on standard error.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "independent options")]
#[command(name = "tcpecho", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(super) struct ClientArgs {
    #[command(flatten)]
    target: Target,

    /// Print addresses, states and counts on standard error
    #[arg(short, long, env = "TCPECHO_VERBOSE", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    verbose: bool,

    /// Verbosity on standard error: error prints only the reason for a failure; warn adds warnings;
    /// debug equals --verbose
    #[arg(
        long,
        value_name = "LEVEL",
        env = "TCPECHO_LOG_LEVEL",
        default_value = "info",
        ignore_case = true
    )]
    log_level: LogLevel,

    /// Time limit for connecting, shared by all addresses of the host
    #[arg(long, value_name = "DURATION", env = "TCPECHO_CONNECT_TIMEOUT", default_value = "10s",
          value_parser = duration)]
    connect_timeout: Duration,

    /// Give up after receiving nothing for this long while an echo is outstanding, or off
    #[arg(long, value_name = "DURATION", env = "TCPECHO_TIMEOUT", default_value = "off",
          value_parser = duration_or_off)]
    timeout: OrOff<Duration>,

    /// After this long without traffic, send an empty line (its echo is not shown), and give up if
    /// no echo returns within the same time; or off
    #[arg(long, value_name = "DURATION", env = "TCPECHO_HEARTBEAT", default_value = "off",
          value_parser = duration_or_off)]
    heartbeat: OrOff<Duration>,

    /// Send TCP keep-alive probes: the first after IDLE without traffic, then every INTERVAL; give
    /// up after COUNT unanswered ones; or off
    #[arg(long, value_name = "IDLE/INTERVAL/COUNT", env = "TCPECHO_KEEPALIVE",
          default_value = "off", value_parser = keepalive_or_off)]
    keepalive: OrOff<Keepalive>,

    /// Give up if the server's host acknowledges no data for this long, or off
    #[arg(long, value_name = "DURATION", env = "TCPECHO_USER_TIMEOUT", default_value = "off",
          value_parser = user_timeout_or_off)]
    user_timeout: OrOff<Duration>,

    /// Send a PROXY protocol header of this version first, naming our own address as the client
    #[arg(long, value_name = "VERSION", env = "TCPECHO_SEND_PROXY")]
    send_proxy: Option<proxy::Version>,

    /// Send nothing before the server's greeting (a line and all data that arrives with it), and do
    /// not print the greeting
    #[arg(long, env = "TCPECHO_SKIP_GREETING", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue, conflicts_with = "fast_open")]
    skip_greeting: bool,

    /// Wire format of requests and replies
    #[arg(long, value_name = "FORMAT", env = "TCPECHO_FORMAT", default_value = "text")]
    format: WireFormatArg,

    /// Send one line and wait for its echo before reading the next: the course's first client, with
    /// its faults
    #[arg(long, env = "TCPECHO_STOP_AND_WAIT", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue,
          conflicts_with_all = ["timeout", "heartbeat", "format"])]
    stop_and_wait: bool,

    /// Action on SIGPIPE
    #[arg(long, value_name = "ACTION", env = "TCPECHO_SIGPIPE", default_value = "ignore")]
    sigpipe: SigpipeArg,

    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WireFormatArg {
    /// Lines, unchanged
    Text,
    /// A line such as `11 22` as two XDR hypers, the reply as a line; for a sum-xdr server
    Xdr,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SigpipeArg {
    /// Ignore it: the write fails, and the exit status is 5
    Ignore,
    /// Terminate silently
    Default,
}

const AFTER_HELP: &str = "\
Durations: 250ms, 10s, 3m. Each long option can also be set by an environment variable, TCPECHO_ \
and the option's name (TCPECHO_TIMEOUT=5s); the command line takes precedence.

Exit status, and the first word on standard error: 0 everything sent and echoed; 1 failed; \
2 usage; 3 terminated (the server closed the connection first); 4 reset; 5 broken-pipe; \
6 timed-out; 7 unreachable; 8 refused; 9 unresolved.";

impl From<ClientArgs> for ClientConfig {
    fn from(arguments: ClientArgs) -> Self {
        Self {
            server: arguments.target.into(),
            verbose: arguments.verbose || arguments.log_level >= LogLevel::Debug,
            connect_timeout: arguments.connect_timeout,
            timeout: arguments.timeout.0,
            heartbeat: arguments.heartbeat.0,
            socket: SocketOptions { keepalive: arguments.keepalive.0, ..arguments.socket.into() },
            user_timeout: arguments.user_timeout.0,
            send_proxy: arguments.send_proxy,
            skip_greeting: arguments.skip_greeting,
            format: match arguments.format {
                WireFormatArg::Text => client::WireFormat::Text,
                WireFormatArg::Xdr => client::WireFormat::Xdr,
            },
            style: if arguments.stop_and_wait { Style::StopAndWait } else { Style::Multiplexed },
            sigpipe: match arguments.sigpipe {
                SigpipeArg::Ignore => client::Sigpipe::Ignore,
                SigpipeArg::Default => client::Sigpipe::Default,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        ClientArgs::command().debug_assert();
    }
}
