//! Admission: may the reactor accept a connection?
//!
//! A listener's event is an edge, and does not come again: not when descriptors are free again, not
//! when there is room again. So it is remembered until the accept queue was found empty.

use std::time::Duration;

use crate::clock::MonotonicMs;

use super::Capacity;

/// How long no connection is accepted after descriptors or memory have run out, unless a connection
/// ends before. Long enough to cost nothing, short enough for a peer not to notice much.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

/// The most connections evicted in one turn. They are reaped in the next turn, so this many more
/// than the limit may be open for a moment.
pub(super) const EVICTS_PER_TURN: usize = 16;

/// The names of the listener states.
pub const LISTENER_STATES: [&str; 4] = [OPEN, FULL, PAUSED, CLOSED];
const OPEN: &str = "open";
const FULL: &str = "full";
const PAUSED: &str = "paused";
const CLOSED: &str = "closed";

/// The treatment of a new connection at the limit of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OverLimit {
    /// It waits in the backlog until another ends.
    #[default]
    Wait,
    /// It is accepted and closed.
    Refuse,
    /// It is accepted, and the connection that has been idle the longest is closed.
    Evict,
}

/// The decision on the next connection in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Accept it.
    Accept,
    /// Accept it, and evict another.
    AcceptAndEvict,
    /// Accept it, and close it.
    Refuse,
    /// Leave it in the queue.
    Defer,
}

/// The state of admission, the same for all listeners.
#[derive(Debug)]
pub(super) struct Admission {
    connections_max: usize,
    over_limit: OverLimit,
    /// For each listener, whether its queue may hold a connection.
    ready: Vec<bool>,
    /// The number of such listeners; read in each turn.
    ready_count: usize,
    /// The listener to accept from first, so that a busy one does not starve the others.
    cursor: usize,
    paused_until: MonotonicMs,
    /// The first listener to accept from; those before it are left to other processes.
    first_own: usize,
}

