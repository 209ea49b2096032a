//! Properties of any input, checked with random input. The functions are those of `make fuzz`,
//! which searches for longer and more cleverly.

#![cfg(test)]

#[path = "fuzz/src/streams.rs"]
mod streams;
#[expect(unreachable_pub, reason = "public for the fuzzer")]
#[path = "fuzz/src/talks.rs"]
mod talks;
#[expect(unreachable_pub, reason = "public for the fuzzer")]
#[path = "fuzz/src/texts.rs"]
mod texts;

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;

/// Words of the formats, so that random input gets past the first check.
const WORDS: [&str; 28] = [
    "\n",
    "\r\n",
    "\r\n\r\n",
    " ",
    "1",
    "-9",
    "12 34\n",
    "\nprobe ",
    "later 5 x\n",
    "pause 9\n",
    "close\n",
    "PROXY ",
    "TCP4 ",
    "TCP6 ",
    "UNKNOWN",
    "192.0.2.1 ",
    "\r\n\r\n\0\r\nQUIT\n",
    "GET ",
    "HEAD /healthz",
    " HTTP/1.1\r\n",
    "Host: x\r\n",
    "\0--listen\0",
    "\0-c\0",
    "127.0.0.1:0",
    "10s",
    "p99",
    ">",
    "5ms",
];

fn input() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec());
    let piece = prop_oneof![3 => word, 1 => vec(any::<u8>(), 0..40)];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Runs `judge` on every seed of the fuzz target.
fn seeds(target: &str, judge: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(target);
    let entries: Vec<_> = fs::read_dir(&folder).unwrap().collect();
    assert!(!entries.is_empty(), "{} has no seed", folder.display());
    for entry in entries {
        judge(&fs::read(entry.unwrap().path()).unwrap());
    }
}

#[test]
fn the_seeds_of_every_target_pass() {
    seeds("lines", talks::lines);
    seeds("records", talks::records);
    seeds("http", talks::http);
    seeds("probe", talks::probe);
    seeds("proxy", texts::proxy);
    seeds("commands", texts::commands);
    seeds("criteria", texts::criteria);
}

proptest! {
    #[test]
    fn lines_of_any_bytes_come_back(input in input()) {
        talks::lines(&input);
    }

    #[test]
    fn records_are_answered_up_to_the_first_protocol_error(
        seed: u8,
        records in vec(any::<(i64, i32)>(), 0..40),
        rest in vec(any::<u8>(), 0..20),
    ) {
        let records = records.iter().flat_map(|(one, other)| {
            [one.to_be_bytes(), i64::from(*other).to_be_bytes()].concat()
        });
        let input: Vec<_> = [seed].into_iter().chain(records).chain(rest).collect();
        talks::records(&input);
    }

    #[test]
    fn the_service_probe_ends_in_the_same_way_for_any_pieces(input in input()) {
        talks::probe(&input);
    }

    #[test]
    fn an_http_answer_is_the_same_for_any_pieces_of_the_request(input in input()) {
        talks::http(&input);
    }

    #[test]
    fn a_proxy_header_is_found_before_any_input(input in input()) {
        texts::proxy(&input);
    }

    #[test]
    fn a_command_line_is_parsed_or_rejected(input in input()) {
        texts::commands(&input);
    }

    #[test]
    fn a_printed_threshold_is_parsed_to_the_same(input in input()) {
        texts::criteria(&input);
    }
}
