//! Framing and joining, against an oracle that is obviously right.

use std::num::NonZeroUsize;

use super::*;

/// Feeds `input` in pieces of `step` bytes. Returns every complete piece, and the remainder.
fn feed(
    framing: Framing,
    line_bytes_max: usize,
    input: &[u8],
    step: usize,
) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut read = ReadBuffer::new(line_bytes_max, 128);
    let mut line = LineBuffer::default();
    let mut out = Vec::new();
    for piece in input.chunks(step) {
        read.spare()[..piece.len()].copy_from_slice(piece);
        let complete = framing.complete(line.len(), piece, line_bytes_max);
        let requests = line.join(&mut read, 0..piece.len(), complete);
        if !requests.is_empty() {
            out.push(requests.to_vec());
        }
        if framing != Framing::Lines {
            assert!(line.len() < line_bytes_max, "what is kept is bounded");
        }
    }
    (out, line.take())
}

fn sample() -> Vec<u8> {
    let mut input = Vec::new();
    for length in 0..50 {
        input.extend(std::iter::repeat_n(b'a', length));
        input.push(b'\n');
    }
    input.extend_from_slice(b"tail");
    input
}

#[test]
fn pieces_and_lines_end_where_they_should_however_they_come() {
    let input = sample();
    for step in 1..=100 {
        for line_bytes_max in [1, 2, 7, 51, 64] {
            let (out, rest) = feed(Framing::Pieces, line_bytes_max, &input, step);
            assert_eq!([out.concat(), rest.clone()].concat(), input, "nothing lost, in order");
            let tail = input.len() - input.iter().rposition(|byte| *byte == b'\n').unwrap() - 1;
            assert_eq!(rest.len(), tail % line_bytes_max, "step {step}, max {line_bytes_max}");
        }
        let (out, rest) = feed(Framing::Lines, 64, &input, step);
        assert!(out.iter().all(|requests| requests.ends_with(b"\n")), "whole lines, step {step}");
        assert_eq!(rest, b"tail");
        assert_eq!([out.concat(), rest].concat(), input);
    }
}

#[test]
fn records_are_whole_however_they_come() {
    let size = NonZeroUsize::new(16).unwrap();
    let input: Vec<u8> = (0..=255).cycle().take(16 * 9 + 5).collect();
    for step in 1..=100 {
        let (out, rest) = feed(Framing::Records(size), 16, &input, step);
        assert!(out.iter().all(|records| records.len() % 16 == 0), "step {step}");
        assert_eq!(rest.len(), 5);
        assert_eq!([out.concat(), rest].concat(), input);
    }
}

#[test]
fn a_line_is_cut_where_readline_would_cut_it() {
    let cut = |kept, fresh: &[u8]| Framing::Pieces.complete(kept, fresh, 4);
    assert_eq!(cut(0, b"abc"), 0);
    assert_eq!(cut(0, b"abcd"), 4);
    assert_eq!(cut(0, b"abcde"), 4);
    assert_eq!(cut(3, b"d"), 1);
    assert_eq!(cut(3, b"defgh"), 5);
    assert_eq!(cut(3, b"d\ne"), 2);
    assert_eq!(cut(1, b"\nabcde"), 5);
}

#[test]
fn requests_are_counted() {
    for length in [0, 1, 63, 64, 65, 127, 128, 129, 1000, 70_000] {
        let none = vec![b'a'; length];
        let all = vec![b'\n'; length];
        assert_eq!(Framing::Pieces.count(&none), 0, "{length} bytes");
        assert_eq!(Framing::Lines.count(&all), u64::try_from(length).unwrap(), "{length} newlines");
    }
    let size = NonZeroUsize::new(16).unwrap();
    assert_eq!(Framing::Records(size).count(&[0; 48]), 3);
}

#[test]
#[should_panic(expected = "empty buffer")]
fn a_buffer_to_read_nothing_into_is_refused() {
    ReadBuffer::new(10, 0);
}

#[test]
fn the_end_of_a_stream_is_kept_only_where_a_line_may_be_that_long() {
    let read = [b'x'; STREAM_BYTES];
    assert_eq!(Framing::Pieces.complete(0, &read, 4095), STREAM_BYTES, "all at once");
    assert_eq!(Framing::Pieces.complete(0, &read[1..], 4095), 4 * 4095, "this is none");
    assert_eq!(Framing::Pieces.complete(0, &read, STREAM_BYTES + 1), 0, "it may still end");
    assert_eq!(Framing::Lines.complete(0, &read, 4095), 0);
}
