//! The validated settings of a probe; later code parses no flags or strings.

use std::path::PathBuf;
use std::time::Duration;

use crate::client::Server;
use crate::net::keepalive::Keepalive;
use crate::net::proxy;
use crate::net::socket_options::SocketOptions;

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeFormat {
    /// For people, a line for each event.
    Text,
    /// A JSON object a line, the last one `{"summary": ...}`.
    Json,
    /// Comma-separated values, a line for each event.
    Csv,
}

/// A host to probe, and its name in the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As it was written on the command line.
    pub name: String,
    /// The server.
    pub server: Server,
}

/// The settings that all probes share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeConfig {
    /// The form of the output.
    pub format: ProbeFormat,
    /// Print only outages and the summary.
    pub quiet: bool,
    /// The hosts to probe, at least one.
    pub targets: Vec<Target>,
    /// How to connect.
    pub dialing: Dialing,
    /// The question to answer.
    pub question: Question,
}

/// How to connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialing {
    /// The options of all sockets.
    pub socket: SocketOptions,
    /// The version of the PROXY header that is sent first, with our own address as the client's.
    pub send_proxy: Option<proxy::Version>,
}

/// A question to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// How long does an echo take, and when is there none?
    Ping(PingConfig),
    /// Which uses of TCP does the path let through?
    Path(PathConfig),
    /// How long may a connection be silent?
    Idle(IdleConfig),
    /// Which source ports fail?
    Ports(PortsConfig),
    /// Which servers answer?
    Who(WhoConfig),
}

/// The settings of `ping`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingConfig {
    /// The time between two probes of a host.
    pub interval: Duration,
    /// The number of probes; none for no end.
    pub count: Option<u64>,
    /// The duration of the run; none for no end.
    pub deadline: Option<Duration>,
    /// The connections to probe on.
    pub connections: Connections,
    /// The time within which an answer has to come.
    pub timeout: Duration,
    /// Look the name up again before each reconnect.
    pub re_resolve: bool,
    /// The server sends a line first, which names it.
    pub banner: bool,
}

/// The connections of `ping`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// One connection, kept.
    Kept,
    /// A new connection for each probe.
    New,
    /// Both, side by side.
    Both,
}

/// The settings of `path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathConfig {
    /// The names of the questions to ask; all if empty.
    pub only: Vec<String>,
    /// A port of the server's host where nothing listens.
    pub closed_port: Option<u16>,
    /// The time within which each step of a question has to be done.
    pub timeout: Duration,
}

/// The settings of `idle`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleConfig {
    /// The shortest silence that is tried.
    pub from: Duration,
    /// The longest.
    pub to: Duration,
    /// How exactly the limit is found.
    pub within: Duration,
    /// When the kernel probes the silent connections; none if it does not.
    pub keepalive: Option<Keepalive>,
    /// The time within which an answer has to come.
    pub timeout: Duration,
    /// Where the search is kept, to go on with it later.
    pub state: Option<PathBuf>,
}

/// The settings of `ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortsConfig {
    /// The number of source ports.
    pub ports: u16,
    /// The number of echoes from each.
    pub rounds: u32,
    /// The time within which a connect, or an answer, has to come.
    pub timeout: Duration,
}

/// The settings of `who`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhoConfig {
    /// The number of connections.
    pub connections: u32,
    /// The number of servers that should answer.
    pub expect: Option<u32>,
    /// The time within which a server has to greet.
    pub timeout: Duration,
}
