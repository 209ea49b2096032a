//! How a connection ends: as planned, or because the server ended first.

use std::io::ErrorKind;

use crate::client::Word;
use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::reactor::DialedStream;

use super::super::config::Close;
use super::super::payload::drawn;
use super::super::plan::End;
use super::super::trouble::{Trouble, Where};
use super::{Exchange, Lent, Phase, Served, Supply};

impl<S: DialedStream> Exchange<S> {
    /// True if it has done what is planned before it is to close.
    #[inline]
    pub(super) fn is_through(&self, lent: &Lent, supply: &impl Supply) -> bool {
        if self.phase != Phase::Open || self.owes() {
            return false;
        }
        match lent.plan.end {
            End::WithTheRun => self.in_flight() == 0 && supply.is_over(),
            End::AfterEcho => {
                self.in_flight() == 0 && (self.all_begun(&lent.plan) || supply.is_over())
            }
            End::AfterSend => self.all_begun(&lent.plan) || supply.is_over(),
            End::InTheMiddle => supply.is_over(),
        }
    }

    /// Sends our FIN and waits for the server's, or asks to be reset.
    #[cold]
    pub(super) fn finish(&mut self, lent: &Lent, now: MonotonicNs) -> Result<Served, Trouble> {
        if lent.plan.close == Close::Rst && lent.plan.end != End::AfterSend {
            return Ok(Served::Done);
        }
        match self.stream.half_close() {
            Ok(()) => {}
            // The server has reset it already: the next read tells that.
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                self.ready.insert(Ready::READABLE);
            }
            Err(error) => return Err(Trouble::of(Where::Close, &error)),
        }
        self.phase = Phase::Ending;
        self.active = now;
        let more = self.ready.contains(Ready::READABLE);
        Ok(if more { Served::Again } else { Served::Idle })
    }

    /// The server has sent FIN.
    pub(super) fn ended(&self) -> Result<Served, Trouble> {
        if self.phase == Phase::Ending && self.in_flight() == 0 {
            return Ok(Served::Done);
        }
        Err(Trouble::new(Where::Read, Word::Terminated))
    }

    /// True if something has come back that is not read yet, and is not the server's end.
    fn has_echo(&self) -> bool {
        let ends = self.ready.contains(Ready::READ_TO_EAGAIN) || self.ready.contains(Ready::ERROR);
        self.ready.contains(Ready::READABLE) && !ends
    }

    /// In the mode that resets: half of the connections are reset as soon as everything is sent,
    /// while the server has it still to read, the others when the first bytes come back, which
    /// then are never read.
    #[inline]
    pub(super) fn is_to_be_reset(&self, lent: &Lent) -> bool {
        lent.plan.end == End::InTheMiddle
            && !self.owes()
            && self.all_begun(&lent.plan)
            && (drawn(self.number, 0).is_multiple_of(2) || self.has_echo())
    }
}
