//! Generates the bytes to send, which are also the bytes to expect back: each depends on the seed,
//! the connection, the line and its offset in the line.
//!
//! They are never stored: any byte can be generated again from its position. Each line, and each
//! [`PIECE_BYTES`] of it, is a slice of a pattern at a pseudo-random offset, so that bytes that are
//! lost, doubled, shifted or from another connection don't match.

use crate::load::config::LineSize;

/// Bytes of a line from one slice of the pattern.
const PIECE_BYTES: usize = 4096;

/// Number of offsets at which a slice can begin. With 65,536 of them a wrong slice matches by
/// chance once in 65,536, and then the next line has to match too.
const OFFSETS: usize = 1 << 16;

/// A position in a connection's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The line's number, from 0.
    pub line: u64,
    /// Offset in the line, from 0.
    pub offset: usize,
    /// Length of the line, newline included.
    size: usize,
    /// Offset in the pattern of the byte at `offset`.
    at: usize,
}

/// The seed of one connection's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PayloadStream(u64);

/// The generator of all connections' bytes.
#[derive(Debug)]
pub(super) struct Payload {
    pattern: Box<[u8]>,
    seed: u64,
    size: LineSize,
}

impl Payload {
    /// Creates a payload with lines of that size; `size.min` is at least 1, for the newline.
    pub(super) fn new(seed: u64, size: LineSize) -> Self {
        let words = 0u64..;
        let bytes = words.flat_map(|word| drawn(seed, word).to_le_bytes());
        // Only the end of a line is a newline, so that the server counts the same lines.
        let pattern = bytes.filter(|byte| *byte != b'\n').take(OFFSETS + PIECE_BYTES).collect();
        Self { pattern, seed, size }
    }

    /// Returns the stream of the connection with that number.
    pub(super) fn stream(&self, connection: u64) -> PayloadStream {
        PayloadStream(mix(self.seed ^ mix(connection.wrapping_add(GAMMA))))
    }

    /// Returns the beginning of a stream.
    pub(super) fn start(&self, stream: PayloadStream) -> Position {
        self.line(stream, 0)
    }

    /// Appends the next contiguous bytes to `out`, and advances past them.
    #[inline]
    pub(super) fn append(&self, stream: PayloadStream, position: &mut Position, out: &mut Vec<u8>) {
        let (body, ends) = self.next(position);
        out.extend_from_slice(body);
        if ends {
            out.push(b'\n');
        }
        self.advance(stream, position, body.len() + usize::from(ends));
    }

    /// Compares `got` with the next contiguous bytes, and advances if they match. Returns the
    /// number of bytes compared or, as an error, the number of correct bytes before the first wrong
    /// one.
    #[inline]
    pub(super) fn compare(
        &self,
        stream: PayloadStream,
        position: &mut Position,
        got: &[u8],
    ) -> Result<usize, usize> {
        let (body, ends) = self.next(position);
        let length = body.len().min(got.len());
        if body.get(..length) != got.get(..length) {
            let matching = body.iter().zip(got).take_while(|(expected, got)| expected == got);
            return Err(matching.count());
        }
        let newline = match got.get(length) {
            Some(b'\n') if ends => 1,
            Some(_) if ends => return Err(length),
            _ => 0,
        };
        self.advance(stream, position, length + newline);
        Ok(length + newline)
    }

    /// Advances by `bytes` without comparing.
    pub(super) fn skip(&self, stream: PayloadStream, position: &mut Position, bytes: usize) {
        let mut left = bytes;
        while left > 0 {
            let (body, ends) = self.next(position);
            let taken = left.min(body.len() + usize::from(ends));
            self.advance(stream, position, taken);
            left -= taken;
        }
    }

    /// Returns the byte `ahead` bytes after `position`, within the contiguous bytes.
    pub(super) fn byte(&self, position: &Position, ahead: usize) -> u8 {
        self.next(position).0.get(ahead).copied().unwrap_or(b'\n')
    }

    /// Returns the next contiguous bytes of the pattern, and whether the newline follows them.
    #[inline]
    fn next(&self, position: &Position) -> (&[u8], bool) {
        let before_newline = position.size - 1 - position.offset;
        let length = before_newline.min(PIECE_BYTES - position.offset % PIECE_BYTES);
        let body = self.pattern.split_at(position.at).1.split_at(length).0;
        (body, length == before_newline)
    }

    /// Advances by `bytes`, at most as many as [`Self::next`] returns.
    #[inline]
    fn advance(&self, stream: PayloadStream, position: &mut Position, bytes: usize) {
        position.offset += bytes;
        position.at += bytes;
        if position.offset == position.size {
            *position = self.line(stream, position.line + 1);
        } else if position.offset.is_multiple_of(PIECE_BYTES) {
            position.at = offset_of_piece(stream, position.line, position.offset);
        }
    }

