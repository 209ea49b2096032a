//! One HTTP connection: reads the request, writes the response, then waits for the peer's FIN.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::clock::MonotonicMs;
use crate::connection::{Ready, Stream};
use crate::os::errno;

use super::request::{self, HEAD_BYTES_MAX, Request};
use super::response::{HeadOnly, Response};

/// The time that a client has to send its request, and again to read the response. A scrape gives
/// up after ten seconds, a probe after one.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long input is discarded after the response: closing with unread input would send RST, which
/// could destroy the response (RFC 9112, section 9.6).
const RESPONSE_LINGER: Duration = Duration::from_secs(1);

/// Reads per turn, of one buffer each.
const READS_PER_TURN: usize = 4;

/// The next step for the caller of [`HttpConnection::serve`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpStep {
    /// Wait for an event or the deadline.
    Pending,
    /// Serve the connection again in the next turn.
    Yield,
    /// Respond to the request with [`HttpConnection::respond`], before it is served again.
    Request(Request),
    /// Close the connection.
    Done,
}

/// The loss if a connection is closed early, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Nothing: the response is sent.
    Nothing,
    /// A request that has not come yet.
    Unasked,
    /// A response that the client reads slowly, or not at all.
    Response,
}

/// An HTTP connection.
#[derive(Debug)]
pub struct HttpConnection<S> {
    stream: S,
    ready: Ready,
    stage: Stage,
    /// The deadline of the current stage.
    deadline: MonotonicMs,
}

#[derive(Debug)]
enum Stage {
    /// The bytes of the request so far.
    Reading(Vec<u8>),
    /// The head of the response, its body, and the number of their bytes that are written.
    Writing { head: Vec<u8>, body: Rc<str>, written: usize },
    /// Our FIN is sent.
    Lingering,
}

impl<S: Stream> HttpConnection<S> {
    /// Wraps a connection that was just accepted.
    pub fn new(stream: S, now: MonotonicMs) -> Self {
        let stage = Stage::Reading(Vec::new());
        Self { stream, ready: Ready::NONE, stage, deadline: now.after(REQUEST_TIMEOUT) }
    }

    /// Returns the stream, for registration.
    pub const fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Returns true once the whole response has been sent.
    pub const fn is_answered(&self) -> bool {
        matches!(self.stage, Stage::Lingering)
    }

    /// Returns the loss if the connection were closed now.
    pub const fn loss(&self) -> Loss {
        match self.stage {
            Stage::Lingering => Loss::Nothing,
            Stage::Reading(_) => Loss::Unasked,
            Stage::Writing { .. } => Loss::Response,
        }
    }

    /// Records the readiness that an event reported.
    pub const fn mark(&mut self, ready: Ready) {
        self.ready.insert(ready);
    }

    /// Returns the deadline of the current stage.
    pub const fn deadline(&self) -> MonotonicMs {
        self.deadline
    }

    /// Postpones the deadline.
    pub fn excuse(&mut self, by: Duration) {
        self.deadline = self.deadline.after(by);
    }

    /// Advances as far as the socket allows, within a budget. Reads into `room`.
    pub fn serve(&mut self, room: &mut [u8], now: MonotonicMs) -> HttpStep {
        let served = match self.stage {
            Stage::Reading(_) => self.read(room, now),
            Stage::Writing { .. } => self.write(now),
            Stage::Lingering => self.discard(room),
        };
        // An I/O error concerns this connection alone, which is closed.
        served.unwrap_or(HttpStep::Done)
    }

    /// Queues the response. The caller then has to serve the connection.
    pub fn respond(&mut self, response: Response, now: MonotonicMs) {
        let head_only = match &self.stage {
            Stage::Reading(begun) if request::is_head(begun) => HeadOnly::Yes,
            Stage::Reading(_) | Stage::Writing { .. } | Stage::Lingering => HeadOnly::No,
        };
        let (head, body) = response.into_parts(head_only);
        self.stage = Stage::Writing { head, body, written: 0 };
        self.deadline = now.after(REQUEST_TIMEOUT);
        self.ready.insert(Ready::WRITABLE);
    }

    /// Handles an expired deadline. A partial request gets status 408, and the connection has to be
    /// served; any other connection is done.
    pub fn expire(&mut self, now: MonotonicMs) -> HttpStep {
        match &self.stage {
            Stage::Reading(begun) if !begun.is_empty() => {
                self.respond(Response::error(408, "no whole request has come"), now);
                HttpStep::Yield
            }
            Stage::Reading(_) | Stage::Writing { .. } | Stage::Lingering => HttpStep::Done,
        }
    }

    fn read(&mut self, room: &mut [u8], now: MonotonicMs) -> io::Result<HttpStep> {
        for _ in 0..READS_PER_TURN {
            let Stage::Reading(request) = &mut self.stage else { break };
            if !self.ready.contains(Ready::READABLE) {
                return Ok(HttpStep::Pending);
            }
            let most = room.len().min(HEAD_BYTES_MAX - request.len());
            let (room, _) = room.split_at_mut(most);
            match self.stream.read(room) {
                Ok(0) => return Ok(HttpStep::Done),
                Ok(read) => request.extend_from_slice(room.split_at(read).0),
                Err(error) => {
                    self.io_failed(error, Ready::READABLE)?;
                    continue;
                }
            }
            match request::parse(request) {
                Ok(None) => {}
                Ok(Some(request)) => return Ok(HttpStep::Request(request)),
                Err(response) => {
                    self.respond(response, now);
                    return self.write(now);
                }
            }
        }
        Ok(HttpStep::Yield)
    }

    fn write(&mut self, now: MonotonicMs) -> io::Result<HttpStep> {
        while let Stage::Writing { head, body, written } = &mut self.stage {
            let rest = match written.checked_sub(head.len()) {
                None => head.get(*written..),
                Some(written) => body.as_bytes().get(written..),
            };
            let rest = rest.unwrap_or_default();
            if rest.is_empty() {
                self.stream.half_close()?;
                self.stage = Stage::Lingering;
                self.deadline = now.after(RESPONSE_LINGER);
                self.ready.insert(Ready::READABLE);
                return Ok(HttpStep::Yield);
            }
            if !self.ready.contains(Ready::WRITABLE) {
                return Ok(HttpStep::Pending);
            }
            match self.stream.write(rest) {
                Ok(taken) => *written += taken,
                Err(error) => self.io_failed(error, Ready::WRITABLE)?,
            }
        }
        Ok(HttpStep::Yield)
    }

    fn discard(&mut self, room: &mut [u8]) -> io::Result<HttpStep> {
        for _ in 0..READS_PER_TURN {
            if !self.ready.contains(Ready::READABLE) {
                return Ok(HttpStep::Pending);
            }
            match self.stream.read(room) {
                Ok(0) => return Ok(HttpStep::Done),
                Ok(_) => {}
                Err(error) => self.io_failed(error, Ready::READABLE)?,
            }
        }
        Ok(HttpStep::Yield)
    }

    /// Handles a failed call: would-block clears the hint, EINTR changes nothing.
    fn io_failed(&mut self, error: io::Error, hint: Ready) -> io::Result<()> {
        if errno::would_block(&error) {
            self.ready.remove(hint);
        } else if !errno::is_interrupted(&error) {
            return Err(error);
        }
        Ok(())
    }
}
