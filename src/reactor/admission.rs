//! The gate: may we accept?
//!
//! A listener's event is remembered until its queue was found empty, because it is an edge and will
//! not come again: not when descriptors are free again, not when there is room again.

use std::time::Duration;

use crate::clock::MonotonicMs;

/// How long no connection is accepted after descriptors or memory have run out, unless one is
/// given back before. Long enough to cost nothing, short enough for a peer not to notice much.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

/// How many connections may be evicted in one turn. Their descriptors are given back at the next
/// one's reaping, so this many more than the limit may be open for a moment.
pub(super) const EVICTS_PER_TURN: usize = 16;

/// The words for the gate's states.
pub const LISTENER_STATES: [&str; 4] = [OPEN, FULL, PAUSED, CLOSED];
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
pub(super) enum Decision {
    /// Let it in.
    Accept,
    /// Let it in, and evict another.
    AcceptAndEvict,
    /// Accept and close it.
    Refuse,
    /// Leave it where it is.
    Defer,
}

/// The state of admission, which is the same for all listeners.
#[derive(Debug)]
pub(super) struct Admission {
    connections_max: usize,
    over_limit: OverLimit,
    /// For each listener, whether somebody may wait in its queue.
    ready: Vec<bool>,
    /// How many of them; asked each turn.
    ready_count: usize,
    /// Which listener is asked first, so that a busy one does not starve the others.
    cursor: usize,
    paused_until: MonotonicMs,
    /// The first listener that is still asked; those before it are left to others.
    first_own: usize,
}

impl Admission {
    /// A gate before that many listeners. Somebody may be waiting already.
    pub(super) fn new(listeners: usize, connections_max: usize, over_limit: OverLimit) -> Self {
        let waiting = vec![true; listeners];
        Self {
            connections_max,
            over_limit,
            ready: waiting,
            ready_count: listeners,
            cursor: 0,
            paused_until: MonotonicMs::default(),
            first_own: 0,
        }
    }

    /// An event: somebody waits at that listener.
    pub(super) fn mark_ready(&mut self, listener: usize) {
        if listener < self.first_own {
            return;
        }
        if let Some(waiting) = self.ready.get_mut(listener).filter(|waiting| !**waiting) {
            *waiting = true;
            self.ready_count += 1;
        }
    }

    /// It is proved that nobody waits at that listener.
    pub(super) fn mark_empty(&mut self, listener: usize) {
        if let Some(waiting) = self.ready.get_mut(listener).filter(|waiting| **waiting) {
            *waiting = false;
            self.ready_count -= 1;
        }
    }

    /// Which listener to ask next, each in its turn.
    pub(super) fn next(&mut self) -> Option<usize> {
        let listeners = self.ready.len();
        let found = (0..listeners)
            .map(|step| (self.cursor + step) % listeners)
            .find(|listener| self.ready.get(*listener) == Some(&true))?;
        self.cursor = found + 1;
        Some(found)
    }

    /// What may be done now, with `open` connections there.
    pub(super) fn decide(&self, open: usize, now: MonotonicMs) -> Decision {
        if now < self.paused_until {
            return Decision::Defer;
        }
        if open < self.connections_max {
            return Decision::Accept;
        }
        match self.over_limit {
            OverLimit::Refuse => Decision::Refuse,
            OverLimit::Evict if open < self.connections_max + EVICTS_PER_TURN => {
                Decision::AcceptAndEvict
            }
            OverLimit::Wait | OverLimit::Evict => Decision::Defer,
        }
    }

    /// True if `accept` should be called without waiting for an event.
    pub(super) fn may_accept_now(&self, open: usize, now: MonotonicMs) -> bool {
        !self.nothing_ready() && self.decide(open, now) != Decision::Defer
    }

    /// Descriptors or memory have run out.
    pub(super) fn pause(&mut self, now: MonotonicMs) {
        self.paused_until = now.after(ACCEPT_PAUSE);
    }

    /// A connection has ended: what ran out may be there again.
    pub(super) const fn resume(&mut self) {
        self.paused_until = MonotonicMs(0);
    }

