//! A bounded queue of bytes between two descriptors.

/// The capacity of each of the two buffers, in bytes: large enough that the cost of system calls is
/// negligible, and equal to the capacity of a pipe (pipe(7)).
pub(super) const BUFFER_BYTES: usize = 64 << 10;

/// The maximum number of bytes that one read adds, after translation; so a buffer that is at most
/// half full can't overflow.
pub(super) const HALF_BYTES: usize = BUFFER_BYTES / 2;

/// A queue of bytes: appended at the end, taken from the front.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    taken: usize,
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::with_capacity(BUFFER_BYTES), taken: 0 }
    }

    /// True if the buffer has room for one more read.
    pub(super) const fn has_room(&self) -> bool {
        self.bytes.len() - self.taken <= HALF_BYTES
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.taken == self.bytes.len()
    }

    /// The bytes to write next.
    pub(super) fn pending(&self) -> &[u8] {
        self.bytes.split_at(self.taken).1
    }

    /// Appends bytes. Drops the taken bytes first, so that the buffer never grows.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
        debug_assert!(self.bytes.len() <= BUFFER_BYTES, "the caller checks for room first");
    }

    /// Removes the first `count` bytes, which were written.
    pub(super) fn take(&mut self, count: usize) {
        self.taken += count;
        assert!(self.taken <= self.bytes.len(), "more was written than was pending");
        if self.is_empty() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_the_order_they_went_in() {
        let mut buffer = Buffer::new();
        buffer.append(b"one ");
        buffer.append(b"two ");
        buffer.take(6);
        assert_eq!(buffer.pending(), b"o ");
        buffer.append(b"three");
        assert_eq!(buffer.pending(), b"o three");
        buffer.take(7);
        assert!(buffer.is_empty());
        assert_eq!(buffer.pending(), b"");
    }

    #[test]
    fn a_buffer_with_room_takes_one_more_read_and_never_grows() {
        let mut buffer = Buffer::new();
        let capacity = buffer.bytes.capacity();
        let half = vec![0; HALF_BYTES];
        buffer.append(&half);
        for _ in 0..100 {
            assert!(buffer.has_room());
            buffer.append(&half);
            assert!(!buffer.has_room(), "more than half is there");
            buffer.take(HALF_BYTES);
        }
        assert_eq!(buffer.bytes.capacity(), capacity);
    }
}
