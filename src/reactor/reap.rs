//! The end of a connection: its removal, and its last log line, the closing line.

use std::fmt;
use std::time::Duration;

use log::{Level, debug, log_enabled};

use crate::cause::Cause;
use crate::connection::{Connection, History, Peer, Phase, Traffic};
use crate::net::tcp_info::TcpInfo;
use crate::num;
use crate::service::PROBE;

use super::slots::Completion;
use super::{Os, Reactor};

impl<O: Os> Reactor<O> {
    /// Removes, closes, counts and logs every connection that has ended, and admits those that a
    /// PROXY header has identified.
    #[cold]
    pub(super) fn reap(&mut self) {
        self.victims.clear();
        while let Some(report) = self.slots.next_completion() {
            let (key, connection) = match report {
                Completion::Identified(key) => {
                    self.admit_proxied(key);
                    continue;
                }
                Completion::Asks(key) => {
                    self.answer_question(key);
                    continue;
                }
                Completion::Ended(key, connection) => (key, connection),
            };
            self.deadlines.cancel(key);
            self.admission.resume();
            if connection.is_counted() {
                self.per_peer.release(connection.peer());
            } else {
                self.per_peer.release_unidentified(key);
            }
            if let Phase::Closed(cause) = connection.phase() {
                let (traffic, history) = (connection.traffic(), connection.history());
                self.count_closed(cause, traffic, history, connection.peer());
                self.log_closed(&connection);
                if self.options.listener(connection.listener()).service == PROBE {
                    self.names.end(key, cause, traffic.bytes_in, self.shared.now);
                }
            }
        }
        debug_assert_eq!(
            self.counters.accepted,
            self.counters.closed_total() + num::to_u64(self.open_count()),
            "accepted = open + the sum of all causes"
        );
    }
}

impl<O: Os> Reactor<O> {
    /// Counts the end of a connection, also for the next summary.
    pub(super) fn count_closed(
        &mut self,
        cause: Cause,
        traffic: Traffic,
        history: History,
        peer: &Peer,
    ) {
        self.counters.closed(cause, traffic, history, self.shared.now);
        if let Some(at) = self.summary.note(cause, peer, self.shared.now) {
            self.deadlines.set_summary(at);
        }
    }

    /// Logs the end of a connection.
    pub(super) fn log_closed(&self, connection: &Connection<O::Stream>) {
        let Phase::Closed(cause) = connection.phase() else { return };
        let peer = connection.peer();
        let Traffic { bytes_in, bytes_out, lines } = connection.traffic();
        let duration = self.shared.now.since(connection.history().accepted()).as_secs_f64();
        let listener = self.options.listener(connection.listener()).address.as_str();
        // A system call that only this line needs.
        let info = if log_enabled!(Level::Debug) { connection.tcp_info() } else { None };
        let Some(TcpInfo { rtt_us, retransmits }) = info else {
            debug!(peer:%, cause:%, bytes_in, bytes_out, lines, duration, listener; "closed");
            return;
        };
        debug!(
            peer:%, cause:%, bytes_in, bytes_out, lines, duration, listener, rtt_us, retransmits;
            "closed"
        );
    }
}

/// Logs the end of a child. Only the child knows its traffic, so that is shown as zero.
pub(super) fn log_child(
    peer: &Peer,
    cause: Cause,
    lasted: Duration,
    listener: &str,
    status: &dyn fmt::Display,
) {
    let Traffic { bytes_in, bytes_out, lines } = Traffic::default();
    let duration = lasted.as_secs_f64();
    debug!(peer:%, cause:%, bytes_in, bytes_out, lines, duration, status:%, listener; "closed");
}
