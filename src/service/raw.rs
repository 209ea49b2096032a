//! raw: sends bytes back as they come, without waiting for the end of a line (RFC 862).

use super::{Reply, Service};

/// Sends every byte back at once.
pub const SERVICE: Service = Service {
    name: "raw",
    about: "Send every byte back at once, without waiting for a newline (RFC 862)",
    reply: Reply::Raw,
};
