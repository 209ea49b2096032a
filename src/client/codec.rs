//! Translates between the lines that users type and read and the bytes on the connection.

use std::ops::Range;
use std::str;

use memchr::memchr;

use super::buffer::{Buffer, HALF_BYTES};
use super::config::WireFormat;
use super::ledger::REQUEST_BYTES;

/// The longest line that may hold two numbers, in bytes: the course's MAXLINE.
const LINE_BYTES_MAX: usize = 4096;

/// Returns an empty request; its reply shows that the server is alive.
pub(super) const fn probe(format: WireFormat) -> &'static [u8] {
    match format {
        WireFormat::Text => b"\n",
        WireFormat::Xdr => &[0; REQUEST_BYTES.get()],
    }
}

/// The maximum size of a read, in bytes. The shortest line of two numbers has 4 bytes and becomes a
/// request of 16; a reply of 8 bytes becomes a line of up to 21. So the output of a read of this
/// size, with the remainder of the previous read, fits into half a buffer.
pub(super) const fn read_bytes_max(format: WireFormat) -> usize {
    match format {
        WireFormat::Text => HALF_BYTES,
        WireFormat::Xdr => HALF_BYTES / 8,
    }
}

/// Translates input lines into requests.
#[derive(Debug)]
pub(super) enum Encoder {
    Text,
    Xdr(LineEncoder),
}

/// The line being assembled, and the number of lines so far.
#[derive(Debug, Default)]
pub(super) struct LineEncoder {
    partial: Vec<u8>,
    finished: u64,
    refused: u64,
}

impl Encoder {
    pub(super) fn new(format: WireFormat) -> Self {
        match format {
            WireFormat::Text => Self::Text,
            WireFormat::Xdr => Self::Xdr(LineEncoder::default()),
        }
    }

    /// Appends the requests in `input` to `outbound`. Returns an error text for each rejected line.
    pub(super) fn encode(&mut self, input: &[u8], outbound: &mut Buffer) -> Vec<String> {
        match self {
            Self::Text => {
                outbound.append(input);
                Vec::new()
            }
            Self::Xdr(lines) => input
                .split_inclusive(|byte| *byte == b'\n')
                .filter_map(|piece| lines.add(piece, outbound))
                .collect(),
        }
    }

    /// Finishes the last line at the end of the input.
    pub(super) fn finish(&mut self, outbound: &mut Buffer) -> Option<String> {
        match self {
            Self::Xdr(lines) if !lines.partial.is_empty() => lines.end(outbound),
            Self::Xdr(_) | Self::Text => None,
        }
    }

    /// The number of rejected lines.
    pub(super) const fn refused(&self) -> u64 {
        match self {
            Self::Text => 0,
            Self::Xdr(lines) => lines.refused,
        }
    }
}

impl LineEncoder {
    /// Adds a line, or a piece of one.
    fn add(&mut self, piece: &[u8], outbound: &mut Buffer) -> Option<String> {
        // Keep one byte more than the limit, to detect a longer line.
        let room = LINE_BYTES_MAX + 1 - self.partial.len().min(LINE_BYTES_MAX + 1);
        self.partial.extend_from_slice(piece.get(..room).unwrap_or(piece));
        if piece.last() == Some(&b'\n') { self.end(outbound) } else { None }
    }

    fn end(&mut self, outbound: &mut Buffer) -> Option<String> {
        self.finished += 1;
        let numbers = if self.partial.len() > LINE_BYTES_MAX {
            Err("longer than 4096 bytes")
        } else {
            two_numbers(&self.partial).ok_or("expected two numbers")
        };
        self.partial.clear();
        match numbers {
            Ok((first, second)) => {
                outbound.append(&first.to_be_bytes());
                outbound.append(&second.to_be_bytes());
                None
            }
            Err(wrong) => {
                self.refused += 1;
                Some(format!("line {}: {wrong}", self.finished))
            }
        }
    }
}

fn two_numbers(line: &[u8]) -> Option<(i64, i64)> {
    let mut words = str::from_utf8(line).ok()?.split_ascii_whitespace();
    let numbers = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some(numbers)
}

/// Translates replies into output lines.
#[derive(Debug)]
pub(super) struct Decoder {
    format: WireFormat,
    /// The next reply answers our own probe and is not shown.
    pub probing: bool,
    partial: Vec<u8>,
}

impl Decoder {
    pub(super) const fn new(format: WireFormat) -> Self {
        Self { format, probing: false, partial: Vec::new() }
    }

    /// Appends the output for `bytes` to `inbound`; `replies` is the range of the replies in
    /// `bytes`. Text before that range is shown too.
    pub(super) fn decode(&mut self, bytes: &[u8], replies: Range<usize>, inbound: &mut Buffer) {
        let (before, from) = bytes.split_at(replies.start);
        let replies = from.split_at(replies.len()).0;
        match self.format {
            WireFormat::Text => {
                inbound.append(before);
                inbound.append(self.after_probe(replies));
            }
            WireFormat::Xdr => {
                self.partial.extend_from_slice(replies);
                let (numbers, rest) = self.partial.as_chunks::<8>();
                for number in numbers {
                    if !std::mem::take(&mut self.probing) {
                        let line = format!("{}\n", i64::from_be_bytes(*number));
                        inbound.append(line.as_bytes());
                    }
                }
                self.partial = rest.to_vec();
            }
        }
    }

