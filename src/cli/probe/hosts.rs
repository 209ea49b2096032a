//! The servers to probe, as arguments.

use clap::{Args, CommandFactory};

use crate::cli::PORT;
use crate::cli::socket_options::SocketArgs;
use crate::client::{Family, Server};
use crate::net::address::Address;
use crate::net::proxy;
use crate::probe::{Dialing, Target};

/// The server, as one argument.
#[derive(Clone, Debug, Args)]
pub(super) struct Host {
    /// Server: a name or an address, with or without its port (HOST:PORT, `[ip6]:PORT`, PORT on
    /// this machine), `tcp://HOST:PORT`, `unix:/path`, or unix:@name
    #[arg(value_name = "HOST")]
    address: Address,

    #[command(flatten)]
    dialing: DialingArgs,
}

impl From<Host> for Hosts {
    fn from(Host { address, dialing }: Host) -> Self {
        Self { host: vec![address], dialing }
    }
}

/// The servers, as one argument each.
#[derive(Clone, Debug, Args)]
pub(super) struct Hosts {
    /// Servers: names or addresses, with or without their port (HOST:PORT, `[ip6]:PORT`, PORT on
    /// this machine), `tcp://HOST:PORT`, `unix:/path`, or unix:@name
    #[arg(value_name = "HOST", required = true)]
    host: Vec<Address>,

    #[command(flatten)]
    dialing: DialingArgs,
}

/// How to connect.
#[derive(Clone, Debug, Args)]
struct DialingArgs {
    /// Use only IPv4 addresses
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,

    /// Use only IPv6 addresses
    #[arg(short = '6')]
    ipv6: bool,

    /// Send a PROXY protocol header of this version first, naming our own address as the client
    #[arg(long, value_name = "VERSION", env = "TCPECHO_PROBE_SEND_PROXY")]
    send_proxy: Option<proxy::Version>,

    #[command(flatten)]
    socket: SocketArgs,
}

impl Hosts {
    /// Returns how to connect; rejects the options that a Unix socket lacks.
    pub(super) fn dialing<A: CommandFactory>(&self) -> Result<Dialing, clap::Error> {
        let DialingArgs { send_proxy, socket, .. } = self.dialing.clone();
        if self.host.iter().any(|host| matches!(host, Address::Unix(_))) {
            socket.check_for_unix::<A>()?;
        }
        Ok(Dialing { socket: socket.into(), send_proxy })
    }

    pub(super) fn targets(self) -> Vec<Target> {
        let family = match (self.dialing.ipv4, self.dialing.ipv6) {
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
