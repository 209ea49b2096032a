//! The state of both directions, and the events to poll for.

use rustix::event::PollFlags;

use super::buffer::Buffer;

/// The direction from standard input to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// The server's greeting is expected first; standard input is not read.
    Awaiting,
    /// Standard input is read and sent.
    Open,
    /// Standard input has ended; the rest of it is being sent.
    Flushing,
    /// FIN has been sent.
    HalfClosed,
    /// A write has failed; data that the server sent before may still be readable.
    Broken,
}

/// The direction from the server to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiving {
    /// The socket is read, and its data written to standard output.
    Open,
    /// The server has ended the connection, orderly or not; the rest is being written.
    Ended,
    /// Standard output has lost its reader.
    StdoutClosed,
}

/// Both directions, and the data in transit in each.
#[derive(Debug)]
pub(super) struct Flow {
    pub sending: Sending,
    pub receiving: Receiving,
    /// Sending is suspended, because the server may send a greeting first.
    pub held: bool,
    pub outbound: Buffer,
    pub inbound: Buffer,
}

/// The events to poll for. A descriptor without events is left out, because poll reports hang-ups
/// and errors unrequested, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wants {
    pub input: PollFlags,
    pub socket: PollFlags,
    /// Standard output is always polled: the loss of its reader ends the program.
    pub output: PollFlags,
}

impl Flow {
    pub(super) fn new(sending: Sending) -> Self {
        Self {
            sending,
            receiving: Receiving::Open,
            held: false,
            outbound: Buffer::new(),
            inbound: Buffer::new(),
        }
    }

    /// Returns the events to poll for. They are computed on each call and never stored, so they
    /// can't be out of date.
    pub(super) fn wants(&self) -> Wants {
        let when = |wanted, flags| if wanted { flags } else { PollFlags::empty() };
        Wants {
            input: when(self.reads_input(), PollFlags::IN),
            socket: when(self.receives(), PollFlags::IN) | when(self.sends(), PollFlags::OUT),
            output: when(!self.inbound.is_empty(), PollFlags::OUT),
        }
    }

    /// True if standard input may be read: only while the server takes the earlier input.
    fn reads_input(&self) -> bool {
        self.receiving == Receiving::Open
            && self.sending == Sending::Open
            && self.outbound.has_room()
    }

    /// True if the socket may be read: only while standard output takes the earlier data.
    pub(super) fn receives(&self) -> bool {
        self.receiving == Receiving::Open && self.inbound.has_room()
    }

    pub(super) fn sends(&self) -> bool {
        self.receiving == Receiving::Open && !self.held && !self.outbound.is_empty()
    }

    /// True if the input has ended and the kernel has taken all of it.
    pub(super) fn has_sent_everything(&self) -> bool {
        self.sending == Sending::HalfClosed || self.may_half_close()
    }

    /// True if FIN may be sent.
    pub(super) fn may_half_close(&self) -> bool {
        self.sending == Sending::Flushing && self.outbound.is_empty()
    }

    /// Ends sending after a failed write.
    pub(super) fn broken(&mut self) {
        self.sending = Sending::Broken;
        self.outbound.clear();
    }

    /// True if nothing is left to do.
    pub(super) fn is_done(&self) -> bool {
        match self.receiving {
            Receiving::Open => false,
            Receiving::Ended => self.inbound.is_empty(),
            Receiving::StdoutClosed => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::buffer::HALF_BYTES;
    use super::*;

    const NONE: PollFlags = PollFlags::empty();
    const IN: PollFlags = PollFlags::IN;
    const OUT: PollFlags = PollFlags::OUT;

    fn flow(sending: Sending, receiving: Receiving, outbound: usize, inbound: usize) -> Flow {
        let mut flow = Flow { receiving, ..Flow::new(sending) };
        flow.outbound.append(&vec![0; outbound]);
        flow.inbound.append(&vec![0; inbound]);
        flow
    }

    #[test]
    fn the_events_to_wait_for_follow_from_the_state() {
        use Receiving::{Ended, Open};
        use Sending::{Awaiting, Broken, Flushing, HalfClosed};
        let full = HALF_BYTES + 1;
        let table = [
            (flow(Sending::Open, Open, 0, 0), (IN, IN, NONE)),
            (flow(Sending::Open, Open, 1, 1), (IN, IN | OUT, OUT)),
            (flow(Sending::Open, Open, full, 0), (NONE, IN | OUT, NONE)),
            (flow(Sending::Open, Open, 0, full), (IN, NONE, OUT)),
            (flow(Sending::Open, Open, full, full), (NONE, OUT, OUT)),
            (flow(Flushing, Open, 1, 0), (NONE, IN | OUT, NONE)),
            (flow(HalfClosed, Open, 0, 0), (NONE, IN, NONE)),
            (flow(Broken, Open, 0, 1), (NONE, IN, OUT)),
            (flow(Sending::Open, Ended, 1, 1), (NONE, NONE, OUT)),
            (flow(Awaiting, Open, 0, 0), (NONE, IN, NONE)),
        ];
        for (flow, (input, socket, output)) in table {
            assert_eq!(flow.wants(), Wants { input, socket, output }, "{flow:?}");
            assert!(!flow.is_done(), "something is waited for: {flow:?}");
        }
        let held = Flow { held: true, ..flow(Sending::Open, Open, 1, 0) };
        assert_eq!(held.wants(), Wants { input: IN, socket: IN, output: NONE });
    }

    #[test]
    fn fin_is_sent_when_everything_is() {
        assert!(!flow(Sending::Open, Receiving::Open, 0, 0).may_half_close());
        assert!(!flow(Sending::Flushing, Receiving::Open, 1, 0).may_half_close());
        assert!(flow(Sending::Flushing, Receiving::Open, 0, 1).may_half_close());
        assert!(!flow(Sending::HalfClosed, Receiving::Open, 0, 0).may_half_close(), "once");
    }

    #[test]
    fn it_is_done_when_the_server_is_and_all_is_written_out() {
        assert!(!flow(Sending::HalfClosed, Receiving::Ended, 0, 1).is_done());
        assert!(flow(Sending::HalfClosed, Receiving::Ended, 0, 0).is_done());
        assert!(flow(Sending::Open, Receiving::StdoutClosed, 1, 1).is_done());
    }
}
