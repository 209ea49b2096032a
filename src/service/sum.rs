//! sum: two numbers in a line of text, their sum in another (UNIX Network Programming, section
//! 5.18, "passing text strings between client and server").

use std::io::Write;
use std::str;

use super::{Reply, Service};

/// Adds the two numbers of each line.
pub const SERVICE: Service = Service {
    name: "sum",
    about: "Answer a line of two signed 64-bit numbers with their sum",
    reply: Reply::Line(sum),
};

fn sum(line: &[u8], reply: &mut Vec<u8>) {
    let written = match add(line) {
        Ok(sum) => writeln!(reply, "{sum}"),
        Err(wrong) => writeln!(reply, "error: {wrong}"),
    };
    debug_assert!(written.is_ok(), "a Vec takes everything");
}

/// Returns the sum of the two numbers in `line`, or the error to report.
///
/// The texts do not quote the input: it may be anything, of any length.
fn add(line: &[u8]) -> Result<i64, &'static str> {
    let line = str::from_utf8(line).or(Err("this line is not text"))?;
    let mut words = line.split_ascii_whitespace();
    let (Some(first), Some(second)) = (words.next(), words.next()) else {
        return Err("expected two numbers, found fewer");
    };
    if words.next().is_some() {
        return Err("expected two numbers, found more");
    }
    number(first)?.checked_add(number(second)?).ok_or("the sum does not fit into 64 bits")
}

fn number(word: &str) -> Result<i64, &'static str> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    word.parse::<i64>().map_err(|error| {
        if matches!(error.kind(), PosOverflow | NegOverflow) {
            "a number does not fit into 64 bits"
        } else {
            "expected two numbers, found a word that is none"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::REPLY_BYTES_MAX;

    fn reply(line: &str) -> String {
        let mut reply = Vec::new();
        sum(line.as_bytes(), &mut reply);
        assert!(reply.len() <= line.len() + REPLY_BYTES_MAX);
        String::from_utf8(reply).unwrap()
    }

    #[test]
    fn two_numbers_give_their_sum() {
        assert_eq!(reply("11 22"), "33\n");
        assert_eq!(reply("-11 +22"), "11\n");
        assert_eq!(reply("\t1   2\r"), "3\n");
        assert_eq!(reply("9223372036854775807 -1"), "9223372036854775806\n");
        assert_eq!(reply("-9223372036854775808 0"), "-9223372036854775808\n");
    }

    #[test]
    fn anything_else_gives_one_line_that_says_why() {
        assert_eq!(reply(""), "error: expected two numbers, found fewer\n");
        assert_eq!(reply("11"), "error: expected two numbers, found fewer\n");
        assert_eq!(reply("1 2 3"), "error: expected two numbers, found more\n");
        assert_eq!(reply("eleven 22"), "error: expected two numbers, found a word that is none\n");
        assert_eq!(reply("9223372036854775808 1"), "error: a number does not fit into 64 bits\n");
        assert_eq!(
            reply("9223372036854775807 1"),
            "error: the sum does not fit into 64 bits\n",
            "the sum must be checked, not wrapped"
        );
        let mut not_text = Vec::new();
        sum(&[0xff, b' ', b'1'], &mut not_text);
        assert_eq!(not_text, b"error: this line is not text\n");
    }
}
