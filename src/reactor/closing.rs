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
    let lasted = now.since(connection.opened());
    log_line(connection.peer(), cause, connection.tally(), lasted, format_args!(""));
}

/// Logs the end of what a child answered. What went through it, only the child knows.
pub(super) fn log_child(peer: &Peer, cause: Cause, lasted: Duration, status: &dyn fmt::Display) {
    log_line(peer, cause, Tally::default(), lasted, format_args!(" status={status}"));
}

fn log_line(peer: &Peer, cause: Cause, tally: Tally, lasted: Duration, more: fmt::Arguments<'_>) {
    let Tally { bytes_in, bytes_out, lines } = tally;
    debug!(
        "closed peer={peer} cause={cause} bytes_in={bytes_in} bytes_out={bytes_out} lines={lines} \
         duration={:.3}{more}",
        lasted.as_secs_f64()
    );
}