impl Admission {
    /// Creates the state for the listeners. Connections may be waiting already.
    pub(super) fn new(capacity: Capacity, over_limit: OverLimit) -> Self {
        let Capacity { listeners, connections_max, .. } = capacity;
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

    /// Handles an event: the listener's queue may hold a connection.
    pub(super) fn mark_ready(&mut self, listener: usize) {
        if listener < self.first_own {
            return;
        }
        if let Some(waiting) = self.ready.get_mut(listener).filter(|waiting| !**waiting) {
            *waiting = true;
            self.ready_count += 1;
        }
    }

    /// Notes that the listener's queue was found empty.
    pub(super) fn mark_empty(&mut self, listener: usize) {
        if let Some(waiting) = self.ready.get_mut(listener).filter(|waiting| **waiting) {
            *waiting = false;
            self.ready_count -= 1;
        }
    }

    /// Returns the next listener to accept from, in rotation.
    pub(super) fn next(&mut self) -> Option<usize> {
        let listeners = self.ready.len();
        let found = (0..listeners)
            .map(|step| (self.cursor + step) % listeners)
            .find(|listener| self.ready.get(*listener) == Some(&true))?;
        self.cursor = found + 1;
        Some(found)
    }

    /// Returns the decision for the next connection, while `open` connections are open.
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

    /// Returns true if `accept` should be called without waiting for an event.
    pub(super) fn may_accept_now(&self, open: usize, now: MonotonicMs) -> bool {
        !self.nothing_ready() && self.decide(open, now) != Decision::Defer
    }

    /// Begins a pause: descriptors or memory have run out.
    pub(super) fn pause(&mut self, now: MonotonicMs) {
        self.paused_until = now.after(ACCEPT_PAUSE);
    }

    /// Ends a pause: the end of a connection has freed resources.
    pub(super) const fn resume(&mut self) {
        self.paused_until = MonotonicMs(0);
    }

    /// Returns the end of the pause, if a connection may be waiting for it.
    pub(super) fn deadline(&self, now: MonotonicMs) -> MonotonicMs {
        if now < self.paused_until && !self.nothing_ready() {
            self.paused_until
        } else {
            MonotonicMs::NEVER
        }
    }

    /// Begins the final pass: marks every listener as ready, so that no connection in its queue is
    /// lost. The first ones, as many as were `inherited`, are left out: other processes hold them
    /// open, and their queues stay. From now on no connection is evicted, least of all one with
    /// much output pending.
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

    /// Returns true if no listener's queue may hold a connection.
    pub(super) const fn nothing_ready(&self) -> bool {
        self.ready_count == 0
    }

    /// Removes all listeners.
    pub(super) fn close(&mut self) {
        self.ready.clear();
        self.ready_count = 0;
    }

    /// Returns true if there are no listeners any more.
    pub(super) const fn is_closed(&self) -> bool {
        self.ready.is_empty()
    }

    /// Returns the state in one word, for the status.
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

    fn with_room(listeners: usize, connections_max: usize, over_limit: OverLimit) -> Admission {
        let capacity =
            Capacity { listeners, listeners_inherited: 0, connections_max, descriptors: 0 };
        Admission::new(capacity, over_limit)
    }

    #[test]
    fn at_the_limit_the_over_limit_option_decides() {
        let now = MonotonicMs(0);
        for (over_limit, decision) in [
            (OverLimit::Wait, Decision::Defer),
            (OverLimit::Refuse, Decision::Refuse),
            (OverLimit::Evict, Decision::AcceptAndEvict),
        ] {
            let admission = with_room(1, 3, over_limit);
            assert_eq!(admission.decide(2, now), Decision::Accept);
            assert_eq!(admission.decide(3, now), decision);
            assert_eq!(admission.state_name(3, now), "full");
        }
    }

    #[test]
    fn evictions_in_a_turn_are_bounded() {
        let admission = with_room(1, 3, OverLimit::Evict);
        assert_eq!(
            admission.decide(3 + EVICTS_PER_TURN - 1, MonotonicMs(0)),
            Decision::AcceptAndEvict
        );
        assert_eq!(admission.decide(3 + EVICTS_PER_TURN, MonotonicMs(0)), Decision::Defer);
    }

    #[test]
    fn a_pause_ends_by_time_or_by_a_freed_slot() {
        let mut admission = with_room(1, 3, OverLimit::Wait);
        admission.pause(MonotonicMs(1000));
        assert_eq!(admission.deadline(MonotonicMs(1000)), MonotonicMs(1250));
        assert_eq!(admission.decide(0, MonotonicMs(1249)), Decision::Defer);
        assert!(
            admission.may_accept_now(0, MonotonicMs(1250)),
            "the knock is remembered through the pause"
        );
        admission.pause(MonotonicMs(2000));
        admission.resume();
        assert_eq!(admission.decide(0, MonotonicMs(2000)), Decision::Accept);
    }

    #[test]
    fn the_final_pass_skips_inherited_listeners() {
        let mut admission = with_room(3, 3, OverLimit::Wait);
        admission.begin_final_pass(2);
        assert_eq!([admission.next(), admission.next()], [Some(2), Some(2)]);
        admission.mark_ready(0);
        admission.mark_empty(2);
        assert!(admission.nothing_ready() && !admission.is_closed());
        admission.close();
        admission.begin_final_pass(2);
        assert!(admission.nothing_ready(), "a broken listener has closed them all");
    }

    #[test]
    fn listeners_take_turns() {
        let mut admission = with_room(3, 3, OverLimit::Wait);
        assert_eq!(
            [admission.next(), admission.next(), admission.next(), admission.next()],
            [Some(0), Some(1), Some(2), Some(0)]
        );
        admission.mark_empty(1);
        assert_eq!([admission.next(), admission.next()], [Some(2), Some(0)]);
        admission.mark_empty(0);
        admission.mark_empty(2);
        assert_eq!(admission.next(), None);
        admission.mark_ready(1);
        assert_eq!(admission.next(), Some(1));
    }
}
