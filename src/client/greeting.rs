//! A server that speaks first.

use std::time::Duration;

use super::timeouts::Waiting;

/// How long the first line waits for a server that speaks first, besides the time of a round trip,
/// and then for the rest of what it says: what comes before the line is sent is known to be no
/// echo. People who type take longer anyway.
pub(super) const HOLD: Duration = Duration::from_millis(20);

/// How long it waits in all.
pub(super) const HOLD_MAX: Duration = Duration::from_secs(1);

/// How many bytes are shown of what the server said.
const SHOWN_BYTES_MAX: usize = 60;

/// The longest greeting that is skipped, in bytes: a server that sends more never ends one.
const BYTES_MAX: u64 = 1 << 20;

/// The greeting that `--skip-greeting` skips.
///
/// It ends with a line that nothing follows for a moment, or without one, when nothing follows for
/// longer ([`Waiting`]).
#[derive(Clone, Debug, Default)]
pub(super) struct Greeting {
    bytes: u64,
    begins: Vec<u8>,
    ends_line: bool,
}

impl Greeting {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let room = SHOWN_BYTES_MAX + 1 - self.begins.len();
        self.begins.extend(bytes.iter().take(room));
        self.ends_line = bytes.last() == Some(&b'\n');
    }

    /// What silence would mean now.
    pub(super) const fn standing(&self) -> Waiting {
        match (self.bytes, self.ends_line) {
            (0, _) => Waiting::ForGreeting,
            (_, true) => Waiting::ForGreetingRest,
            (_, false) => Waiting::ForGreetingEnd,
        }
    }

    /// True if nothing of it has come.
    pub(super) const fn is_none(&self) -> bool {
        self.bytes == 0
    }

    /// What the user is told of it.
    pub(super) fn skipped(&self) -> String {
        format!("the server speaks first: {}, skipped", quoted(&self.begins))
    }

    /// True if it is too long to be one.
    pub(super) const fn is_endless(&self) -> bool {
        self.bytes > BYTES_MAX
    }
}

/// What the user is told of bytes that came before the first line was sent.
pub(super) fn speaks_first(bytes: &[u8]) -> String {
    format!("the server speaks first: {}; --skip-greeting skips a greeting", quoted(bytes))
}

/// What the user is told of bytes that nothing had asked for.
pub(super) fn unasked(bytes: &[u8]) -> String {
    format!("nothing was owed, and {} came", quoted(bytes))
}

/// How long the first line waits at first where connecting took that long, which was a round trip.
pub(super) fn hold(connecting: Duration) -> Duration {
    connecting.saturating_add(HOLD).min(HOLD_MAX)
}

/// As it is written in a program, and cut where it is long.
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
    fn what_nothing_asked_for_is_told() {
        let first = "the server speaks first: \"hi\\n\"; --skip-greeting skips a greeting";
        assert_eq!(speaks_first(b"hi\n"), first);
        assert_eq!(unasked(b"bye"), "nothing was owed, and \"bye\" came");
    }
}
