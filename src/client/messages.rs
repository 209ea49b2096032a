//! The client's own messages: plain lines on standard error.

use std::io::{self, Write};

/// Prints messages of the client; standard output is for the server's data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Messages {
    /// Whether `-v` is given.
    pub verbose: bool,
}

impl Messages {
    /// Prints a message only with `-v`.
    pub(super) fn note(self, text: impl FnOnce() -> String) {
        if self.verbose {
            self.warn(&text());
        }
    }

    /// Prints a message.
    #[expect(clippy::unused_self, reason = "all messages go through a value of this type")]
    pub(super) fn warn(self, text: &str) {
        // One write, so that no other program's line comes in between; the loss of standard error
        // does not end the client.
        drop(io::stderr().write_all(format!("tcpecho: {text}\n").as_bytes()));
    }
}
