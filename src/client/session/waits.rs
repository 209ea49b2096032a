//! The timeouts of a session, and the action when one expires.

use crate::client::codec::probe;
use crate::client::flow::Sending;
use crate::client::timeouts::{Expiry, Waiting};

use super::{Failure, FailureKind, Session, SessionEnd, lines_missing, now};

impl Session<'_> {
    /// Checks the timeouts. Reads and writes the socket again before one expires: this process may
    /// have been stopped since the poll, or a signal may have ended the poll.
    pub(super) fn expire(&mut self) {
        self.timeouts.update(self.waiting(), now());
        if !self.timeouts.is_over(now()) {
            return;
        }
        if self.flow.receives() {
            self.receive();
        }
        if self.flow.sends() {
            self.send();
        }
        self.timeouts.update(self.waiting(), now());
        if let Some(expiry) = self.timeouts.expired(now()) {
            self.act(expiry);
        }
    }

    /// The event to wait for.
    fn waiting(&self) -> Waiting {
        if !self.flow.receives() || self.flow.held {
            return Waiting::Busy;
        }
        match self.flow.sending {
            Sending::Awaiting => self.greeting.standing(),
            _ if self.decoder.probing && self.ledger.outstanding() > 0 => Waiting::ForProbe,
            // After our FIN the server still has to send its own.
            Sending::HalfClosed => Waiting::ForEcho,
            _ if self.ledger.outstanding() > 0 => Waiting::ForEcho,
            Sending::Open if self.flow.outbound.is_empty() && self.ledger.at_boundary() => {
                Waiting::Nothing
            }
            Sending::Open | Sending::Flushing if !self.flow.outbound.is_empty() => Waiting::ToSend,
            Sending::Open | Sending::Flushing | Sending::Broken => Waiting::Busy,
        }
    }

    fn act(&mut self, expiry: Expiry) {
        let for_how_long = humantime::format_duration;
        let details = match expiry {
            Expiry::Greeted => return self.begin(),
            Expiry::Probe => return self.probe(),
            Expiry::Untaken(wait) => format!("the server took nothing for {}", for_how_long(wait)),
            Expiry::ProbeUnanswered(wait) => {
                format!("heartbeat unanswered for {}", for_how_long(wait))
            }
            Expiry::Unanswered(wait) => {
                let missing = match self.ledger.outstanding() {
                    0 if self.flow.sending == Sending::Awaiting => {
                        "the server's greeting is missing".to_owned()
                    }
                    0 => "the server has not closed the connection".to_owned(),
                    count => lines_missing(count),
                };
                format!("nothing came back for {}, {missing}", for_how_long(wait))
            }
        };
        self.finish(SessionEnd::Short(Failure::new(FailureKind::TimedOut, details)));
    }

    /// Starts sending lines after the greeting.
    fn begin(&mut self) {
        self.ledger.greeted();
        self.flow.sending = Sending::Open;
        self.messages.note(|| self.greeting.skipped());
    }

    fn probe(&mut self) {
        self.flow.outbound.append(probe(self.config.format));
        self.decoder.probing = true;
        self.timeouts.on_probe_sent(now());
        self.messages.note(|| "heartbeat sent".to_owned());
    }
}
