//! How long nothing has been received, and the resulting action.

use std::time::Duration;

use crate::clock::MonotonicMs;

/// The event that the client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// A reply.
    ForEcho,
    /// The reply to a probe.
    ForProbe,
    /// No event: no reply is outstanding, and both directions are between lines, so a probe does no
    /// harm.
    Nothing,
    /// Room in the socket for the rest of a line.
    ToSend,
    /// The server's greeting.
    ForGreeting,
    /// The end of a line of the greeting.
    ForGreetingEnd,
    /// Another line of the greeting.
    ForGreetingRest,
    /// No event: the client does not read, or nothing is expected.
    Busy,
}

/// The action when a wait has lasted too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Give up: nothing was received for this long.
    Unanswered(Duration),
    /// Give up: the server took nothing of an unfinished line for this long.
    Untaken(Duration),
    /// Send a probe.
    Probe,
    /// Give up: the probe was not answered for this long.
    ProbeUnanswered(Duration),
    /// The greeting is over.
    Greeted,
}

impl Expiry {
    /// True if this gives up on the server.
    const fn accuses(self) -> bool {
        !matches!(self, Self::Probe | Self::Greeted)
    }
}

/// A deadline noticed this much too late means that the process was stopped.
const LATE: Duration = Duration::from_millis(100);

/// A greeting is over when nothing follows its line for this long.
pub(super) const GREETING_REST: Duration = Duration::from_millis(10);
/// A greeting is over in mid-line when nothing follows for this long,
const GREETING_PAUSE: Duration = Duration::from_secs(1);
/// or for this fraction of the timeout, if that is shorter.
const GREETING_SHARE: u32 = 8;

/// The timeouts, and the start of the current wait.
#[derive(Debug)]
pub(super) struct ClientTimeouts {
    timeout: Option<Duration>,
    heartbeat: Option<Duration>,
    waiting: Waiting,
    since: MonotonicMs,
}

impl ClientTimeouts {
    pub(super) const fn new(
        timeout: Option<Duration>,
        heartbeat: Option<Duration>,
        now: MonotonicMs,
    ) -> Self {
        Self { timeout, heartbeat, waiting: Waiting::Nothing, since: now }
    }

    /// Restarts the wait when data is received.
    pub(super) const fn on_received(&mut self, now: MonotonicMs) {
        self.since = now;
    }

    /// Restarts the wait when a probe is sent: the next one follows after the interval.
    pub(super) const fn on_probe_sent(&mut self, now: MonotonicMs) {
        self.since = now;
    }

    /// Restarts the wait for room in the socket, but not a wait for an echo.
    pub(super) fn on_sent(&mut self, now: MonotonicMs) {
        if self.waiting == Waiting::ToSend {
            self.since = now;
        }
    }

    /// Sets the awaited event; a different one restarts the wait.
    pub(super) fn update(&mut self, standing: Waiting, now: MonotonicMs) {
        if standing != self.waiting {
            self.since = now;
            self.waiting = standing;
        }
    }

    /// The time of the next action, if nothing is received before.
    pub(super) fn deadline(&self) -> Option<MonotonicMs> {
        self.next().map(|(at, _)| at)
    }

    /// True if the deadline has passed, and the socket has to be read again.
    pub(super) fn is_over(&self, now: MonotonicMs) -> bool {
        self.deadline().is_some_and(|at| at <= now)
    }

    /// Returns the action that is due after that read. A deadline noticed too late restarts the
    /// wait: this process was stopped or suspended, and data from the server may still be in
    /// transit.
    pub(super) fn expired(&mut self, now: MonotonicMs) -> Option<Expiry> {
        let (at, expiry) = self.next().filter(|(at, _)| *at <= now)?;
        if expiry.accuses() && now.since(at) > LATE {
            self.since = now;
            return None;
        }
        Some(expiry)
    }

