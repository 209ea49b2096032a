//! echo: what comes goes back, byte for byte (RFC 862; `str_echo` in UNIX Network Programming,
//! section 5.3).

use super::{Reply, Service};

/// Sends every line back as it came.
pub const SERVICE: Service =
    Service { name: "echo", about: "every line goes back as it came", reply: Reply::Echo };
