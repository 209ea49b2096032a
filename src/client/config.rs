//! What the client is to do, validated: nothing after this sees a flag or a string to parse.

use std::path::PathBuf;
use std::time::Duration;

use crate::net::keepalive::Keepalive;
use crate::net::proxy;

/// Which addresses of a name are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// All of them, in the order in which the resolver gives them.
    Any,
    /// Those of IPv4.
    V4,
    /// Those of IPv6.
    V6,
}

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// A host on the network.
    Host {
        /// Its name or address, an IPv6 address without brackets.
        name: String,
        /// The port.
        port: u16,
        /// Which of the name's addresses are tried.
        family: Family,
    },
    /// A Unix socket of this machine.
    Path(PathBuf),
}

/// How input lines become requests, and replies output lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFormat {
    /// As they are.
    Text,
    /// Two numbers in a line become two XDR hypers; a third comes back (UNIX Network Programming,
    /// section 5.18).
    Xdr,
}

/// What waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Standard input, standard output and the socket are waited for at once.
    Multiplexed,
    /// A line is sent, then its echo is waited for, then the next line.
    StopAndWait,
}

/// What SIGPIPE does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sigpipe {
    /// Nothing: the write that would have raised it fails with EPIPE.
    Ignore,
    /// It kills the process, as it does every program that does not care.
    Default,
}

/// The client's configuration.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Whom to connect to.
    pub server: Server,
    /// Whether addresses, states and counts are told.
    pub verbose: bool,
    /// How long connecting may take, all addresses together.
    pub connect_timeout: Duration,
    /// How long nothing may come back while an echo is owed.
    pub timeout: Option<Duration>,
    /// After how long a silent connection is probed with an empty line.
    pub heartbeat: Option<Duration>,
    /// Keep-alive probes.
    pub keepalive: Option<Keepalive>,
    /// How long sent data may stay unacknowledged: `TCP_USER_TIMEOUT` (RFC 5482).
    pub user_timeout: Option<Duration>,
    /// Which PROXY header goes before everything else, if any does.
    pub send_proxy: Option<proxy::Version>,
    /// Whether the server's greeting is awaited and skipped.
    pub skip_greeting: bool,
    /// How input becomes requests.
    pub format: WireFormat,
    /// What waits for what.
    pub style: Style,
    /// What SIGPIPE does.
    pub sigpipe: Sigpipe,
}
