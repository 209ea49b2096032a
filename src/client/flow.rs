//! Which way bytes may go: the state of both directions, and what is waited for because of it.

use rustix::event::PollFlags;

use super::buffer::Buffer;

/// The direction from standard input to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// The server's greeting comes first; standard input is not read.
    Awaiting,
    /// Standard input is read and sent.
    Open,
    /// Standard input has ended; the rest of it is being sent.
    Flushing,
    /// FIN is sent.
    HalfClosed,
    /// A write has failed; what the server had sent before that may still be there to read.
    Broken,
}

/// The direction from the server to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiving {
    /// The socket is read and written out.
    Open,
    /// The server has ended, in whatever way; the rest is being written out.
    Ended,
    /// Nobody reads standard output any more.
    StdoutClosed,
}

/// Both directions, and what is on its way in each.
#[derive(Debug)]
pub(super) struct Flow {
    pub sending: Sending,
    pub receiving: Receiving,
    /// Nothing is sent yet: the server may want to speak first.
    pub held: bool,
    pub outbound: Buffer,
    pub inbound: Buffer,
}

/// What poll is to wait for. Nothing for a descriptor means not even to look at it: poll tells of
/// hang-ups and errors unasked, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wants {
    pub input: PollFlags,
    pub socket: PollFlags,
    /// Standard output is looked at in any case: that nobody reads it any more ends the program.
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

    /// What is waited for in this state. It is worked out anew each time and never stored, so it
    /// can't be out of date.
    pub(super) fn wants(&self) -> Wants {
        let when = |wanted, flags| if wanted { flags } else { PollFlags::empty() };
        Wants {
            input: when(self.reads_input(), PollFlags::IN),
            socket: when(self.receives(), PollFlags::IN) | when(self.sends(), PollFlags::OUT),
            output: when(!self.inbound.is_empty(), PollFlags::OUT),
        }
    }

    /// Standard input is read only when the server takes what was read before.
    fn reads_input(&self) -> bool {
        self.receiving == Receiving::Open
            && self.sending == Sending::Open
            && self.outbound.has_room()
    }

    /// The socket is read only when standard output takes what was read before.
    pub(super) fn receives(&self) -> bool {
        self.receiving == Receiving::Open && self.inbound.has_room()
    }

    pub(super) fn sends(&self) -> bool {
        self.receiving == Receiving::Open && !self.held && !self.outbound.is_empty()
    }

    /// True if the input has ended and all of it is with the kernel.
    pub(super) fn has_sent_everything(&self) -> bool {
        self.sending == Sending::HalfClosed || self.may_half_close()
    }

    /// True when FIN is to be sent.
    pub(super) fn may_half_close(&self) -> bool {
        self.sending == Sending::Flushing && self.outbound.is_empty()
    }

    /// A write has failed: nothing can be sent any more.
    pub(super) fn broken(&mut self) {
        self.sending = Sending::Broken;
        self.outbound.clear();
    }

    /// Nothing is left to do.
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
    fn what_is_waited_for_follows_from_the_state() {
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