    #[inline]
    fn line(&self, stream: PayloadStream, line: u64) -> Position {
        let LineSize { min, max } = self.size;
        let size = if min == max {
            min
        } else {
            let choices = u64::try_from(max - min + 1).unwrap_or(1);
            let extra = drawn(!stream.0, line) % choices;
            min + usize::try_from(extra).unwrap_or_default()
        };
        Position { line, offset: 0, size, at: offset_of_piece(stream, line, 0) }
    }
}

#[inline]
fn offset_of_piece(stream: PayloadStream, line: u64, offset: usize) -> usize {
    let piece = u64::try_from(offset / PIECE_BYTES).unwrap_or_default();
    let number = drawn(stream.0, line ^ piece.rotate_left(32));
    usize::try_from(number).unwrap_or_default() % OFFSETS
}

impl Position {
    /// Returns the length of the line, newline included.
    pub(super) const fn size(&self) -> usize {
        self.size
    }
}

/// The odd increment of SplitMix64.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Returns the number at `index` of the sequence that begins at `seed`: SplitMix64 (Steele,
/// Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[inline]
pub(super) const fn drawn(seed: u64, index: u64) -> u64 {
    mix(seed.wrapping_add(index.wrapping_mul(GAMMA)))
}

#[inline]
const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the first `count` bytes of a connection.
    fn bytes_of(payload: &Payload, connection: u64, count: usize) -> Vec<u8> {
        let stream = payload.stream(connection);
        let mut position = payload.start(stream);
        let mut bytes = Vec::new();
        while bytes.len() < count {
            payload.append(stream, &mut position, &mut bytes);
        }
        bytes.truncate(count);
        bytes
    }

    #[test]
    fn lines_are_as_long_as_was_asked_and_end_with_the_only_newline() {
        let payload = Payload::new(1, LineSize { min: 64, max: 64 });
        let bytes = bytes_of(&payload, 7, 64 * 50);
        assert!(
            bytes.chunks(64).all(|line| line.iter().position(|byte| *byte == b'\n') == Some(63))
        );
        let payload = Payload::new(1, LineSize { min: 1, max: 9 });
        let bytes = bytes_of(&payload, 7, 10_000);
        let mut sizes = [0; 10];
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            sizes[line.len()] += 1;
        }
        assert!(sizes[1..].iter().all(|count| *count > 100), "every size is drawn: {sizes:?}");
        assert_eq!(bytes_of(&Payload::new(1, LineSize { min: 1, max: 1 }), 0, 3), b"\n\n\n");
    }

    #[test]
    fn every_byte_depends_on_its_place_its_connection_and_the_seed() {
        let size = LineSize { min: 10_000, max: 10_000 };
        let payload = Payload::new(1, size);
        let one = bytes_of(&payload, 1, 30_000);
        assert_ne!(one, bytes_of(&payload, 2, 30_000), "another connection");
        assert_ne!(one, bytes_of(&Payload::new(2, size), 1, 30_000), "another seed");
        for shift in [1, 64, PIECE_BYTES, 10_000] {
            let same = one.iter().zip(&one[shift..]).filter(|(one, other)| one == other).count();
            assert!(same < 1000, "{same} of {} bytes fit {shift} later", one.len() - shift);
        }
    }

    proptest! {
        #[test]
        fn the_bytes_are_right_however_they_come(
            seed: u64,
            connection: u64,
            min in 1usize..9000,
            more in 0usize..9000,
            step in 1usize..5000,
        ) {
            let payload = Payload::new(seed, LineSize { min, max: min + more });
            let bytes = bytes_of(&payload, connection, 40_000);
            let stream = payload.stream(connection);
            let (mut position, mut skipping) = (payload.start(stream), payload.start(stream));
            let mut got = &bytes[..];
            while !got.is_empty() {
                let taken = payload.compare(stream, &mut position, &got[..step.min(got.len())]);
                payload.skip(stream, &mut skipping, taken.unwrap());
                prop_assert_eq!(position, skipping);
                got = &got[taken.unwrap()..];
            }
        }

        #[test]
        fn a_byte_that_is_wrong_is_found_where_it_is(
            seed: u64, size in 1usize..9000, wrong in 0usize..20_000, bit in 0u8..8,
        ) {
            let payload = Payload::new(seed, LineSize { min: size, max: size });
            let mut bytes = bytes_of(&payload, 7, 20_000);
            bytes[wrong] ^= 1 << bit;
            let stream = payload.stream(7);
            let mut position = payload.start(stream);
            let mut right = 0;
            let found = loop {
                match payload.compare(stream, &mut position, &bytes[right..]) {
                    Ok(count) => right += count,
                    Err(count) => break right + count,
                }
            };
            prop_assert_eq!(found, wrong);
            prop_assert_eq!(payload.byte(&position, wrong - right), bytes[wrong] ^ 1 << bit);
        }
    }
}
