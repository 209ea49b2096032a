//! Stops of the process: SIGSTOP, a freezer, a machine that is moved. The reactor never takes a
//! stop for a peer's silence.
//!
//! A turn reads the clock once. If the process stops after that, the turn serves everything with an
//! old time. So while a peer has a deadline, the loop makes four stop checks in the shortest
//! timeout: a late check shows a stop, and everything since the check before it counts from now.

use std::time::Duration;

use crate::clock::MonotonicMs;
use crate::net::proxy;

use super::{Options, Os, Reactor};

impl<O: Os> Reactor<O> {
    /// Takes a stop check that is due, handles a stop if it is late, and schedules the next one
    /// while any connection is open.
    pub(super) fn detect_stop(&mut self) {
        let now = self.shared.now;
        if let Some(since) = self.deadlines.take_stop_check(now) {
            self.excuse(since);
        }
        if self.slots.len() > 0 || !self.admin.is_idle() {
            self.deadlines.schedule_stop_check(now);
        }
    }

    /// Excuses a stop of the process some time after `since`, for every connection.
    fn excuse(&mut self, since: MonotonicMs) {
        let now = self.shared.now;
        for key in self.slots.keys() {
            if let Some(connection) = self.slots.open(key) {
                connection.excuse(since, now);
            }
        }
        self.admin.excuse(now.since(since));
    }
}

/// Returns the shortest timeout of a connection; none if there is none.
pub(super) fn shortest_timeout(options: &Options) -> Option<Duration> {
    let header = options.any_proxied().then_some(proxy::HEADER_TIMEOUT);
    options.timeouts.all().into_iter().chain([header]).flatten().min()
}
