//! What the client says while it runs: plain lines on standard error.

use std::io::{self, Write};

/// The client's own voice; standard output belongs to the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages {
    /// Whether it says what only `-v` asks for.
    pub verbose: bool,
}

impl Messages {
    /// Says what only `-v` asks for.
    pub(super) fn note(self, text: impl FnOnce() -> String) {
        if self.verbose {
            self.warn(&text());
        }
    }

    /// Says what the user has to know.
    #[expect(clippy::unused_self, reason = "it takes a voice to speak")]
    pub(super) fn warn(self, text: &str) {
        // In one piece, so that no other program's line comes in between; and a standard error
        // that is gone is no reason to end.
        drop(io::stderr().write_all(format!("tcpecho: {text}\n").as_bytes()));
    }
}
