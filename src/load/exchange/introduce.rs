//! The PROXY header that goes before the first line, where that is asked for.
//!
//! It is no line: it is not counted, and no echo of it is expected.

use crate::connection::Ready;
use crate::fault;
use crate::proxy;
use crate::reactor::Dialled;

use super::super::trouble::{Trouble, Where};
use super::{Exchange, Phase};

impl<S: Dialled> Exchange<S> {
    /// Sends what is left of our header after `sent` bytes. Returns true once all of it is sent,
    /// which nearly always is at once: nothing was sent before.
    pub(super) fn introduce(
        &mut self,
        version: proxy::Version,
        mut sent: u8,
    ) -> Result<bool, Trouble> {
        let addresses = self.stream.local().zip(self.stream.remote());
        let header = proxy::header(version, addresses);
        while let Some(rest) = header.get(sent.into()..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => sent += u8::try_from(count).unwrap_or(u8::MAX),
                Err(error) if fault::would_block(&error) => {
                    self.ready.remove(Ready::WRITABLE);
                    self.phase = Phase::Introducing(sent);
                    return Ok(false);
                }
                Err(error) if fault::interrupted(&error) => {}
                Err(error) => return Err(Trouble::of(Where::Write, &error)),
            }
        }
        Ok(true)
    }
}
