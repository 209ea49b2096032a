//! Servers that send a greeting first.

use std::time::Duration;

use crate::num;

use super::timeouts::Waiting;

/// How long the first line is held back for a greeting, in addition to a round trip, and then for
/// the rest of the greeting: data received before the line is sent can't be its echo. Typing takes
/// longer anyway.
pub(super) const HOLD: Duration = Duration::from_millis(20);

/// The maximum delay of the first line.
pub(super) const HOLD_MAX: Duration = Duration::from_secs(1);

/// The maximum number of bytes from the server that a message quotes.
const SHOWN_BYTES_MAX: usize = 60;

/// The longest greeting to skip, in bytes; longer data is not a greeting.
const BYTES_MAX: u64 = 1 << 20;

/// The greeting that `--skip-greeting` skips.
///
/// It ends with a line after which nothing is received for a moment, or in mid-line when nothing is
/// received for longer ([`Waiting`]).
#[derive(Clone, Debug, Default)]
pub(super) struct Greeting {
    bytes: u64,
    begins: Vec<u8>,
    ends_line: bool,
}

impl Greeting {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes += num::to_u64(bytes.len());
        let room = SHOWN_BYTES_MAX + 1 - self.begins.len();
        self.begins.extend(bytes.iter().take(room));
        self.ends_line = bytes.last() == Some(&b'\n');
    }

    /// The event to wait for.
    pub(super) const fn standing(&self) -> Waiting {
        match (self.bytes, self.ends_line) {
            (0, _) => Waiting::ForGreeting,
            (_, true) => Waiting::ForGreetingRest,
            (_, false) => Waiting::ForGreetingEnd,
        }
    }

    /// True if nothing has been received.
    pub(super) const fn is_none(&self) -> bool {
        self.bytes == 0
    }

    /// The message about the skipped greeting.
    pub(super) fn skipped(&self) -> String {
        format!("the server speaks first: {}, skipped", quoted(&self.begins))
    }

    /// True if this is too long for a greeting.
    pub(super) const fn is_endless(&self) -> bool {
        self.bytes > BYTES_MAX
    }
}

/// The message about data received before the first line was sent.
pub(super) fn speaks_first(bytes: &[u8]) -> String {
    format!("the server speaks first: {}; --skip-greeting skips a greeting", quoted(bytes))
}

/// The message about data that no line requested.
pub(super) fn unrequested(bytes: &[u8]) -> String {
    format!("no echo was due, and {} came", quoted(bytes))
}

/// The initial delay of the first line; `connecting` is the duration of the connect, a round trip.
pub(super) fn hold(connecting: Duration) -> Duration {
    connecting.saturating_add(HOLD).min(HOLD_MAX)
}

/// Quotes bytes as in source code, truncated if long.
fn quoted(bytes: &[u8]) -> String {
    match bytes.split_at_checked(SHOWN_BYTES_MAX) {
        Some((begins, [_, ..])) => format!("\"{}...\"", begins.escape_ascii()),
        _ => format!("\"{}\"", bytes.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_until_a_line_has_ended_and_is_shown_in_one() {
        let mut greeting = Greeting::default();
        assert_eq!(greeting.standing(), Waiting::ForGreeting);
        greeting.add(b"220 mail");
        assert_eq!(greeting.standing(), Waiting::ForGreetingEnd);
        greeting.add(b".example.org\r\n");
        assert_eq!(greeting.standing(), Waiting::ForGreetingRest);
        assert_eq!(
            greeting.skipped(),
            "the server speaks first: \"220 mail.example.org\\r\\n\", skipped"
        );
        greeting.add(&[b'x'; 100]);
        assert!(greeting.skipped().ends_with("xxx...\", skipped"), "{}", greeting.skipped());
        assert!(!greeting.is_endless());
        greeting.add(&vec![b'x'; 1 << 20]);
        assert!(greeting.is_endless());
    }

    #[test]
    fn a_server_far_away_has_a_round_trip_more_to_speak_first() {
        assert_eq!(hold(Duration::ZERO), HOLD);
        assert_eq!(hold(Duration::from_millis(100)), Duration::from_millis(120));
        assert_eq!(hold(Duration::MAX), HOLD_MAX);
    }

    #[test]
    fn unrequested_data_is_reported() {
        let first = "the server speaks first: \"hi\\n\"; --skip-greeting skips a greeting";
        assert_eq!(speaks_first(b"hi\n"), first);
        assert_eq!(unrequested(b"bye"), "no echo was due, and \"bye\" came");
    }
}
