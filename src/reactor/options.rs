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
    /// The options of each listener, in order; those of this type if there are none.
    pub listeners: Vec<ListenerOptions>,
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
    /// The part of it in which connections are served as before; at most half of it.
    pub drain_grace: Duration,
}

/// How the reactor treats the connections of one listener.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// The address, for the log and the metrics.
    pub address: String,
    /// The service that replies to requests.
    pub service: Service,
    /// Whether connections begin with a PROXY header; none if they never do.
    pub proxy_header: Option<HeaderPolicy>,
}

impl Options {
    /// Gives each of `count` listeners, but at least one, options of its own.
    pub(super) fn complete(&mut self, count: usize) {
        let own = ListenerOptions {
            address: String::new(),
            service: self.service,
            proxy_header: self.proxy_header,
        };
        let count = count.max(self.listeners.len()).max(1);
        self.listeners.resize(count, own);
    }

    /// Returns the options of a listener.
    #[expect(clippy::indexing_slicing, reason = "`complete` has made at least one")]
    pub(super) fn listener(&self, number: u8) -> &ListenerOptions {
        self.listeners.get(usize::from(number)).unwrap_or(&self.listeners[0])
    }

    /// Returns the service of each listener.
    pub(super) fn services(&self) -> Vec<Service> {
        self.listeners.iter().map(|one| one.service).collect()
    }

    /// Returns true if the connections of a listener begin with a PROXY header.
    pub(super) fn any_proxied(&self) -> bool {
        self.listeners.iter().any(|one| one.proxy_header.is_some())
    }
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
