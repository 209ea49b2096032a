//! echo: sends the input back, byte for byte (RFC 862; `str_echo` in UNIX Network Programming,
//! section 5.3).

use super::{Reply, Service};

/// Sends every line back unchanged.
pub const SERVICE: Service =
    Service { name: "echo", about: "Send every line back unchanged", reply: Reply::Echo };