    /// Returns `replies` without the reply to the probe.
    fn after_probe<'a>(&mut self, replies: &'a [u8]) -> &'a [u8] {
        if !self.probing {
            return replies;
        }
        let Some(newline) = memchr(b'\n', replies) else { return &[] };
        self.probing = false;
        replies.split_at(newline + 1).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(pieces: &[&[u8]]) -> (Vec<u8>, Vec<String>) {
        let (mut encoder, mut outbound) = (Encoder::new(WireFormat::Xdr), Buffer::new());
        let mut wrong = Vec::new();
        for piece in pieces {
            wrong.extend(encoder.encode(piece, &mut outbound));
        }
        wrong.extend(encoder.finish(&mut outbound));
        assert_eq!(encoder.refused(), u64::try_from(wrong.len()).unwrap());
        (outbound.pending().to_vec(), wrong)
    }

    fn request(first: i64, second: i64) -> Vec<u8> {
        [first.to_be_bytes(), second.to_be_bytes()].concat()
    }

    #[test]
    fn two_numbers_become_two_hypers() {
        let min = i64::MIN.to_string();
        let table: [(&[&[u8]], Vec<u8>); 5] = [
            (&[b"11 22\n"], request(11, 22)),
            (&[b"1", b"1 2", b"2\n", b"-1 +1"], [request(11, 22), request(-1, 1)].concat()),
            (&[min.as_bytes(), b"\t0\r\n"], request(i64::MIN, 0)),
            (&[b"1 2\n3 4\n5 6\n"], [request(1, 2), request(3, 4), request(5, 6)].concat()),
            (&[], Vec::new()),
        ];
        for (pieces, bytes) in table {
            assert_eq!(encoded(pieces), (bytes, Vec::new()), "{pieces:?}");
        }
    }

    #[test]
    fn other_lines_are_left_out_and_named() {
        let long = [b'1'; LINE_BYTES_MAX + 1];
        let (bytes, wrong) =
            encoded(&[b"eleven 22\n1 2\n\n1\n1 2 3\n", &long, &long, b"\n3 4\n\xff 1"]);
        assert_eq!(bytes, [request(1, 2), request(3, 4)].concat());
        let expected = "expected two numbers";
        assert_eq!(
            wrong,
            [
                format!("line 1: {expected}"),
                format!("line 3: {expected}"),
                format!("line 4: {expected}"),
                format!("line 5: {expected}"),
                "line 6: longer than 4096 bytes".to_owned(),
                format!("line 8: {expected}"),
            ]
        );
    }

    #[test]
    fn the_output_of_one_read_fits_into_half_a_buffer() {
        let bytes = read_bytes_max(WireFormat::Xdr);
        let mut outbound = Buffer::new();
        let mut encoder = Encoder::new(WireFormat::Xdr);
        drop(encoder.encode(b"12345678 1234567", &mut outbound));
        drop(encoder.encode(&b"1 2\n".repeat(bytes / 4), &mut outbound));
        drop(encoder.finish(&mut outbound));
        assert!(outbound.pending().len() <= HALF_BYTES, "{}", outbound.pending().len());
        let mut inbound = Buffer::new();
        let mut decoder = Decoder::new(WireFormat::Xdr);
        decoder.decode(&[0x80; 7], 0..7, &mut inbound);
        decoder.decode(&vec![0x80; bytes], 0..bytes, &mut inbound);
        assert!(inbound.pending().len() <= HALF_BYTES, "{}", inbound.pending().len());
    }

    #[test]
    fn replies_become_lines_however_they_are_cut() {
        let replies = [33_i64.to_be_bytes(), (-1_i64).to_be_bytes()].concat();
        for size in 1..=16 {
            let (mut decoder, mut inbound) = (Decoder::new(WireFormat::Xdr), Buffer::new());
            replies
                .chunks(size)
                .for_each(|piece| decoder.decode(piece, 0..piece.len(), &mut inbound));
            assert_eq!(inbound.pending(), b"33\n-1\n", "pieces of {size}");
        }
    }

    #[test]
    fn the_probes_reply_is_swallowed_and_no_other() {
        let text: [&[u8]; 4] = [b"err", b"or\none", b"\n\n", b"two\n"];
        let record = [&[0; 4], &[0; 4], 7_i64.to_be_bytes().as_slice()].map(<[u8]>::to_vec);
        let record: Vec<_> = record.iter().map(Vec::as_slice).collect();
        for (format, replies, expected) in
            [(WireFormat::Text, text.as_slice(), "one\n\ntwo\n"), (WireFormat::Xdr, &record, "7\n")]
        {
            let (mut decoder, mut inbound) = (Decoder::new(format), Buffer::new());
            decoder.probing = true;
            for reply in replies {
                decoder.decode(reply, 0..reply.len(), &mut inbound);
            }
            assert_eq!(inbound.pending(), expected.as_bytes());
            assert!(!decoder.probing);
        }
    }
}
