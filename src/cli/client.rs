//! The command line of `tcpecho`.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Parser, ValueEnum};

use crate::client::{self, ClientConfig, Style};
use crate::net::keepalive::Keepalive;
use crate::net::proxy;

use super::environment;
use super::log_level::LogLevel;
use super::target::Target;
use super::units::{OrOff, duration, duration_or_off, keepalive_or_off, user_timeout_or_off};

/// Reads the command line and the environment. What is wrong with them is said, and ends the
/// process with status 2.
pub fn parse() -> ClientConfig {
    let arguments = arguments(std::env::args_os()).unwrap_or_else(|error| error.exit());
    environment::warn("tcpecho", arguments.log_level);
    arguments.into()
}

/// Reads that command line, which begins with the program's name, and the environment.
///
/// # Errors
///
/// What is wrong with them, or what was asked for in place of a run, like the help.
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
    environment::parse(words).map(|(arguments, _)| arguments)
}

/// The TCP echo client: sends standard input to a server and writes what comes back to standard
/// output.
///
/// At the end of the input it half-closes the connection, waits for the rest, and ends. It says
/// what became of the connection, in one word and in the exit status.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option, and by itself")]
#[command(name = "tcpecho", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(super) struct ClientArgs {
    #[command(flatten)]
    target: Target,

    /// Tell addresses, states and counts on standard error
    #[arg(short, long, env = "TCPECHO_VERBOSE", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    verbose: bool,

    /// How much is told on standard error: error, only what became of the connection; warn, also
    /// warnings; debug, as with --verbose
    #[arg(
        long,
        value_name = "LEVEL",
        env = "TCPECHO_LOG_LEVEL",
        default_value = "info",
        ignore_case = true
    )]
    log_level: LogLevel,

    /// How long connecting may take, all addresses of the name together
    #[arg(long, value_name = "DURATION", env = "TCPECHO_CONNECT_TIMEOUT", default_value = "10s",
          value_parser = duration)]
    connect_timeout: Duration,

    /// Give up when nothing comes back for that long while an echo is owed, or off
    #[arg(long, value_name = "DURATION", env = "TCPECHO_TIMEOUT", default_value = "off",
          value_parser = duration_or_off)]
    timeout: OrOff<Duration>,

    /// When nothing was sent or received for that long, send an empty line, whose echo is not
    /// shown; give up if it does not come back in the same time; or off
    #[arg(long, value_name = "DURATION", env = "TCPECHO_HEARTBEAT", default_value = "off",
          value_parser = duration_or_off)]
    heartbeat: OrOff<Duration>,

    /// Have the kernel ask a silent server whether it is still there: IDLE/INTERVAL/COUNT, or off
    #[arg(long, value_name = "PROBES", env = "TCPECHO_KEEPALIVE", default_value = "off",
          value_parser = keepalive_or_off)]
    keepalive: OrOff<Keepalive>,

    /// Give up a server whose host acknowledges nothing for that long, or off
    #[arg(long, value_name = "DURATION", env = "TCPECHO_USER_TIMEOUT", default_value = "off",
          value_parser = user_timeout_or_off)]
    user_timeout: OrOff<Duration>,

    /// First send the PROXY protocol's header of that version, with our own address as the client's
    #[arg(long, value_name = "VERSION", env = "TCPECHO_SEND_PROXY")]
    send_proxy: Option<proxy::Version>,

    /// The server speaks first: send nothing before its greeting, a line and all that comes with
    /// it, and do not show that
    #[arg(long, env = "TCPECHO_SKIP_GREETING", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    skip_greeting: bool,

    /// How lines travel
    #[arg(long, value_name = "FORMAT", env = "TCPECHO_FORMAT", default_value = "text")]
    format: WireFormatArg,

    /// Send a line, wait for its echo, then read the next: the course's first client, with its
    /// faults
    #[arg(long, env = "TCPECHO_STOP_AND_WAIT", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue,
          conflicts_with_all = ["timeout", "heartbeat", "format"])]
    stop_and_wait: bool,

    /// What SIGPIPE does
    #[arg(long, value_name = "ACTION", env = "TCPECHO_SIGPIPE", default_value = "ignore")]
    sigpipe: SigpipeArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WireFormatArg {
    /// As they are
    Text,
    /// `11 22` as two XDR hypers, the reply as a line: for a server of sum-xdr
    Xdr,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SigpipeArg {
    /// Nothing; the write fails, and the exit status is 5
    Ignore,
    /// It kills, silently
    Default,
}

const AFTER_HELP: &str = "\
Durations: 250ms, 10s, 3m. Each long option can be set in the environment as TCPECHO_ and its name \
(TCPECHO_TIMEOUT=5s); the command line wins.

Exit status, and the first word on standard error: 0 all sent, all echoed; 1 failed; 2 usage; \
3 terminated (the server ended first); 4 reset; 5 broken-pipe; 6 timed-out; 7 unreachable; \
8 refused; 9 unresolved.";

impl From<ClientArgs> for ClientConfig {
    fn from(arguments: ClientArgs) -> Self {
        Self {
            server: arguments.target.into(),
            verbose: arguments.verbose || arguments.log_level >= LogLevel::Debug,
            connect_timeout: arguments.connect_timeout,
            timeout: arguments.timeout.0,
            heartbeat: arguments.heartbeat.0,
            keepalive: arguments.keepalive.0,
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
