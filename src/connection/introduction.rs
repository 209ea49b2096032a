//! The introduction: who the peer is, as the proxy in front of us says (PROXY protocol).
//!
//! What comes is read behind what came before, until that is a whole header or can be none. What is
//! input then waits until the reactor, told by [`Served::Introduced`], has admitted the peer under
//! its real address: only then does [`Connection::begin`] answer it. So neither is anything echoed
//! to who is refused, nor does an echo come before a greeting. Nothing here is on the hot path.

use std::io;

use log::debug;

use crate::cause::Cause;
use crate::clock::Millis;
use crate::proxy::{self, Beginning, Demand};

use super::held::HeaderRest;
use super::{Connection, Lent, Phase, Ready, Served, Stream, length};

impl<S: Stream> Connection<S> {
    /// Reads once, and looks whether that is the rest of a header.
    #[cold]
    pub(super) fn introduce(&mut self, demand: Demand, lent: &mut Lent) -> io::Result<Served> {
        if self.ready.contains(Ready::READABLE) {
            let served = if lent.hands_over {
                self.hear_header_only(demand, lent)?
            } else {
                self.hear(demand, lent)?
            };
            if served != Served::Idle || self.phase != Phase::Introducing(demand) {
                return Ok(served);
            }
        }
        if lent.draining { self.wait_no_more(demand, lent) } else { Ok(Served::Idle) }
    }

    fn hear(&mut self, demand: Demand, lent: &mut Lent) -> io::Result<Served> {
        let before = self.held.as_ref().map_or(&[][..], |held| held.line.kept());
        let kept = before.len();
        let (front, room) = lent.read.room().split_at_mut(kept);
        front.copy_from_slice(before);
        match self.stream.read(room) {
            Ok(0) => self.left(demand),
            Ok(fresh) => {
                if fresh < room.len() && !self.ready.contains(Ready::TO_END) {
                    self.ready.remove(Ready::READABLE);
                }
                self.active = lent.now;
                self.judge(kept + fresh, demand, lent)
            }
            Err(error) => self.nothing_read(error).map(|()| self.rest()),
        }
    }

    /// What all that has come is, the first `count` bytes of the buffer.
    pub(super) fn judge(
        &mut self,
        count: usize,
        demand: Demand,
        lent: &mut Lent,
    ) -> io::Result<Served> {
        if let Some(rest) = self.header_rest() {
            return Ok(self.skip_header(rest, lent.read.fresh(0..count), lent.now));
        }
        let all = lent.read.fresh(0..count);
        match (proxy::read(all), demand) {
            (Beginning::Header { bytes, source }, _) => {
                if let Some(held) = &mut self.held {
                    held.line.take();
                }
                let rest = HeaderRest { bytes, client: source.map(Into::into) };
                Ok(self.skip_header(rest, all, lent.now))
            }
            (Beginning::Unfinished, _) => {
                self.keep(all, lent.now);
                Ok(self.rest())
            }
            (Beginning::Other, Demand::Optional) => {
                self.keep(all, lent.now);
                Ok(self.introduced())
            }
            (Beginning::Other, Demand::Required) => {
                debug!("protocol peer={} violation=\"no PROXY header\"", self.peer);
                self.held = None;
                self.tally.bytes_in += length(count);
                self.enter(Phase::Draining(Cause::Protocol));
                self.settle(lent)
            }
        }
    }

    /// Skips what these bytes have of a header that is known; with its end the client is the peer,
    /// and what follows is input.
    fn skip_header(&mut self, rest: HeaderRest, bytes: &[u8], now: Millis) -> Served {
        let (skipped, input) = bytes.split_at(rest.bytes.min(bytes.len()));
        let left = rest.bytes - skipped.len();
        if left > 0 {
            let held = self.held.get_or_insert_default();
            held.header = Some(HeaderRest { bytes: left, ..rest });
            held.line_since.get_or_insert(now);
            return self.rest();
        }
        if let Some(client) = rest.client {
            let via = std::mem::replace(&mut self.peer, client);
            debug!(peer:% = self.peer, via:%; "proxied");
        }
        self.held = None;
        self.keep(input, now);
        self.introduced()
    }

    /// What is still to be skipped of a header whose addresses have come.
    pub(super) fn header_rest(&self) -> Option<HeaderRest> {
        self.held.as_ref().and_then(|held| held.header)
    }

    /// The peer has sent FIN, or has broken off. Who has not said a word before only wanted to
    /// know whether somebody is here.
    pub(super) fn left(&mut self, demand: Demand) -> io::Result<Served> {
        self.own_up()?;
        match demand {
            _ if self.held.is_none() => Ok(self.end(Cause::Finished)),
            // The end is still there to be read, behind what was no header.
            Demand::Optional if self.header_rest().is_none() => Ok(self.introduced()),
            Demand::Optional | Demand::Required => {
                debug!("protocol peer={} violation=\"half a PROXY header\"", self.peer);
                // It is no input, so nothing is owed.
                self.held = None;
                Ok(self.end(Cause::Protocol))
            }
        }
    }

    /// The daemon is shutting down, and the socket is empty.
    fn wait_no_more(&mut self, demand: Demand, lent: &mut Lent) -> io::Result<Served> {
        if demand == Demand::Optional && self.header_rest().is_none() {
            return Ok(self.introduced());
        }
        // Half a header is no input, so nothing is owed.
        self.held = None;
        self.enter(Phase::Draining(Cause::Drained));
        self.settle(lent)
    }

    /// The peer is admitted: what was read before is answered.
    pub fn begin(&mut self, lent: &mut Lent) -> Served {
        self.answer_kept(lent).unwrap_or_else(|error| self.fail(&error))
    }

    fn answer_kept(&mut self, lent: &mut Lent) -> io::Result<Served> {
        let kept = self.held.as_mut().map(|held| held.line.take()).unwrap_or_default();
        if !kept.is_empty() {
            lent.read.room().split_at_mut(kept.len()).0.copy_from_slice(&kept);
            self.tally.bytes_in += length(kept.len());
            self.answer(kept.len(), lent)?;
        }
        if self.phase == Phase::Open { Ok(self.rest()) } else { self.go_on(lent) }
    }

    pub(super) fn introduced(&mut self) -> Served {
        self.enter(Phase::Open);
        Served::Introduced
    }

    /// Keeps `bytes`, and nothing else, until more come or they may be answered.
    fn keep(&mut self, bytes: &[u8], now: Millis) {
        if !bytes.is_empty() {
            let held = self.held.get_or_insert_default();
            held.line.replace(bytes);
            held.line_since.get_or_insert(now);
        }
    }
}
