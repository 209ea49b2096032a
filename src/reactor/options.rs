//! What the owner of the reactor decides.

use std::time::Duration;

use crate::connection::Timeouts;
use crate::net::access::Access;
use crate::net::proxy::HeaderPolicy;
use crate::reactor::Banner;
use crate::service::Service;

use super::{OverLimit, PeerLimit};

/// What the reactor is to do with its connections.
#[derive(Clone, Debug)]
pub struct Options {
    /// What answers.
    pub service: Service,
    /// What a peer is greeted with.
    pub banner: Option<Banner>,
    /// How many descriptors are open before anybody connects.
    pub descriptors: usize,
    /// Whether the kernel's command answers instead, in a child for each connection.
    pub exec: bool,
    /// The longest line, in bytes, its newline included.
    pub line_bytes_max: usize,
    /// How many connections there may be.
    pub connections_max: usize,
    /// What happens to one more.
    pub over_limit: OverLimit,
    /// Who may connect.
    pub access: Access,
    /// Which addresses may ask for metrics and health.
    pub metrics_access: Access,
    /// Whether connections begin with a PROXY header; none if they do not.
    pub proxy_header: Option<HeaderPolicy>,
    /// How many connections each peer's address may have; none for no limit.
    pub per_peer_max: Option<PeerLimit>,
    /// Deadlines of each connection.
    pub timeouts: Timeouts,
    /// How long draining may take.
    pub drain: Duration,
    /// How many of the listeners, the first ones, somebody else holds open too. Who is in their
    /// queues when this process drains is not lost, but for the next one.
    pub listeners_inherited: usize,
}
