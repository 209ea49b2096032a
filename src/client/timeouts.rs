//! How long nothing has come back, and what that means.

use std::time::Duration;

use crate::clock::MonotonicMs;

/// What silence would mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The server is to answer.
    ForEcho,
    /// The server is to answer a probe.
    ForProbe,
    /// Nothing is owed, and both directions are between two lines: a probe would not disturb.
    Nothing,
    /// A line is on its way out, and the server is to take it.
    ToSend,
    /// The server is to greet us.
    ForGreeting,
    /// A part of the greeting has come.
    ForGreetingEnd,
    /// A line of the greeting has come; there may be another.
    ForGreetingRest,
    /// Nothing: we are not listening, or there is nothing to hear.
    Busy,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Give up: nothing came back for that long.
    Unanswered(Duration),
    /// Give up: nothing of an unfinished line was taken for that long.
    Untaken(Duration),
    /// Send a probe.
    Probe,
    /// Give up: the probe was not answered for that long.
    ProbeUnanswered(Duration),
    /// The greeting is over.
    Greeted,
}

impl Expiry {
    /// True if it gives the server up.
    const fn accuses(self) -> bool {
        !matches!(self, Self::Probe | Self::Greeted)
    }
}

/// A wait whose end is seen that much too late was interrupted.
const LATE: Duration = Duration::from_millis(100);

/// A greeting is over when nothing follows its line for that long,
pub(super) const GREETING_REST: Duration = Duration::from_millis(10);
/// and if it does not end with a line, for that long,
const GREETING_PAUSE: Duration = Duration::from_secs(1);
/// or for this part of the timeout, if that is shorter.
const GREETING_SHARE: u32 = 8;

/// Since when there is silence.
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

    /// Something came back.
    pub(super) const fn on_received(&mut self, now: MonotonicMs) {
        self.since = now;
    }

    /// A probe is sent: there is none before the next interval.
    pub(super) const fn on_probe_sent(&mut self, now: MonotonicMs) {
        self.since = now;
    }

    /// The server took something; an echo that is owed is not put off by that.
    pub(super) fn on_sent(&mut self, now: MonotonicMs) {
        if self.waiting == Waiting::ToSend {
            self.since = now;
        }
    }

    /// Tells how things stand now.
    pub(super) fn update(&mut self, standing: Waiting, now: MonotonicMs) {
        if standing != self.waiting {
            self.since = now;
            self.waiting = standing;
        }
    }

    /// When there is something to do if nothing comes back before.
    pub(super) fn deadline(&self) -> Option<MonotonicMs> {
        self.next().map(|(at, _)| at)
    }

    /// True if the time has come to look at the socket once more.
    pub(super) fn is_over(&self, now: MonotonicMs) -> bool {
        self.deadline().is_some_and(|at| at <= now)
    }

    /// What there is to do now, after that look. A wait whose end was seen too late begins anew: we
    /// were stopped or suspended, and what the server sent may still be on its way.
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
    fn the_timeout_runs_from_when_something_was_owed_or_came_back() {
        let mut silence = silence(Some(SECOND), None);
        assert_eq!(silence.deadline(), None, "nobody types");
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
        assert_eq!(idle.expired(MonotonicMs(5000)), Some(Expiry::Probe), "it accuses nobody");
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
