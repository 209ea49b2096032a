//! One visitor: its question is read, its answer written, and then its end is awaited.

use std::io;
use std::time::Duration;

use crate::clock::MonotonicMs;
use crate::connection::{Ready, Stream};
use crate::os::errno;

use super::request::{self, HEAD_BYTES_MAX, Request};
use super::response::{HeadOnly, Response};

/// How long a visitor may take to ask, and again to take the answer. A scrape gives up after ten
/// seconds, a probe after one.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long input is read and thrown away behind the answer, so that it is not destroyed by a
/// reset (RFC 9112, section 9.6).
const RESPONSE_LINGER: Duration = Duration::from_secs(1);

/// How often is read in one turn, of a buffer each.
const READS_PER_TURN: usize = 4;

/// What is to be done about a visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpStep {
    /// Nothing, until an event or its deadline comes.
    Pending,
    /// It goes on in the next turn.
    Yield,
    /// It is to be given an answer, by [`HttpConnection::respond`].
    Request(Request),
    /// It is gone, or to be closed.
    Done,
}

/// What is lost with a visitor that is closed early; the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Nothing: it was answered.
    Nothing,
    /// A request that has not come.
    Unasked,
    /// An answer that it takes slowly, or not at all.
    Response,
}

/// A visitor's connection.
#[derive(Debug)]
pub struct HttpConnection<S> {
    stream: S,
    ready: Ready,
    stage: Stage,
    /// When the stage ends, whatever the visitor does.
    deadline: MonotonicMs,
}

#[derive(Debug)]
enum Stage {
    /// This much of the request has come.
    Reading(Vec<u8>),
    /// This is still to be written.
    Writing(Vec<u8>),
    /// Our FIN is sent.
    Lingering,
}

impl<S: Stream> HttpConnection<S> {
    /// Somebody who has just come in.
    pub fn new(stream: S, now: MonotonicMs) -> Self {
        let stage = Stage::Reading(Vec::new());
        Self { stream, ready: Ready::NONE, stage, deadline: now.after(REQUEST_TIMEOUT) }
    }

    /// Its stream, for registering.
    pub const fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// True if its whole answer is on its way.
    pub const fn is_answered(&self) -> bool {
        matches!(self.stage, Stage::Lingering)
    }

    /// How much is lost if it is closed now.
    pub const fn loss(&self) -> Loss {
        match self.stage {
            Stage::Lingering => Loss::Nothing,
            Stage::Reading(_) => Loss::Unasked,
            Stage::Writing(_) => Loss::Response,
        }
    }

    /// Remembers what an event said.
    pub const fn mark(&mut self, ready: Ready) {
        self.ready.insert(ready);
    }

    /// When its time is over.
    pub const fn deadline(&self) -> MonotonicMs {
        self.deadline
    }

    /// Puts its deadline off.
    pub fn excuse(&mut self, by: Duration) {
        self.deadline = self.deadline.after(by);
    }

    /// Goes on as far as its socket allows, within a budget; `room` is read into.
    pub fn serve(&mut self, room: &mut [u8], now: MonotonicMs) -> HttpStep {
        let served = match self.stage {
            Stage::Reading(_) => self.read(room, now),
            Stage::Writing(_) => self.write(now),
            Stage::Lingering => self.discard(room),
        };
        // Whatever is wrong with its connection, it is the visitor's affair.
        served.unwrap_or(HttpStep::Done)
    }

    /// Answers its question. It has to be served then.
    pub fn respond(&mut self, response: Response, now: MonotonicMs) {
        let head_only = match &self.stage {
            Stage::Reading(begun) if request::is_head(begun) => HeadOnly::Yes,
            Stage::Reading(_) | Stage::Writing(_) | Stage::Lingering => HeadOnly::No,
        };
        self.stage = Stage::Writing(response.into_bytes(head_only));
        self.deadline = now.after(REQUEST_TIMEOUT);
        self.ready.insert(Ready::WRITABLE);
    }

    /// Its time is over. Who has not asked yet is told so, and has to be served; for the others
    /// this is the end.
    pub fn expire(&mut self, now: MonotonicMs) -> HttpStep {
        match &self.stage {
            Stage::Reading(begun) if !begun.is_empty() => {
                self.respond(Response::error(408, "no whole request has come"), now);
                HttpStep::Yield
            }
            Stage::Reading(_) | Stage::Writing(_) | Stage::Lingering => HttpStep::Done,
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
        while let Stage::Writing(bytes) = &mut self.stage {
            if bytes.is_empty() {
                self.stream.half_close()?;
                self.stage = Stage::Lingering;
                self.deadline = now.after(RESPONSE_LINGER);
                self.ready.insert(Ready::READABLE);
                return Ok(HttpStep::Yield);
            }
            if !self.ready.contains(Ready::WRITABLE) {
                return Ok(HttpStep::Pending);
            }
            match self.stream.write(bytes) {
                Ok(written) => drop(bytes.drain(..written)),
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

    /// What a call that gave or took nothing has proved.
    fn io_failed(&mut self, error: io::Error, hint: Ready) -> io::Result<()> {
        if errno::would_block(&error) {
            self.ready.remove(hint);
        } else if !errno::is_interrupted(&error) {
            return Err(error);
        }
        Ok(())
    }
}
