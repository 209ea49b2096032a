//! The slots of the connections, and the queue of those to serve.

use crate::connection::Ready;
use crate::sys::DialedStream;

use crate::load::engine::connection::LoadConnection;
use crate::load::engine::line_source::DueLines;
use crate::load::engine::pace::DueLine;

/// A slot for one connection at a time.
#[derive(Debug)]
pub(super) struct Slot<S> {
    pub connection: Option<LoadConnection<S>>,
    /// Lines of the open loop that are due and not yet begun.
    pub due: DueLines,
    /// True while the connection counts as unanswered in the dial queue.
    pub unanswered: bool,
    /// True if the slot is dialled only once a line is due on it.
    pub awaits_a_line: bool,
}

/// All slots, by key. Their number never changes.
#[derive(Debug)]
pub(super) struct Slots<S> {
    all: Vec<Slot<S>>,
    /// Connections to serve, each once.
    run_queue: Vec<usize>,
    /// The memory of the run queue before.
    spare: Vec<usize>,
    /// Number of slots with a connection.
    open: usize,
}

impl<S: DialedStream> Slots<S> {
    /// Creates that many slots without a connection.
    pub(super) fn new(connections: usize) -> Self {
        let slot = || Slot {
            connection: None,
            due: DueLines::default(),
            unanswered: false,
            awaits_a_line: false,
        };
        let all = std::iter::repeat_with(slot).take(connections).collect();
        Self { all, run_queue: Vec::new(), spare: Vec::new(), open: 0 }
    }

    /// Number of slots.
    pub(super) const fn len(&self) -> usize {
        self.all.len()
    }

    /// Number of slots with a connection.
    pub(super) const fn open(&self) -> usize {
        self.open
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: usize) -> Option<&mut Slot<S>> {
        self.all.get_mut(key)
    }

    #[inline]
    pub(super) fn connection_mut(&mut self, key: usize) -> Option<&mut LoadConnection<S>> {
        self.get_mut(key)?.connection.as_mut()
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = &LoadConnection<S>> {
        self.all.iter().filter_map(|slot| slot.connection.as_ref())
    }

    pub(super) fn connections_mut(&mut self) -> impl Iterator<Item = &mut LoadConnection<S>> {
        self.all.iter_mut().filter_map(|slot| slot.connection.as_mut())
    }

    /// Puts a new connection into its slot.
    pub(super) fn insert(&mut self, key: usize, connection: LoadConnection<S>) {
        let Some(slot) = self.all.get_mut(key) else { return };
        slot.connection = Some(connection);
        slot.unanswered = true;
        self.open += 1;
    }

    /// Takes the connection out of its slot.
    pub(super) fn take(&mut self, key: usize) -> Option<LoadConnection<S>> {
        let connection = self.get_mut(key)?.connection.take()?;
        self.open -= 1;
        Some(connection)
    }

    /// Records an event or a due line for a connection, and queues the connection.
    #[inline]
    pub(super) fn mark(&mut self, key: usize, ready: Ready) {
        if let Some(connection) = self.connection_mut(key)
            && connection.mark(ready)
        {
            self.run_queue.push(key);
        }
    }

    /// Queues every connection, with these hints.
    pub(super) fn mark_all(&mut self, ready: Ready) {
        for key in 0..self.all.len() {
            self.mark(key, ready);
        }
    }

    /// True if a connection is queued.
    pub(super) const fn has_work(&self) -> bool {
        !self.run_queue.is_empty()
    }

    /// Takes the queue to serve. Connections marked from now on are in the queue of the next turn.
    pub(super) fn take_queue(&mut self) -> Vec<usize> {
        std::mem::replace(&mut self.run_queue, std::mem::take(&mut self.spare))
    }

    /// Takes back the memory of a queue that was served.
    pub(super) fn reuse(&mut self, mut queue: Vec<usize>) {
        queue.clear();
        self.spare = queue;
    }

    /// Assigns a due line to its connection. Returns true if the slot waits for it, and is to be
    /// dialled.
    pub(super) fn assign(&mut self, line: DueLine) -> bool {
        let Some(slot) = self.all.get_mut(line.owner) else { return false };
        slot.due.add(line);
        let awaited = std::mem::take(&mut slot.awaits_a_line);
        self.mark(line.owner, Ready::NONE);
        awaited
    }

    /// Number of lines assigned and not begun.
    pub(super) fn lines_due(&self) -> u64 {
        self.all.iter().map(|slot| slot.due.lines()).sum()
    }

    /// Drops the lines assigned and not begun, and returns their number.
    pub(super) fn abandon_due(&mut self) -> u64 {
        self.all.iter_mut().map(|slot| std::mem::take(&mut slot.due).lines()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MonotonicNs;
    use crate::load::config::LineSize;
    use crate::load::engine::payload::Payload;
    use crate::load::script::{Network, ScriptedNet};
    use crate::net::endpoint::Endpoint;
    use crate::sys::Dial;

    /// Three slots, the first two with a connection.
    fn slots() -> Slots<impl DialedStream> {
        let payload = Payload::new(1, LineSize { min: 64, max: 64 });
        let mut net = ScriptedNet(Network::new());
        let server = Endpoint::Unix("/nowhere".into());
        let mut slots = Slots::new(3);
        for key in 0..2 {
            let stream = net.dial(key, &server, None).unwrap();
            slots.insert(key, LoadConnection::new(stream, 0, &payload, MonotonicNs(0)));
        }
        slots
    }

    #[test]
    fn a_marked_connection_is_queued_once() {
        let mut slots = slots();
        assert!(!slots.has_work());
        slots.mark(1, Ready::READABLE);
        slots.mark(1, Ready::WRITABLE);
        slots.mark_all(Ready::NONE);
        let queue = slots.take_queue();
        assert_eq!((queue.as_slice(), slots.has_work()), (&[1, 0][..], false));
        slots.reuse(queue);
        assert!(!slots.has_work(), "only the memory is used again");
    }

    #[test]
    fn a_taken_connection_leaves_its_slot_empty() {
        let mut slots = slots();
        assert_eq!((slots.len(), slots.open(), slots.connections().count()), (3, 2, 2));
        assert!(slots.take(0).is_some() && slots.take(0).is_none() && slots.take(2).is_none());
        assert_eq!((slots.len(), slots.open(), slots.connections().count()), (3, 1, 1));
    }

    #[test]
    fn a_line_is_assigned_to_its_slot_even_without_a_connection() {
        let mut slots = slots();
        slots.get_mut(2).unwrap().awaits_a_line = true;
        let line = DueLine { owner: 2, round: 0 };
        assert!(slots.assign(line), "the slot is to be dialled");
        assert!(!slots.assign(line) && !slots.assign(DueLine { owner: 1, round: 0 }));
        assert_eq!((slots.take_queue(), slots.lines_due()), (vec![1], 3));
        assert_eq!((slots.abandon_due(), slots.lines_due()), (3, 0));
    }
}
