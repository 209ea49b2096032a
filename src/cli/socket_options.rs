//! The socket options, shared by the programs that connect.

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory};

use crate::net::socket_options::SocketOptions;
use crate::net::source::Source;

use super::socket_units::{buffer, congestion, dscp, interface, mark, sources};
use super::units::within;

/// In the names of the variables, `environment::command` puts the program's name in place of
/// `PROGRAM`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Socket options")]
pub(super) struct SocketArgs {
    /// Source address, or a range such as 127.0.0.2-127.0.0.9, and source ports. The client takes
    /// the first address of the server's family, and its first free port; the others take all in
    /// turn. May be given several times
    #[arg(long, value_name = "ADDR[:PORT[-PORT]]", env = "PROGRAM_SOURCE", value_delimiter = ',',
          value_parser = sources)]
    source: Vec<Vec<Source>>,

    /// Use only this network interface
    #[arg(long, value_name = "NAME", env = "PROGRAM_INTERFACE", value_parser = interface)]
    interface: Option<String>,

    /// Differentiated Services field of each packet: 0 to 63, or a name: cs0 to cs7, af11 to af43,
    /// ef
    #[arg(long, value_name = "N|NAME", env = "PROGRAM_DSCP", value_parser = dscp)]
    dscp: Option<u8>,

    /// Mark of each packet for the routing and the filters of this machine, such as 7 or 0x7
    #[arg(long, value_name = "N", env = "PROGRAM_MARK", value_parser = mark)]
    mark: Option<u32>,

    /// Maximum segment size in bytes, in both directions
    #[arg(long, value_name = "N", env = "PROGRAM_MSS", value_parser = within(88..=32_767_u32))]
    mss: Option<u32>,

    /// Congestion control algorithm, such as cubic
    #[arg(long, value_name = "NAME", env = "PROGRAM_CONGESTION", value_parser = congestion)]
    congestion: Option<String>,

    /// Offer Multipath TCP
    #[arg(long, env = "PROGRAM_MPTCP", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    mptcp: bool,

    /// Send the first data with the SYN, if the server has given a cookie (TCP Fast Open)
    #[arg(long, env = "PROGRAM_FAST_OPEN", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    fast_open: bool,

    /// Time to live of each packet, 1 to 255: routers on its way, and one more
    #[arg(long, value_name = "N", env = "PROGRAM_TTL", value_parser = within(1..=255_u8))]
    ttl: Option<u8>,

    /// Size of the socket's send buffer
    #[arg(long, value_name = "BYTES", env = "PROGRAM_SEND_BUFFER", value_parser = buffer)]
    send_buffer: Option<usize>,

    /// Size of the socket's receive buffer, which bounds the window
    #[arg(long, value_name = "BYTES", env = "PROGRAM_RECEIVE_BUFFER", value_parser = buffer)]
    receive_buffer: Option<usize>,
}

impl SocketArgs {
    /// Rejects the options that a Unix socket lacks.
    pub(super) fn check_for_unix<A: CommandFactory>(&self) -> Result<(), clap::Error> {
        let of_tcp = [
            ("source", !self.source.is_empty()),
            ("interface", self.interface.is_some()),
            ("dscp", self.dscp.is_some()),
            ("mark", self.mark.is_some()),
            ("mss", self.mss.is_some()),
            ("congestion", self.congestion.is_some()),
            ("mptcp", self.mptcp),
            ("fast-open", self.fast_open),
            ("ttl", self.ttl.is_some()),
        ];
        match of_tcp.iter().find(|(_, given)| *given) {
            Some((option, _)) => {
                let conflict = format!("--{option} cannot be used with a Unix socket");
                Err(A::command().error(ErrorKind::ArgumentConflict, conflict))
            }
            None => Ok(()),
        }
    }
}

impl From<SocketArgs> for SocketOptions {
    fn from(arguments: SocketArgs) -> Self {
        Self {
            sources: arguments.source.into_iter().flatten().collect(),
            interface: arguments.interface,
            dscp: arguments.dscp,
            mark: arguments.mark,
            mss: arguments.mss,
            congestion: arguments.congestion,
            mptcp: arguments.mptcp,
            fast_open: arguments.fast_open,
            ttl: arguments.ttl,
            send_buffer: arguments.send_buffer,
            receive_buffer: arguments.receive_buffer,
            keepalive: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cli;

    const OPTIONS: [&str; 9] = [
        "--source=127.0.0.1",
        "--interface=lo",
        "--dscp=ef",
        "--mark=7",
        "--mss=500",
        "--congestion=reno",
        "--mptcp",
        "--fast-open",
        "--ttl=9",
    ];

    #[test]
    fn a_unix_socket_takes_only_the_buffers() {
        for option in OPTIONS {
            assert!(cli::read_client(["tcpecho", option, "localhost"]).is_ok(), "{option}");
            let error = cli::read_client(["tcpecho", option, "unix:/run/echo"]).unwrap_err();
            let name = option.split('=').next().unwrap();
            let expected = format!("{name} cannot be used with a Unix socket");
            assert!(error.to_string().contains(&expected), "{error}");
        }
        let buffers = ["--send-buffer=4k", "--receive-buffer=4k"];
        let words = ["tcpecho", "unix:/run/echo"].into_iter().chain(buffers);
        let socket = cli::read_client(words).unwrap().socket;
        assert_eq!((socket.send_buffer, socket.receive_buffer), (Some(4096), Some(4096)));
    }

    #[test]
    fn data_with_the_syn_cannot_wait_for_a_greeting() {
        let words = ["tcpecho", "--fast-open", "--skip-greeting", "localhost"];
        let error = cli::read_client(words).unwrap_err().to_string();
        assert!(error.contains("cannot be used with"), "{error}");
    }

    #[test]
    fn each_program_has_its_own_variables() {
        let commands = cli::commands();
        let variable = |program: &str, id: &str| {
            let command = commands.iter().find(|command| command.get_name() == program);
            let option = command?.get_arguments().find(|option| option.get_id() == id);
            Some(option?.get_env()?.to_str()?.to_owned())
        };
        assert_eq!(variable("tcpecho", "ttl").as_deref(), Some("TCPECHO_TTL"));
        assert_eq!(variable("tcpecho", "verbose").as_deref(), Some("TCPECHO_VERBOSE"));
        if cfg!(feature = "load") {
            let buffer = variable("tcpecho-load", "send_buffer");
            assert_eq!(buffer.as_deref(), Some("TCPECHO_LOAD_SEND_BUFFER"));
        }
    }
}
