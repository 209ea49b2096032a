//! Optional steps before the first line: our PROXY header, and the server's greeting.
//!
//! Neither is a line: they are not counted, and no echo of the header is expected.

use crate::client::FailureKind;
use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::net::proxy;
use crate::os::errno;
use crate::sys::DialedStream;

use super::{LoadConnection, LoadPhase, RunShared};
use crate::load::engine::error::{ErrorPhase, RunError};

impl<S: DialedStream> LoadConnection<S> {
    /// Sends our header from byte `sent` on. Returns true once it is complete: nearly always at the
    /// first call, because the send buffer is empty.
    pub(super) fn send_proxy_header(
        &mut self,
        version: proxy::Version,
        mut sent: u8,
    ) -> Result<bool, RunError> {
        let addresses = self.stream.local().zip(self.stream.remote());
        let header = proxy::header(version, addresses);
        while let Some(rest) = header.get(sent.into()..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => sent += u8::try_from(count).unwrap_or(u8::MAX),
                Err(error) if errno::would_block(&error) => {
                    self.ready.remove(Ready::WRITABLE);
                    self.phase = LoadPhase::ProxyHeader(sent);
                    return Ok(false);
                }
                Err(error) if errno::is_interrupted(&error) => {}
                Err(error) => return Err(RunError::of(ErrorPhase::Write, &error)),
            }
        }
        Ok(true)
    }

    /// Reads the server's greeting, whatever its text. Returns true once the input ends with a
    /// newline. A greeting without one ends after a silence ([`super::wait`]).
    pub(super) fn greeted(
        &mut self,
        shared: &mut RunShared,
        now: MonotonicNs,
    ) -> Result<bool, RunError> {
        if !matches!(self.phase, LoadPhase::Greeting(_)) {
            self.phase = LoadPhase::Greeting(false);
        }
        if !self.ready.contains(Ready::READABLE) {
            return Ok(false);
        }
        // Not by `read`, which is on the path of every line, and has a single caller for speed.
        match self.stream.read(&mut shared.read_buffer) {
            Ok(0) => Err(RunError::new(ErrorPhase::Read, FailureKind::Terminated)),
            Ok(count) => {
                self.phase = LoadPhase::Greeting(true);
                self.active = now;
                let last = shared.read_buffer.get(..count).and_then(<[u8]>::last);
                Ok(last == Some(&b'\n'))
            }
            Err(error) if errno::would_block(&error) => {
                self.ready.remove(Ready::READABLE.union(Ready::READ_TO_EAGAIN));
                Ok(false)
            }
            Err(error) if errno::is_interrupted(&error) => Ok(false),
            Err(error) => Err(RunError::of(ErrorPhase::Read, &error)),
        }
    }
}
