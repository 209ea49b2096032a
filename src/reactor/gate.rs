//! The gate: may we accept?
//!
//! A listener's event is remembered until its queue was found empty, because it is an edge and will
//! not come again: not when descriptors are free again, not when there is room again.

use std::time::Duration;

use crate::clock::MonotonicMs;

/// How long no connection is accepted after descriptors or memory have run out, unless one is
/// given back before. Long enough to cost nothing, short enough for a peer not to notice much.
pub(super) const PAUSE: Duration = Duration::from_millis(250);

/// How many connections may be evicted in one turn. Their descriptors are given back at the next
/// one's reaping, so this many more than the limit may be open for a moment.
pub(super) const EVICTS_PER_TURN: usize = 16;

/// The words for the gate's states.
pub const GATE_WORDS: [&str; 4] = [OPEN, FULL, PAUSED, CLOSED];
const OPEN: &str = "open";
const FULL: &str = "full";
const PAUSED: &str = "paused";
const CLOSED: &str = "closed";

/// What happens to a connection that there is no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OverLimit {
    /// It waits in the backlog until there is.
    #[default]
    Wait,
    /// It is accepted and closed.
    Refuse,
    /// It is let in, and the connection that has been idle the longest goes.
    Evict,
}

/// What may be done with the next connection in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Let it in.
    Enter,
    /// Let it in, and evict another.
    EnterAndEvict,
    /// Accept and close it.
    Refuse,
    /// Leave it where it is.
    NotNow,
}

/// The state of admission, which is the same for all listeners.
#[derive(Debug)]
pub(super) struct Gate {
    connections_max: usize,
    over_limit: OverLimit,
    /// For each listener, whether somebody may wait in its queue.
    waiting: Vec<bool>,
    /// How many of them; asked each turn.
    waiters: usize,
    /// Which listener is asked first, so that a busy one does not starve the others.
    turn: usize,
    paused_until: MonotonicMs,
    /// The first listener that is still asked; those before it are left to others.
    first: usize,
}

impl Gate {
    /// A gate before that many listeners. Somebody may be waiting already.
    pub(super) fn new(listeners: usize, connections_max: usize, over_limit: OverLimit) -> Self {
        let waiting = vec![true; listeners];
        Self {
            connections_max,
            over_limit,
            waiting,
            waiters: listeners,
            turn: 0,
            paused_until: MonotonicMs::default(),
            first: 0,
        }
    }

    /// An event: somebody waits at that listener.
    pub(super) fn knock(&mut self, listener: usize) {
        if listener < self.first {
            return;
        }
        if let Some(waiting) = self.waiting.get_mut(listener).filter(|waiting| !**waiting) {
            *waiting = true;
            self.waiters += 1;
        }
    }

    /// It is proved that nobody waits at that listener.
    pub(super) fn nobody_waits(&mut self, listener: usize) {
        if let Some(waiting) = self.waiting.get_mut(listener).filter(|waiting| **waiting) {
            *waiting = false;
            self.waiters -= 1;
        }
    }

    /// Which listener to ask next, each in its turn.
    pub(super) fn next(&mut self) -> Option<usize> {
        let listeners = self.waiting.len();
        let found = (0..listeners)
            .map(|step| (self.turn + step) % listeners)
            .find(|listener| self.waiting.get(*listener) == Some(&true))?;
        self.turn = found + 1;
        Some(found)
    }

    /// What may be done now, with `open` connections there.
    pub(super) fn admission(&self, open: usize, now: MonotonicMs) -> Admission {
        if now < self.paused_until {
            return Admission::NotNow;
        }
        if open < self.connections_max {
            return Admission::Enter;
        }
        match self.over_limit {
            OverLimit::Refuse => Admission::Refuse,
            OverLimit::Evict if open < self.connections_max + EVICTS_PER_TURN => {
                Admission::EnterAndEvict
            }
            OverLimit::Wait | OverLimit::Evict => Admission::NotNow,
        }
    }

    /// True if `accept` should be called without waiting for an event.
    pub(super) fn eager(&self, open: usize, now: MonotonicMs) -> bool {
        !self.is_quiet() && self.admission(open, now) != Admission::NotNow
    }

    /// Descriptors or memory have run out.
    pub(super) fn pause(&mut self, now: MonotonicMs) {
        self.paused_until = now.after(PAUSE);
    }

    /// A connection has ended: what ran out may be there again.
    pub(super) const fn slot_freed(&mut self) {
        self.paused_until = MonotonicMs(0);
    }