    /// When a pause ends that somebody waits for.
    pub(super) fn deadline(&self, now: MonotonicMs) -> MonotonicMs {
        if now < self.paused_until && !self.nothing_ready() {
            self.paused_until
        } else {
            MonotonicMs::NEVER
        }
    }

    /// Every listener has to be asked once more: who is in its queue must not be lost. Only the
    /// first ones, as many as were `inherited`, are not asked at all: their queues stay, with all
    /// who are in them, because others hold them open. Nor is anybody evicted any more, least of
    /// all those that are owed most.
    pub(super) fn begin_final_pass(&mut self, inherited: usize) {
        if self.over_limit == OverLimit::Evict {
            self.over_limit = OverLimit::Wait;
        }
        self.first_own = inherited.min(self.ready.len());
        for (listener, waiting) in self.ready.iter_mut().enumerate() {
            *waiting = listener >= self.first_own;
        }
        self.ready_count = self.ready.len() - self.first_own;
    }

    /// True if nobody waits at any listener.
    pub(super) const fn nothing_ready(&self) -> bool {
        self.ready_count == 0
    }

    /// There are no listeners any more.
    pub(super) fn close(&mut self) {
        self.ready.clear();
        self.ready_count = 0;
    }

    /// True if there are no listeners any more.
    pub(super) const fn is_closed(&self) -> bool {
        self.ready.is_empty()
    }

    /// Its state in one word, for the status.
    pub(super) fn state_name(&self, open: usize, now: MonotonicMs) -> &'static str {
        if self.ready.is_empty() {
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
            (OverLimit::Wait, Decision::Defer),
            (OverLimit::Refuse, Decision::Refuse),
            (OverLimit::Evict, Decision::AcceptAndEvict),
        ] {
            let gate = Admission::new(1, 3, over_limit);
            assert_eq!(gate.decide(2, now), Decision::Accept);
            assert_eq!(gate.decide(3, now), admission);
            assert_eq!(gate.state_name(3, now), "full");
        }
    }

    #[test]
    fn evictions_in_a_turn_are_bounded() {
        let gate = Admission::new(1, 3, OverLimit::Evict);
        assert_eq!(gate.decide(3 + EVICTS_PER_TURN - 1, MonotonicMs(0)), Decision::AcceptAndEvict);
        assert_eq!(gate.decide(3 + EVICTS_PER_TURN, MonotonicMs(0)), Decision::Defer);
    }

    #[test]
    fn a_pause_ends_by_time_or_by_a_freed_slot() {
        let mut gate = Admission::new(1, 3, OverLimit::Wait);
        gate.pause(MonotonicMs(1000));
        assert_eq!(gate.deadline(MonotonicMs(1000)), MonotonicMs(1250));
        assert_eq!(gate.decide(0, MonotonicMs(1249)), Decision::Defer);
        assert!(
            gate.may_accept_now(0, MonotonicMs(1250)),
            "the knock is remembered through the pause"
        );
        gate.pause(MonotonicMs(2000));
        gate.resume();
        assert_eq!(gate.decide(0, MonotonicMs(2000)), Decision::Accept);
    }

    #[test]
    fn inherited_listeners_are_not_asked_at_the_last_call() {
        let mut gate = Admission::new(3, 3, OverLimit::Wait);
        gate.begin_final_pass(2);
        assert_eq!([gate.next(), gate.next()], [Some(2), Some(2)]);
        gate.mark_ready(0);
        gate.mark_empty(2);
        assert!(gate.nothing_ready() && !gate.is_closed());
        gate.close();
        gate.begin_final_pass(2);
        assert!(gate.nothing_ready(), "a broken listener has closed them all");
    }

    #[test]
    fn listeners_take_turns() {
        let mut gate = Admission::new(3, 3, OverLimit::Wait);
        assert_eq!(
            [gate.next(), gate.next(), gate.next(), gate.next()],
            [Some(0), Some(1), Some(2), Some(0)]
        );
        gate.mark_empty(1);
        assert_eq!([gate.next(), gate.next()], [Some(2), Some(0)]);
        gate.mark_empty(0);
        gate.mark_empty(2);
        assert_eq!(gate.next(), None);
        gate.mark_ready(1);
        assert_eq!(gate.next(), Some(1));
    }
}
