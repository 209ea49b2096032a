//! A peer: the steps it can take, one at a time, and how it ends its connection.

use fastrand::Rng;
use rustix::io::Errno;
use tcpecho::connection::Ready;

use super::wire::{Seen, Wire};

/// How a peer ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Sends FIN as soon as all input is sent.
    HalfClose,
    /// Sends FIN after the whole reply has come back.
    Patient,
    /// Sends RST after this many bytes.
    Reset(usize),
    /// Its process exits after this many bytes, with or without a reply.
    Leave(usize),
    /// Stays connected and silent.
    Stay,
}

/// When a peer reads the replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Always.
    Always,
    /// Only in the calm phase.
    Never,
    /// After sending this many bytes.
    After(usize),
}

/// How all peers behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Each follows its own settings, in small steps.
    Own,
    /// Faults have stopped: each peer completes all possible steps at once, and closes in order.
    Calm,
}

/// A step of a peer or of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Connect,
    Send,
    Carry,
    Take,
    Finish,
    Reset,
    Leave,
    /// A reply reaches a peer whose process has exited: RST goes back.
    Bounce,
    /// The peer sees the daemon's FIN or RST.
    See,
}

impl Act {
    pub(super) const ALL: [Self; 9] = [
        Self::Connect,
        Self::Send,
        Self::Carry,
        Self::Take,
        Self::Finish,
        Self::Reset,
        Self::Leave,
        Self::Bounce,
        Self::See,
    ];
}

/// A peer.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Peer {
    /// The listener it connects to; None means the admin listener.
    pub(super) listener: Option<usize>,
    pub(super) ending: Ending,
    pub(super) reads: Reads,
    /// Bytes sent at once, and bytes read at once.
    pub(super) burst: usize,
    pub(super) sip: usize,
    /// Keeps sending after it has seen the daemon's FIN.
    pub(super) deaf: bool,
    /// The peer has connected; the daemon has accepted it.
    pub(super) connected: bool,
    pub(super) accepted: bool,
    /// No listener was open.
    pub(super) refused: bool,
    /// The peer has closed its socket.
    pub(super) gone: bool,
    /// A fault or a rejection ended the connection in the accept queue.
    pub(super) lost: bool,
}

impl Peer {
    /// True if the peer can take that step now; in the calm phase, no peer resets or leaves.
    pub(super) fn can(&self, act: Act, wire: &Wire, mood: Mood) -> bool {
        if act == Act::Connect {
            return !self.connected;
        }
        if !self.connected || self.refused || self.lost {
            return false;
        }
        let in_transit = !wire.reset_sent && !wire.dead && wire.written > wire.carried;
        if self.gone {
            return act == Act::Bounce && in_transit;
        }
        if wire.dead || wire.seen == Seen::Reset {
            return false;
        }
        let all_sent = wire.sent == wire.talk.input.len();
        let sends = !wire.fin && !wire.reset_sent && (self.deaf || wire.seen == Seen::Nothing);
        match act {
            Act::Send => sends && !all_sent && wire.sent - wire.read < wire.sizes.receive,
            Act::Carry => in_transit && wire.carried - wire.taken < wire.sizes.window,
            Act::Take => self.takes(wire, mood) && wire.carried > wire.taken,
            Act::Finish => !wire.fin && self.finishes(wire, mood),
            Act::Reset => {
                mood == Mood::Own && matches!(self.ending, Ending::Reset(at) if wire.sent >= at)
            }
            Act::Leave => {
                mood == Mood::Own && matches!(self.ending, Ending::Leave(at) if wire.sent >= at)
            }
            Act::See => {
                let news = wire.seen == Seen::Nothing || wire.reset_sent;
                news && wire.taken == wire.carried && ended(wire)
            }
            Act::Connect | Act::Bounce => false,
        }
    }

    fn takes(&self, wire: &Wire, mood: Mood) -> bool {
        match self.reads {
            Reads::Always => true,
            Reads::Never => mood == Mood::Calm,
            Reads::After(bytes) => mood == Mood::Calm || wire.sent >= bytes || wire.fin,
        }
    }

    fn finishes(&self, wire: &Wire, mood: Mood) -> bool {
        let calm = mood == Mood::Calm;
        let all_sent = wire.sent == wire.talk.input.len();
        if wire.seen == Seen::Fin && (!self.deaf || all_sent) {
            return true;
        }
        match self.ending {
            Ending::HalfClose => all_sent,
            Ending::Patient => all_sent && (calm || wire.taken >= wire.talk.reply.len()),
            Ending::Reset(_) | Ending::Leave(_) | Ending::Stay => calm && all_sent,
        }
    }

    /// Takes the step; [`Act::Connect`] is up to the network.
    pub(super) fn act(&mut self, act: Act, wire: &mut Wire, rng: &mut Rng, mood: Mood) {
        match act {
            Act::Connect => {}
            Act::Send => self.send(wire, rng, mood),
            Act::Carry => {
                let window = wire.sizes.window - (wire.carried - wire.taken);
                let most = (wire.written - wire.carried).min(window);
                wire.carry(some(rng, mood, most, most));
            }
            Act::Take => {
                let there = wire.carried - wire.taken;
                wire.taken += some(rng, mood, there, self.sip);
            }
            Act::Finish => wire.arrive_fin(),
            Act::Reset => {
                self.gone = true;
                wire.break_off(Errno::CONNRESET);
            }
            Act::Leave => {
                self.gone = true;
                if wire.carried > wire.taken {
                    wire.break_off(Errno::CONNRESET);
                } else if !wire.fin {
                    wire.arrive_fin();
                }
            }
            Act::Bounce => wire.break_off(Errno::CONNRESET),
            Act::See => wire.seen = if wire.reset_sent { Seen::Reset } else { Seen::Fin },
        }
    }

    fn send(&self, wire: &mut Wire, rng: &mut Rng, mood: Mood) {
        if wire.closed {
            // The socket is closed: RST comes back.
            wire.reset();
            return;
        }
        let room = wire.sizes.receive - (wire.sent - wire.read);
        let most = (wire.talk.input.len() - wire.sent).min(room);
        wire.arrive(some(rng, mood, most, self.burst));
    }

    /// Marks the next byte to be sent as urgent.
    pub(super) fn signal(wire: &mut Wire) {
        wire.mark = Some(wire.sent);
        wire.edges.insert(Ready::READ_TO_EAGAIN);
    }

    /// True if the daemon accepted it as a connection; admin connections do not count.
    pub(super) const fn is_counted(&self) -> bool {
        self.accepted && self.listener.is_some()
    }

    /// True if the peer can take no further step.
    pub(super) const fn is_over(&self, wire: &Wire) -> bool {
        self.refused
            || self.lost
            || (self.gone && !self.is_bouncing(wire))
            || wire.dead
            || matches!(wire.seen, Seen::Reset)
            || (matches!(wire.seen, Seen::Fin) && wire.fin)
    }

    const fn is_bouncing(&self, wire: &Wire) -> bool {
        self.gone && !wire.dead && !wire.reset_sent && wire.written > wire.carried
    }
}

/// Bytes to move at once: a random number up to `usual`, or all.
fn some(rng: &mut Rng, mood: Mood, all: usize, usual: usize) -> usize {
    match mood {
        Mood::Own => rng.usize(1..=all.min(usual)),
        Mood::Calm => all,
    }
}

/// True if the delivered bytes are the last.
const fn ended(wire: &Wire) -> bool {
    let fin = wire.half_closed.is_some() || wire.closed;
    wire.reset_sent || (fin && wire.written == wire.carried)
}