    fn next(&self) -> Option<(MonotonicMs, Expiry)> {
        let wait = |wait: Option<Duration>, expiry: fn(Duration) -> Expiry| {
            wait.map(|wait| (self.since.after(wait), expiry(wait)))
        };
        match self.waiting {
            Waiting::Busy => None,
            Waiting::Nothing => wait(self.heartbeat, |_wait| Expiry::Probe),
            Waiting::ToSend => wait(self.timeout, Expiry::Untaken),
            Waiting::ForGreetingEnd => {
                let share = self.timeout.map(|timeout| timeout / GREETING_SHARE);
                let pause = share.unwrap_or(GREETING_PAUSE).min(GREETING_PAUSE);
                wait(Some(pause), |_wait| Expiry::Greeted)
            }
            Waiting::ForGreetingRest => wait(Some(GREETING_REST), |_wait| Expiry::Greeted),
            Waiting::ForEcho | Waiting::ForGreeting => wait(self.timeout, Expiry::Unanswered),
            Waiting::ForProbe => {
                let timeout = wait(self.timeout, Expiry::Unanswered);
                let probe = wait(self.heartbeat, Expiry::ProbeUnanswered);
                timeout.into_iter().chain(probe).min_by_key(|(at, _)| *at)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn silence(timeout: Option<Duration>, heartbeat: Option<Duration>) -> ClientTimeouts {
        ClientTimeouts::new(timeout, heartbeat, MonotonicMs(0))
    }

    #[test]
    fn without_options_nothing_ever_expires() {
        let mut silence = silence(None, None);
        for standing in [Waiting::ForEcho, Waiting::ForProbe, Waiting::Nothing, Waiting::Busy] {
            silence.update(standing, MonotonicMs(1));
            assert_eq!(silence.deadline(), None, "{standing:?}");
        }
    }

    #[test]
    fn the_timeout_counts_from_the_first_outstanding_line_or_the_last_data() {
        let mut silence = silence(Some(SECOND), None);
        assert_eq!(silence.deadline(), None, "no line was typed");
        silence.update(Waiting::ForEcho, MonotonicMs(60_000));
        assert_eq!(silence.deadline(), Some(MonotonicMs(61_000)));
        silence.update(Waiting::ForEcho, MonotonicMs(60_500));
        assert_eq!(silence.deadline(), Some(MonotonicMs(61_000)), "sending more does not help");
        silence.on_received(MonotonicMs(60_900));
        assert_eq!(silence.expired(MonotonicMs(61_899)), None);
        assert_eq!(silence.expired(MonotonicMs(61_900)), Some(Expiry::Unanswered(SECOND)));
        silence.update(Waiting::Busy, MonotonicMs(61_000));
        assert_eq!(silence.deadline(), None, "we are not listening");
    }

    #[test]
    fn an_idle_connection_is_probed_and_the_probe_is_to_be_answered() {
        let mut silence = silence(Some(5 * SECOND), Some(SECOND));
        assert_eq!(silence.expired(MonotonicMs(999)), None);
        assert_eq!(silence.expired(MonotonicMs(1000)), Some(Expiry::Probe));
        silence.update(Waiting::ForProbe, MonotonicMs(1000));
        assert_eq!(silence.expired(MonotonicMs(2000)), Some(Expiry::ProbeUnanswered(SECOND)));
        silence.update(Waiting::Nothing, MonotonicMs(1500));
        assert_eq!(silence.expired(MonotonicMs(2499)), None);
        assert_eq!(silence.expired(MonotonicMs(2500)), Some(Expiry::Probe), "and again");
    }

    #[test]
    fn a_shorter_timeout_bounds_a_probe_too() {
        let mut silence = silence(Some(SECOND), Some(5 * SECOND));
        silence.update(Waiting::ForProbe, MonotonicMs(0));
        assert_eq!(silence.expired(MonotonicMs(1000)), Some(Expiry::Unanswered(SECOND)));
    }

    #[test]
    fn the_heartbeat_does_not_bound_ordinary_replies() {
        let mut silence = silence(Some(5 * SECOND), Some(SECOND));
        silence.update(Waiting::ForEcho, MonotonicMs(0));
        assert_eq!(silence.deadline(), Some(MonotonicMs(5000)));
    }

    #[test]
    fn c16_a_probe_is_sent_once_an_interval_however_it_stands() {
        let mut silence = silence(None, Some(SECOND));
        assert_eq!(silence.expired(MonotonicMs(1000)), Some(Expiry::Probe));
        silence.on_probe_sent(MonotonicMs(1000));
        silence.update(Waiting::Nothing, MonotonicMs(1000));
        assert_eq!(silence.expired(MonotonicMs(1999)), None);
        assert_eq!(silence.expired(MonotonicMs(2000)), Some(Expiry::Probe));
    }

    #[test]
    fn c18_a_wait_whose_end_was_seen_too_late_begins_anew() {
        for (standing, expiry) in [
            (Waiting::ForEcho, Expiry::Unanswered(SECOND)),
            (Waiting::ToSend, Expiry::Untaken(SECOND)),
            (Waiting::ForGreeting, Expiry::Unanswered(SECOND)),
        ] {
            let mut silence = silence(Some(SECOND), None);
            silence.update(standing, MonotonicMs(0));
            assert_eq!(silence.expired(MonotonicMs(5000)), None, "{standing:?}");
            assert_eq!(silence.deadline(), Some(MonotonicMs(6000)));
            assert_eq!(silence.expired(MonotonicMs(6010)), Some(expiry));
        }
        let mut idle = silence(None, Some(SECOND));
        assert_eq!(idle.expired(MonotonicMs(5000)), Some(Expiry::Probe), "it is no failure");
    }

    #[test]
    fn c15_a_greeting_ends_with_a_line_or_with_a_longer_silence() {
        for (timeout, pause) in [(None, 1000), (Some(SECOND), 125), (Some(60 * SECOND), 1000)] {
            let mut silence = silence(timeout, None);
            silence.update(Waiting::ForGreetingEnd, MonotonicMs(0));
            assert_eq!(silence.expired(MonotonicMs(pause - 1)), None);
            assert_eq!(silence.expired(MonotonicMs(pause)), Some(Expiry::Greeted));
            silence.update(Waiting::ForGreetingRest, MonotonicMs(5000));
            assert_eq!(silence.expired(MonotonicMs(5010)), Some(Expiry::Greeted));
        }
    }
}
