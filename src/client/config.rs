//! The client's validated configuration; later code parses no flags or strings.

use std::path::PathBuf;
use std::time::Duration;

use crate::net::proxy;
use crate::net::socket_options::SocketOptions;

/// The addresses of a name to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// All addresses, in the resolver's order.
    Any,
    /// Only IPv4 addresses.
    V4,
    /// Only IPv6 addresses.
    V6,
}

/// The server to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// A host on the network.
    Host {
        /// Its name or address, an IPv6 address without brackets.
        name: String,
        /// The port.
        port: u16,
        /// The addresses to try.
        family: Family,
    },
    /// A Unix socket of this machine.
    Path(PathBuf),
}

/// The encoding of requests and replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFormat {
    /// Lines, unchanged.
    Text,
    /// Two numbers in a line are sent as two XDR hypers; the reply is a third (UNIX Network
    /// Programming, section 5.18).
    Xdr,
}

/// How the client waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Waits for standard input, standard output and the socket at once.
    Multiplexed,
    /// Sends a line, waits for its echo, then reads the next line.
    StopAndWait,
}

/// The action on SIGPIPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sigpipe {
    /// Ignores it: the write fails with EPIPE.
    Ignore,
    /// Lets it kill the process, as in every program that does not handle it.
    Default,
}

/// The client's configuration.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The server to connect to.
    pub server: Server,
    /// Whether to print addresses, states and counts.
    pub verbose: bool,
    /// The time limit for connecting, for all addresses together.
    pub connect_timeout: Duration,
    /// How long nothing may be received while an echo is outstanding.
    pub timeout: Option<Duration>,
    /// The idle time after which an empty line is sent as a probe.
    pub heartbeat: Option<Duration>,
    /// The options of the socket.
    pub socket: SocketOptions,
    /// How long sent data may stay unacknowledged: `TCP_USER_TIMEOUT` (RFC 5482).
    pub user_timeout: Option<Duration>,
    /// The version of the PROXY header to send first, if any.
    pub send_proxy: Option<proxy::Version>,
    /// Whether to wait for the server's greeting and skip it.
    pub skip_greeting: bool,
    /// The encoding of requests and replies.
    pub format: WireFormat,
    /// How the client waits.
    pub style: Style,
    /// The action on SIGPIPE.
    pub sigpipe: Sigpipe,
}
