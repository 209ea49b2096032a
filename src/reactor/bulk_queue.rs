//! Bulk senders: connections whose reads fill the buffer, served one at a time behind all others.
//!
//! The first one stays first for a number of reads. A connection that is served for a while keeps
//! its peer awake, and waking a peer for each reply costs more than the copy.

use std::collections::VecDeque;

/// The reads that a bulk sender has in a row, 1 to 4 MiB, before the next one's turn.
const READS_IN_A_ROW_MIN: usize = 16;
const READS_IN_A_ROW_MAX: usize = 64;

/// The reads of all bulk senders together, some 20 milliseconds, until the first one's turn comes
/// again. Many senders take longer: each has the minimum in a row.
const READS_PER_ROUND: usize = 1024;

/// A queue of keys.
#[derive(Debug, Default)]
pub(super) struct BulkQueue {
    queue: VecDeque<usize>,
    /// The reads that the first one has had in a row.
    consecutive_reads: usize,
}

impl BulkQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The bulk sender to read from.
    pub(super) fn first(&self) -> Option<usize> {
        self.queue.front().copied()
    }

    /// Adds a bulk sender behind the others.
    pub(super) fn push(&mut self, key: usize) {
        self.queue.push_back(key);
    }

    /// Counts a read of the first one, which has more input. After its reads in a row it goes to
    /// the back.
    pub(super) fn rotate(&mut self) {
        self.consecutive_reads += 1;
        let in_a_row = READS_PER_ROUND / self.queue.len().max(1);
        if self.consecutive_reads >= in_a_row.clamp(READS_IN_A_ROW_MIN, READS_IN_A_ROW_MAX) {
            let first = self.pop();
            self.queue.extend(first);
        }
    }

    /// Removes the first one.
    pub(super) fn pop(&mut self) -> Option<usize> {
        self.consecutive_reads = 0;
        self.queue.pop_front()
    }

    /// Removes all other keys.
    pub(super) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let first = self.first();
        self.queue.retain(|key| keep(*key));
        if self.first() != first {
            self.consecutive_reads = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(senders: usize) -> BulkQueue {
        let mut queue = BulkQueue::default();
        (0..senders).for_each(|key| queue.push(key));
        queue
    }

    /// The reads of the first one before the next one's turn.
    fn reads_in_a_row(queue: &mut BulkQueue) -> usize {
        let first = queue.first();
        let rotated = |_: &usize| {
            queue.rotate();
            queue.first() != first
        };
        (1..=READS_PER_ROUND).find(rotated).unwrap()
    }

    #[test]
    fn each_sender_has_its_reads_in_a_row() {
        assert_eq!(reads_in_a_row(&mut queue(2)), 64);
        assert_eq!(reads_in_a_row(&mut queue(32)), 32);
        assert_eq!(reads_in_a_row(&mut queue(1000)), 16);
    }

    #[test]
    fn a_sender_without_more_input_leaves() {
        let mut queue = queue(2);
        queue.pop();
        assert_eq!(queue.first(), Some(1));
        queue.pop();
        assert!(queue.is_empty());
    }

    #[test]
    fn the_count_begins_anew_when_the_first_sender_is_removed() {
        let mut queue = queue(3);
        queue.rotate();
        queue.retain(|key| key != 0);
        assert_eq!(reads_in_a_row(&mut queue), 64);
        assert_eq!(queue.first(), Some(2));
    }
}
