//! The options of a reactor, and the capacity of the process.

use std::time::Duration;

use crate::connection::Timeouts;
use crate::net::access::Access;
use crate::net::proxy::HeaderPolicy;
use crate::reactor::Banner;
use crate::service::Service;

use super::{OverLimit, PeerLimit};

/// How the reactor treats its connections.
#[derive(Clone, Debug)]
pub struct Options {
    /// The service that replies to requests.
    pub service: Service,
    /// The first line to each peer.
    pub banner: Option<Banner>,
    /// A child process per connection replies instead of the service.
    pub exec: bool,
    /// The longest line, in bytes, its newline included.
    pub line_bytes_max: usize,
    /// The treatment of a connection beyond [`Capacity::connections_max`].
    pub over_limit: OverLimit,
    /// The addresses that may connect.
    pub access: Access,
    /// The addresses that may request metrics and health checks.
    pub metrics_access: Access,
    /// Whether connections begin with a PROXY header; none if they never do.
    pub proxy_header: Option<HeaderPolicy>,
    /// The connections that each peer address may have; none for no limit.
    pub per_peer_max: Option<PeerLimit>,
    /// The deadlines of each connection.
    pub timeouts: Timeouts,
    /// The time limit of a drain.
    pub drain: Duration,
}

/// What the process has room for, which is known only after the start.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// The number of listeners for peers.
    pub listeners: usize,
    /// The number of them, the first ones, that another process holds open too. A drain leaves
    /// their accept queues to the next process.
    pub listeners_inherited: usize,
    /// The limit of open connections.
    pub connections_max: usize,
    /// The descriptors that are open before the first connection.
    pub descriptors: usize,
}
