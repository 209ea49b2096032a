//! Stops of the process: SIGSTOP, a freezer, a machine that is moved. A stop is never taken for a
//! peer's silence.
//!
//! A turn looks at the clock once. Stopped behind that look, it gives all that it then serves an
//! old time. So as long as a peer has a deadline, the loop ticks four times in the shortest of
//! them: a tick that comes late tells of a stop, and what happened since the one before counts from
//! now.

use std::time::Duration;

use crate::clock::MonotonicMs;
use crate::net::proxy;

use super::{Options, Os, Reactor};

impl<K: Os> Reactor<K> {
    /// If a tick is due: looks whether it is late, and has the next one come if any peer waits.
    pub(super) fn detect_stop(&mut self) {
        let now = self.shared.now;
        if let Some(since) = self.deadlines.take_stop_check(now) {
            self.excuse(since);
        }
        if self.slots.len() > 0 || !self.admin.is_idle() {
            self.deadlines.schedule_stop_check(now);
        }
    }

    /// The process was stopped, some time after `since`.
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

/// The shortest time that a connection may be given for anything; none if none has a deadline.
pub(super) fn shortest_timeout(options: &Options) -> Option<Duration> {
    let header = options.proxy_header.map(|_| proxy::HEADER_TIMEOUT);
    options.timeouts.all().into_iter().chain([header]).flatten().min()
}
