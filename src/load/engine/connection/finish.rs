//! The end of a connection: as planned, or because the server closed first.

use std::io::ErrorKind;

use crate::client::FailureKind;
use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::sys::DialedStream;

use super::{LoadConnection, LoadPhase, LoadStep, RunShared};
use crate::load::config::Close;
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::line_source::LineSource;
use crate::load::engine::mode::CloseWhen;
use crate::load::engine::payload::drawn;

impl<S: DialedStream> LoadConnection<S> {
    /// True if the connection has completed its plan, and is to close.
    #[inline]
    pub(super) fn is_done(&self, shared: &RunShared, source: &LineSource<'_>) -> bool {
        if self.phase != LoadPhase::Open || self.has_output() {
            return false;
        }
        match shared.plan.close_when {
            CloseWhen::RunEnds => self.in_flight() == 0 && source.is_over(),
            CloseWhen::Echoed => {
                self.in_flight() == 0 && (self.all_begun(&shared.plan) || source.is_over())
            }
            CloseWhen::Sent => self.all_begun(&shared.plan) || source.is_over(),
            CloseWhen::Midway => source.is_over(),
        }
    }

    /// Sends FIN and waits for the server's FIN, or returns `Done` for a reset.
    #[cold]
    pub(super) fn finish(
        &mut self,
        shared: &RunShared,
        now: MonotonicNs,
    ) -> Result<LoadStep, RunError> {
        if shared.plan.close == Close::Rst && shared.plan.close_when != CloseWhen::Sent {
            return Ok(LoadStep::Done);
        }
        if !self.has_begun() && self.stream.is_deferred() {
            // There is no connection to close.
            return Ok(LoadStep::Done);
        }
        match self.stream.half_close() {
            Ok(()) => {}
            // The server has already reset it: the next read returns the error.
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

    /// Handles the server's FIN.
    pub(super) fn server_fin(&self) -> Result<LoadStep, RunError> {
        if self.phase == LoadPhase::Ending && self.in_flight() == 0 {
            return Ok(LoadStep::Done);
        }
        Err(RunError::new(ErrorPhase::Read, FailureKind::Terminated))
    }

    /// True if the socket is readable because of an echo, and not because of FIN or an error.
    fn has_echo(&self) -> bool {
        let ends = self.ready.contains(Ready::READ_TO_EAGAIN) || self.ready.contains(Ready::ERROR);
        self.ready.contains(Ready::READABLE) && !ends
    }

    /// True if mode `abort` resets the connection now: half of the connections as soon as
    /// everything is sent, before the server has read it; the others when the first bytes come
    /// back, which are then never read.
    #[inline]
    pub(super) fn is_to_be_reset(&self, shared: &RunShared) -> bool {
        shared.plan.close_when == CloseWhen::Midway
            && !self.has_output()
            && self.all_begun(&shared.plan)
            && (drawn(self.number, 0).is_multiple_of(2) || self.has_echo())
    }
}
