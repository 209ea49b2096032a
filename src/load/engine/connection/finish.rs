//! How a connection ends: as planned, or because the server ended first.

use std::io::ErrorKind;

use crate::client::FailureKind;
use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::sys::DialedStream;

use super::{LoadConnection, LoadPhase, LoadStep, RunShared, Supply};
use crate::load::config::Close;
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::mode::CloseWhen;
use crate::load::engine::payload::drawn;

impl<S: DialedStream> LoadConnection<S> {
    /// True if it has done what is planned before it is to close.
    #[inline]
    pub(super) fn is_done(&self, shared: &RunShared, supply: &impl Supply) -> bool {
        if self.phase != LoadPhase::Open || self.has_output() {
            return false;
        }
        match shared.plan.close_when {
            CloseWhen::RunEnds => self.in_flight() == 0 && supply.is_over(),
            CloseWhen::Echoed => {
                self.in_flight() == 0 && (self.all_begun(&shared.plan) || supply.is_over())
            }
            CloseWhen::Sent => self.all_begun(&shared.plan) || supply.is_over(),
            CloseWhen::Midway => supply.is_over(),
        }
    }

    /// Sends our FIN and waits for the server's, or asks to be reset.
    #[cold]
    pub(super) fn finish(
        &mut self,
        shared: &RunShared,
        now: MonotonicNs,
    ) -> Result<LoadStep, RunError> {
        if shared.plan.close == Close::Rst && shared.plan.close_when != CloseWhen::Sent {
            return Ok(LoadStep::Done);
        }
        match self.stream.half_close() {
            Ok(()) => {}
            // The server has reset it already: the next read tells that.
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                self.ready.insert(Ready::READABLE);
            }
            Err(error) => return Err(RunError::of(ErrorPhase::Close, &error)),
        }
        self.phase = LoadPhase::Ending;
        self.active = now;
        let more = self.ready.contains(Ready::READABLE);
        Ok(if more { LoadStep::Yield } else { LoadStep::Idle })
    }

    /// The server has sent FIN.
    pub(super) fn ended(&self) -> Result<LoadStep, RunError> {
        if self.phase == LoadPhase::Ending && self.in_flight() == 0 {
            return Ok(LoadStep::Done);
        }
        Err(RunError::new(ErrorPhase::Read, FailureKind::Terminated))
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
    pub(super) fn is_to_be_reset(&self, shared: &RunShared) -> bool {
        shared.plan.close_when == CloseWhen::Midway
            && !self.has_output()
            && self.all_begun(&shared.plan)
            && (drawn(self.number, 0).is_multiple_of(2) || self.has_echo())
    }
}
