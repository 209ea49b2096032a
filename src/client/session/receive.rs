//! Receives data from the server: replies, its greeting, unrequested data, and its FIN.

use crate::client::config::WireFormat;
use crate::client::flow::{Receiving, Sending};
use crate::client::greeting::{HOLD, speaks_first, unrequested};

use super::{Failure, FailureKind, Session, SessionEnd, errno, io, lines_missing, now};

impl Session<'_> {
    pub(super) fn receive(&mut self) {
        let read = rustix::io::read(self.socket, self.scratch.as_mut_slice());
        match read.map_err(io::Error::from) {
            Ok(0) => self.server_ended(),
            Ok(count) => self.received(count),
            Err(error) if errno::would_block(&error) || errno::is_interrupted(&error) => {}
            Err(error) => self.finish(SessionEnd::Error(error)),
        }
    }

    fn received(&mut self, count: usize) {
        let bytes = self.scratch.split_at(count).0;
        let first = self.ledger.is_new();
        let before = self.ledger.unrequested_bytes();
        let replies = self.ledger.received(bytes);
        self.timeouts.on_received(now());
        self.held_until = now().after(HOLD).min(self.held_at_most);
        if self.flow.sending == Sending::Awaiting {
            self.greeting.add(bytes);
            if self.greeting.is_endless() {
                self.close_stdout("the server's greeting does not end");
            }
            return;
        }
        let probing = self.decoder.probing;
        self.decoder.decode(bytes, replies, &mut self.flow.inbound);
        if probing && !self.decoder.probing {
            self.messages.note(|| "heartbeat answered".to_owned());
        }
        if self.ledger.unrequested_bytes() == before {
            return;
        }
        // Report unrequested data once, not in a flood.
        if !std::mem::replace(&mut self.unrequested_is_reported, true) {
            self.messages.note(|| if first { speaks_first(bytes) } else { unrequested(bytes) });
        }
        if self.config.format == WireFormat::Xdr {
            self.close_stdout("the server sent a reply to nothing");
        }
    }

    /// Ends the session because the server violates the protocol.
    fn close_stdout(&mut self, why: &str) {
        self.finish(SessionEnd::Short(Failure::new(
            FailureKind::Failed,
            format!("{why} ({})", self.ledger),
        )));
    }

    /// Handles the server's FIN; a premature one is a failure.
    fn server_ended(&mut self) {
        self.messages.note(|| "the server ended the connection".to_owned());
        let missing = match self.flow.sending {
            // The failed write is the cause, and is recorded.
            Sending::Broken => None,
            // After our end of input the server's FIN is in order, even before our own FIN.
            _ if self.flow.has_sent_everything() => {
                self.ledger.missing().map(|missing| format!(": {missing}"))
            }
            Sending::Awaiting if self.greeting.is_none() => Some(" before its greeting".to_owned()),
            Sending::Awaiting | Sending::Open | Sending::Flushing | Sending::HalfClosed => {
                Some(match self.ledger.outstanding() {
                    0 => " before the end of the input".to_owned(),
                    count => format!(" before the end of the input, {}", lines_missing(count)),
                })
            }
        };
        self.flow.receiving = Receiving::Ended;
        if let Some(missing) = missing {
            let details = format!("the server ended the connection{missing}");
            self.finish(SessionEnd::Short(Failure::new(FailureKind::Terminated, details)));
        }
    }
}
