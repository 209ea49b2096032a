//! The closing line: what became of a connection, the last that is said of it.

use std::fmt;
use std::time::Duration;

use log::debug;

use crate::cause::Cause;
use crate::clock::Millis;
use crate::connection::{Connection, Peer, Phase, Stream, Tally};

/// Logs the end of a connection.
pub(super) fn log_closed<S: Stream>(connection: &Connection<S>, now: Millis) {
    let Phase::Closed(cause) = connection.phase() else { return };
    let peer = connection.peer();
    let Tally { bytes_in, bytes_out, lines } = connection.tally();
    let duration = now.since(connection.opened()).as_secs_f64();
    debug!(peer:%, cause:%, bytes_in, bytes_out, lines, duration; "closed");
}

/// Logs the end of what a child answered. What went through it, only the child knows.
pub(super) fn log_child(peer: &Peer, cause: Cause, lasted: Duration, status: &dyn fmt::Display) {
    let Tally { bytes_in, bytes_out, lines } = Tally::default();
    let duration = lasted.as_secs_f64();
    debug!(peer:%, cause:%, bytes_in, bytes_out, lines, duration, status:%; "closed");
}
