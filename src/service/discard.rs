//! discard: reads, and answers nothing (RFC 863).

use super::{Reply, Service};

/// Discards all input.
pub const SERVICE: Service =
    Service { name: "discard", about: "Discard all input (RFC 863)", reply: Reply::Nothing };
