//! The servers to probe, as arguments.

use clap::{Args, CommandFactory};

use crate::cli::PORT;
use crate::cli::socket_options::SocketArgs;
use crate::client::{Family, Server};
use crate::net::address::Address;
use crate::net::socket_options::SocketOptions;
use crate::probe::Target;

/// The server, as one argument.
#[derive(Clone, Debug, Args)]
pub(super) struct Host {
    /// Server: a name or an address, with or without its port (HOST:PORT, `[ip6]:PORT`, PORT on
    /// this machine), `tcp://HOST:PORT`, `unix:/path`, or unix:@name
    #[arg(value_name = "HOST")]
    address: Address,

    /// Use only IPv4 addresses
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,

    /// Use only IPv6 addresses
    #[arg(short = '6')]
    ipv6: bool,

    #[command(flatten)]
    socket: SocketArgs,
}

impl From<Host> for Hosts {
    fn from(Host { address, ipv4, ipv6, socket }: Host) -> Self {
        Self { host: vec![address], ipv4, ipv6, socket }
    }
}

/// The servers, as one argument each.
#[derive(Clone, Debug, Args)]
pub(super) struct Hosts {
    /// Servers: names or addresses, with or without their port (HOST:PORT, `[ip6]:PORT`, PORT on
    /// this machine), `tcp://HOST:PORT`, `unix:/path`, or unix:@name
    #[arg(value_name = "HOST", required = true)]
    host: Vec<Address>,

    /// Use only IPv4 addresses
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,

    /// Use only IPv6 addresses
    #[arg(short = '6')]
    ipv6: bool,

    #[command(flatten)]
    socket: SocketArgs,
}

impl Hosts {
    /// Returns the options of the sockets; rejects those that a Unix socket lacks.
    pub(super) fn socket<A: CommandFactory>(&self) -> Result<SocketOptions, clap::Error> {
        if self.host.iter().any(|host| matches!(host, Address::Unix(_))) {
            self.socket.check_for_unix::<A>()?;
        }
        Ok(self.socket.clone().into())
    }

    pub(super) fn targets(self) -> Vec<Target> {
        let family = match (self.ipv4, self.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            (false, false) => Family::Any,
        };
        let target = |address: Address| {
            let name = address.to_string();
            let server = match address {
                Address::Unix(path) => Server::Path(path),
                Address::Internet { host, port } => Server::Host {
                    name: host.unwrap_or_else(|| "localhost".to_owned()),
                    port: port.unwrap_or(PORT),
                    family,
                },
            };
            Target { name, server }
        };
        self.host.into_iter().map(target).collect()
    }
}