    /// When a pause ends that somebody waits for.
    pub(super) fn deadline(&self, now: MonotonicMs) -> MonotonicMs {
        if now < self.paused_until && !self.is_quiet() { self.paused_until } else { MonotonicMs::NEVER }
    }

    /// Every listener has to be asked once more: who is in its queue must not be lost. Only the
    /// first ones, as many as were `inherited`, are not asked at all: their queues stay, with all
    /// who are in them, because others hold them open. Nor is anybody evicted any more, least of
    /// all those that are owed most.
    pub(super) fn last_call(&mut self, inherited: usize) {
        if self.over_limit == OverLimit::Evict {
            self.over_limit = OverLimit::Wait;
        }
        self.first = inherited.min(self.waiting.len());
        for (listener, waiting) in self.waiting.iter_mut().enumerate() {
            *waiting = listener >= self.first;
        }
        self.waiters = self.waiting.len() - self.first;
    }

    /// True if nobody waits at any listener.
    pub(super) const fn is_quiet(&self) -> bool {
        self.waiters == 0
    }

    /// There are no listeners any more.
    pub(super) fn close(&mut self) {
        self.waiting.clear();
        self.waiters = 0;
    }

    /// True if there are no listeners any more.
    pub(super) const fn is_closed(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Its state in one word, for the status.
    pub(super) fn word(&self, open: usize, now: MonotonicMs) -> &'static str {
        if self.waiting.is_empty() {
            CLOSED
        } else if now < self.paused_until {
            PAUSED
        } else if open >= self.connections_max {
            FULL
        } else {
            OPEN
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gate_does_what_the_option_says() {
        let now = MonotonicMs(0);
        for (over_limit, admission) in [
            (OverLimit::Wait, Admission::NotNow),
            (OverLimit::Refuse, Admission::Refuse),
            (OverLimit::Evict, Admission::EnterAndEvict),
        ] {
            let gate = Gate::new(1, 3, over_limit);
            assert_eq!(gate.admission(2, now), Admission::Enter);
            assert_eq!(gate.admission(3, now), admission);
            assert_eq!(gate.word(3, now), "full");
        }
    }

    #[test]
    fn evictions_in_a_turn_are_bounded() {
        let gate = Gate::new(1, 3, OverLimit::Evict);
        assert_eq!(gate.admission(3 + EVICTS_PER_TURN - 1, MonotonicMs(0)), Admission::EnterAndEvict);
        assert_eq!(gate.admission(3 + EVICTS_PER_TURN, MonotonicMs(0)), Admission::NotNow);
    }

    #[test]
    fn a_pause_ends_by_time_or_by_a_freed_slot() {
        let mut gate = Gate::new(1, 3, OverLimit::Wait);
        gate.pause(MonotonicMs(1000));
        assert_eq!(gate.deadline(MonotonicMs(1000)), MonotonicMs(1250));
        assert_eq!(gate.admission(0, MonotonicMs(1249)), Admission::NotNow);
        assert!(gate.eager(0, MonotonicMs(1250)), "the knock is remembered through the pause");
        gate.pause(MonotonicMs(2000));
        gate.slot_freed();
        assert_eq!(gate.admission(0, MonotonicMs(2000)), Admission::Enter);
    }

    #[test]
    fn inherited_listeners_are_not_asked_at_the_last_call() {
        let mut gate = Gate::new(3, 3, OverLimit::Wait);
        gate.last_call(2);
        assert_eq!([gate.next(), gate.next()], [Some(2), Some(2)]);
        gate.knock(0);
        gate.nobody_waits(2);
        assert!(gate.is_quiet() && !gate.is_closed());
        gate.close();
        gate.last_call(2);
        assert!(gate.is_quiet(), "a broken listener has closed them all");
    }

    #[test]
    fn listeners_take_turns() {
        let mut gate = Gate::new(3, 3, OverLimit::Wait);
        assert_eq!(
            [gate.next(), gate.next(), gate.next(), gate.next()],
            [Some(0), Some(1), Some(2), Some(0)]
        );
        gate.nobody_waits(1);
        assert_eq!([gate.next(), gate.next()], [Some(2), Some(0)]);
        gate.nobody_waits(0);
        gate.nobody_waits(2);
        assert_eq!(gate.next(), None);
        gate.knock(1);
        assert_eq!(gate.next(), Some(1));
    }
}
