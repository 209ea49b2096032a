//! How long nothing has come back, and what that means.

use std::time::Duration;

use crate::clock::MonotonicMs;

/// What silence would mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The server is to answer.
    Owing,
    /// The server is to answer a probe.
    Probed,
    /// Nothing is owed, and both directions are between two lines: a probe would not disturb.
    Idle,
    /// A line is on its way out, and the server is to take it.
    Unsent,
    /// The server is to greet us.
    Ungreeted,
    /// A part of the greeting has come.
    Greeting,
    /// A line of the greeting has come; there may be another.
    Greeted,
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
pub(super) struct Silence {
    timeout: Option<Duration>,
    heartbeat: Option<Duration>,
    standing: Standing,
    since: MonotonicMs,
}

impl Silence {
    pub(super) const fn new(
        timeout: Option<Duration>,
        heartbeat: Option<Duration>,
        now: MonotonicMs,
    ) -> Self {
        Self { timeout, heartbeat, standing: Standing::Idle, since: now }
    }

    /// Something came back.
    pub(super) const fn heard(&mut self, now: MonotonicMs) {
        self.since = now;
    }

    /// A probe is sent: there is none before the next interval.
    pub(super) const fn probed(&mut self, now: MonotonicMs) {
        self.since = now;
    }

    /// The server took something; an echo that is owed is not put off by that.
    pub(super) fn taken(&mut self, now: MonotonicMs) {
        if self.standing == Standing::Unsent {
            self.since = now;
        }
    }

    /// Tells how things stand now.
    pub(super) fn update(&mut self, standing: Standing, now: MonotonicMs) {
        if standing != self.standing {
            self.since = now;
            self.standing = standing;
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
        match self.standing {
            Standing::Busy => None,
            Standing::Idle => wait(self.heartbeat, |_wait| Expiry::Probe),
            Standing::Unsent => wait(self.timeout, Expiry::Untaken),
            Standing::Greeting => {
                let share = self.timeout.map(|timeout| timeout / GREETING_SHARE);
                let pause = share.unwrap_or(GREETING_PAUSE).min(GREETING_PAUSE);
                wait(Some(pause), |_wait| Expiry::Greeted)
            }
            Standing::Greeted => wait(Some(GREETING_REST), |_wait| Expiry::Greeted),
            Standing::Owing | Standing::Ungreeted => wait(self.timeout, Expiry::Unanswered),
            Standing::Probed => {
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

    fn silence(timeout: Option<Duration>, heartbeat: Option<Duration>) -> Silence {
        Silence::new(timeout, heartbeat, MonotonicMs(0))
    }

    #[test]
    fn without_options_nothing_ever_expires() {
        let mut silence = silence(None, None);
        for standing in [Standing::Owing, Standing::Probed, Standing::Idle, Standing::Busy] {
            silence.update(standing, MonotonicMs(1));
            assert_eq!(silence.deadline(), None, "{standing:?}");
        }
    }

    #[test]
    fn the_timeout_runs_from_when_something_was_owed_or_came_back() {
        let mut silence = silence(Some(SECOND), None);
        assert_eq!(silence.deadline(), None, "nobody types");
        silence.update(Standing::Owing, MonotonicMs(60_000));
        assert_eq!(silence.deadline(), Some(MonotonicMs(61_000)));
        silence.update(Standing::Owing, MonotonicMs(60_500));
        assert_eq!(silence.deadline(), Some(MonotonicMs(61_000)), "sending more does not help");
        silence.heard(MonotonicMs(60_900));
        assert_eq!(silence.expired(MonotonicMs(61_899)), None);
        assert_eq!(silence.expired(MonotonicMs(61_900)), Some(Expiry::Unanswered(SECOND)));
        silence.update(Standing::Busy, MonotonicMs(61_000));
        assert_eq!(silence.deadline(), None, "we are not listening");
    }

    #[test]
    fn an_idle_connection_is_probed_and_the_probe_is_to_be_answered() {
        let mut silence = silence(Some(5 * SECOND), Some(SECOND));
        assert_eq!(silence.expired(MonotonicMs(999)), None);
        assert_eq!(silence.expired(MonotonicMs(1000)), Some(Expiry::Probe));
        silence.update(Standing::Probed, MonotonicMs(1000));
        assert_eq!(silence.expired(MonotonicMs(2000)), Some(Expiry::ProbeUnanswered(SECOND)));
        silence.update(Standing::Idle, MonotonicMs(1500));
        assert_eq!(silence.expired(MonotonicMs(2499)), None);
        assert_eq!(silence.expired(MonotonicMs(2500)), Some(Expiry::Probe), "and again");
    }

    #[test]
    fn a_shorter_timeout_bounds_a_probe_too() {
        let mut silence = silence(Some(SECOND), Some(5 * SECOND));
        silence.update(Standing::Probed, MonotonicMs(0));
        assert_eq!(silence.expired(MonotonicMs(1000)), Some(Expiry::Unanswered(SECOND)));
    }

    #[test]
    fn the_heartbeat_does_not_bound_ordinary_replies() {
        let mut silence = silence(Some(5 * SECOND), Some(SECOND));
        silence.update(Standing::Owing, MonotonicMs(0));
        assert_eq!(silence.deadline(), Some(MonotonicMs(5000)));
    }

    #[test]
    fn c16_a_probe_is_sent_once_an_interval_however_it_stands() {
        let mut silence = silence(None, Some(SECOND));
        assert_eq!(silence.expired(MonotonicMs(1000)), Some(Expiry::Probe));
        silence.probed(MonotonicMs(1000));
        silence.update(Standing::Idle, MonotonicMs(1000));
        assert_eq!(silence.expired(MonotonicMs(1999)), None);
        assert_eq!(silence.expired(MonotonicMs(2000)), Some(Expiry::Probe));
    }

    #[test]
    fn c18_a_wait_whose_end_was_seen_too_late_begins_anew() {
        for (standing, expiry) in [
            (Standing::Owing, Expiry::Unanswered(SECOND)),
            (Standing::Unsent, Expiry::Untaken(SECOND)),
            (Standing::Ungreeted, Expiry::Unanswered(SECOND)),
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
            silence.update(Standing::Greeting, MonotonicMs(0));
            assert_eq!(silence.expired(MonotonicMs(pause - 1)), None);
            assert_eq!(silence.expired(MonotonicMs(pause)), Some(Expiry::Greeted));
            silence.update(Standing::Greeted, MonotonicMs(5000));
            assert_eq!(silence.expired(MonotonicMs(5010)), Some(Expiry::Greeted));
        }
    }
}
