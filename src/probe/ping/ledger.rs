//! The outage ledger: when answers stopped to come, when that was noticed, and when they came
//! again.

use crate::client::FailureKind;
use crate::clock::MonotonicNs;

/// A time without answers, between an answer that came and the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    /// When the first unanswered probe was sent, or the connection broke: whichever came first.
    pub began: MonotonicNs,
    /// The last answer before it; none if there never was one.
    pub last_answer: Option<MonotonicNs>,
    /// When it was noticed: by an event, or when the time for the answer was over.
    pub noticed: MonotonicNs,
    /// The first failure.
    pub word: FailureKind,
    /// When a connection was established again.
    pub connected: Option<MonotonicNs>,
    /// When the next answer came; none if the run ended before.
    pub ended: Option<MonotonicNs>,
    /// The probes that were not answered in time.
    pub lost: u64,
}

/// The outages of a host, on one kind of connection.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    outages: Vec<Outage>,
    last_answer: Option<MonotonicNs>,
}

/// The most outages that are kept one by one; a run of weeks may have more.
const OUTAGES_MAX: usize = 10_000;

impl Ledger {
    /// Takes an answer. Returns the outage that it ends.
    pub(super) fn answered(&mut self, now: MonotonicNs) -> Option<&Outage> {
        self.last_answer = Some(now);
        let outage = self.outages.last_mut().filter(|outage| outage.ended.is_none())?;
        outage.ended = Some(now);
        outage.connected.get_or_insert(now);
        Some(outage)
    }

    /// Takes a probe, sent or due at `sent`, that was not answered. Returns the outage that it
    /// begins.
    pub(super) fn lost(
        &mut self,
        sent: MonotonicNs,
        now: MonotonicNs,
        word: FailureKind,
    ) -> Option<&Outage> {
        // An answer has come since: this probe belongs to the outage which that answer ended, or it
        // is a loss among answers.
        let answered_since = self.last_answer.is_some_and(|at| sent <= at);
        let begins = !self.is_out() && !answered_since;
        if begins {
            self.begin(sent, now, word);
        }
        let outage = self.outages.last_mut()?;
        if outage.ended.is_none_or(|ended| sent <= ended && outage.began <= sent) {
            // Probes that were sent before the one that failed first may fail later.
            outage.began = outage.began.min(sent);
            outage.lost += 1;
        }
        begins.then_some(outage)
    }

    /// Takes the end of a connection with no probe on its way. Returns the outage that it begins.
    pub(super) fn broke(&mut self, now: MonotonicNs, word: FailureKind) -> Option<&Outage> {
        if self.is_out() {
            return None;
        }
        self.begin(now, now, word);
        self.outages.last()
    }

    fn begin(&mut self, began: MonotonicNs, noticed: MonotonicNs, word: FailureKind) {
        if self.outages.len() == OUTAGES_MAX {
            self.outages.remove(0);
        }
        self.outages.push(Outage {
            began,
            last_answer: self.last_answer,
            noticed,
            word,
            connected: None,
            ended: None,
            lost: 0,
        });
    }

    /// Takes a new connection. Returns true if it is the first one in an outage.
    pub(super) fn connected(&mut self, now: MonotonicNs) -> bool {
        match self.outages.last_mut() {
            Some(outage) if outage.ended.is_none() && outage.connected.is_none() => {
                outage.connected = Some(now);
                true
            }
            _ => false,
        }
    }

    /// Takes the end of the connection that was established at `connected`. In an outage it was
    /// none that works: a listener that dies may still have accepted it.
    pub(super) fn disconnected(&mut self, connected: MonotonicNs) {
        if let Some(outage) = self.outages.last_mut()
            && outage.ended.is_none()
            && outage.connected == Some(connected)
        {
            outage.connected = None;
        }
    }

    /// True from the first failure to the next answer.
    pub(super) fn is_out(&self) -> bool {
        self.outages.last().is_some_and(|outage| outage.ended.is_none())
    }

    /// True if an answer has ever come.
    pub(super) const fn ever_answered(&self) -> bool {
        self.last_answer.is_some()
    }

    /// The outages, in order of time.
    pub(super) fn outages(&self) -> &[Outage] {
        &self.outages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> MonotonicNs {
        MonotonicNs(ms * 1_000_000)
    }

    #[test]
    fn an_outage_begins_with_the_first_unanswered_probe_and_ends_with_an_answer() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.answered(at(5)), None);
        assert!(ledger.lost(at(10), at(1010), FailureKind::TimedOut).is_some());
        assert!(ledger.lost(at(20), at(1020), FailureKind::TimedOut).is_none());
        assert!(ledger.is_out());
        assert!(ledger.connected(at(1100)));
        assert!(!ledger.connected(at(1200)), "only the first counts");
        let outage = ledger.answered(at(1300)).unwrap();
        let expected = Outage {
            began: at(10),
            last_answer: Some(at(5)),
            noticed: at(1010),
            word: FailureKind::TimedOut,
            connected: Some(at(1100)),
            ended: Some(at(1300)),
            lost: 2,
        };
        assert_eq!(*outage, expected);
        assert!(!ledger.is_out());
        assert_eq!(ledger.answered(at(1310)), None);
        assert_eq!(ledger.outages().len(), 1);
    }

    #[test]
    fn a_probe_that_fails_after_a_later_answer_begins_no_outage() {
        let mut ledger = Ledger::default();
        ledger.answered(at(5));
        assert!(ledger.lost(at(10), at(1010), FailureKind::TimedOut).is_some());
        ledger.answered(at(1015));
        assert!(ledger.lost(at(20), at(1020), FailureKind::TimedOut).is_none());
        assert_eq!(ledger.outages().first().unwrap().lost, 2, "sent in that outage");
        ledger.answered(at(1030));
        assert!(ledger.lost(at(1025), at(2025), FailureKind::TimedOut).is_none(), "a single loss");
        assert_eq!(ledger.outages().first().unwrap().lost, 2);
        assert!(!ledger.is_out());
    }

    #[test]
    fn a_connection_that_fails_before_an_answer_was_none() {
        let mut ledger = Ledger::default();
        ledger.broke(at(7), FailureKind::Reset);
        assert!(ledger.connected(at(8)));
        ledger.disconnected(at(3));
        assert!(!ledger.connected(at(200)), "another one has failed");
        ledger.disconnected(at(8));
        assert!(ledger.connected(at(300)), "the first that works");
        ledger.answered(at(301));
        ledger.disconnected(at(300));
        assert_eq!(ledger.outages().first().unwrap().connected, Some(at(300)));
    }

    #[test]
    fn a_broken_connection_begins_an_outage_even_without_a_probe_on_its_way() {
        let mut ledger = Ledger::default();
        assert!(ledger.broke(at(7), FailureKind::Reset).is_some());
        assert!(ledger.broke(at(8), FailureKind::Refused).is_none(), "the first word counts");
        assert!(ledger.lost(at(6), at(1006), FailureKind::TimedOut).is_none());
        let outage = ledger.outages().first().unwrap();
        assert_eq!((outage.began, outage.word, outage.lost), (at(6), FailureKind::Reset, 1));
        assert!(!ledger.ever_answered());
    }
}
