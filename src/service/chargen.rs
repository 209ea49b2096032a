//! chargen: sends characters for as long as the peer takes them, and discards its input (RFC 864).

use super::{Reply, Service};

/// Sends lines of printable characters until the peer closes.
pub const SERVICE: Service = Service {
    name: "chargen",
    about: "Send lines of characters until the peer closes, and discard all input (RFC 864)",
    reply: Reply::Stream(&PATTERN),
};

/// The printable characters of ASCII, from the space to the tilde.
const CHARACTERS: usize = 95;

/// The characters of a line, then CR and LF. Each line begins one character later than the last.
const SHOWN: usize = 72;
const LINE: usize = SHOWN + 2;

/// The pattern of RFC 864, once: a line for each character to begin with.
static PATTERN: [u8; CHARACTERS * LINE] = pattern();

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "computed by the compiler, which checks it"
)]
const fn pattern() -> [u8; CHARACTERS * LINE] {
    let mut all = [0; CHARACTERS * LINE];
    let mut place = 0;
    while place < all.len() {
        let (line, column) = (place / LINE, place % LINE);
        all[place] = match column {
            SHOWN => b'\r',
            column if column > SHOWN => b'\n',
            _ => b' ' + ((line + column) % CHARACTERS) as u8,
        };
        place += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_72_characters_and_begins_one_later() {
        let lines: Vec<_> = PATTERN.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), 95);
        // The first two lines of the example in RFC 864, after the line that begins with a space.
        let shown = |line: &[u8]| String::from_utf8(line.to_vec()).unwrap();
        assert_eq!(
            shown(lines[1]),
            "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n"
        );
        assert_eq!(shown(lines[94]).chars().take(3).collect::<String>(), "~ !");
        for (number, line) in lines.iter().enumerate() {
            assert_eq!((line.len(), line[0]), (74, b' ' + u8::try_from(number).unwrap()));
        }
    }
}
