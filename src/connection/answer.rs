//! Turns requests into replies with the service's function.

use std::io;

use log::debug;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::line::{Framing, ReadBuffer};
use crate::service::{ProtocolError, Reply};

use super::{Connection, Phase, Shared, Stream};

/// The requests in a read.
struct Framed<'a> {
    requests: &'a [u8],
    count: u64,
    /// The input ends where a request does.
    nothing_is_left: bool,
    /// At least one request ended, or a rejected line.
    one_ended: bool,
}

impl<S: Stream> Connection<S> {
    /// Answers the `filled` bytes just read.
    #[inline(never)]
    pub(super) fn answer(&mut self, filled: usize, shared: &mut Shared) -> io::Result<()> {
        let how = shared.service(self.listener).reply;
        match how.framing() {
            Some(framing) => self.answer_requests(how, framing, filled, shared)?,
            None => self.answer_bytes(how, filled, shared)?,
        }
        self.release();
        Ok(())
    }

    /// Answers input that is not divided into requests.
    fn answer_bytes(&mut self, how: Reply, filled: usize, shared: &Shared) -> io::Result<()> {
        if let Some(pending) = &mut self.pending {
            // Of the PROXY header, which input came with.
            pending.line_since = None;
        }
        if !how.is_echo() {
            return Ok(());
        }
        let bytes = shared.read.filled(0..filled);
        self.traffic.lines += Framing::Pieces.count(bytes);
        self.reply(bytes, shared.now)
    }

    /// Answers the requests that the `filled` bytes complete, and keeps the rest.
    fn answer_requests(
        &mut self,
        how: Reply,
        framing: Framing,
        filled: usize,
        shared: &mut Shared,
    ) -> io::Result<()> {
        let Shared { read, reply, line_bytes_max, now, .. } = shared;
        let line_bytes_max = how.line_bytes_max(*line_bytes_max);
        let framed = self.frame(read, filled, framing, line_bytes_max);
        self.update_line_timer(&framed, *now);
        let Framed { requests, count, .. } = framed;
        match how {
            Reply::Echo => {
                self.traffic.lines += count;
                self.reply(requests, *now)?;
            }
            Reply::Probe => self.answer_probe(requests, line_bytes_max, *now)?,
            Reply::Line(answer) => {
                self.traffic.lines += count;
                reply.clear();
                answer_lines(answer, requests, line_bytes_max, reply);
                self.reject_long_line(line_bytes_max, reply);
                self.reply(reply, *now)?;
            }
            Reply::Record(size, answer) => {
                reply.clear();
                let mut records = requests.chunks_exact(size.get());
                let answered = records.try_for_each(|record| {
                    answer(record, reply).inspect(|()| self.traffic.lines += 1)
                });
                self.reply(reply, *now)?;
                answered.unwrap_or_else(|violation| self.protocol_error(violation));
            }
            Reply::Raw | Reply::Nothing | Reply::Stream(_) => {}
        }
        Ok(())
    }

    /// Takes the whole requests out of the input, and keeps the rest.
    fn frame<'a>(
        &mut self,
        read: &'a mut ReadBuffer,
        filled: usize,
        framing: Framing,
        line_bytes_max: usize,
    ) -> Framed<'a> {
        let pending = self.pending.get_or_insert_default();
        let from = if pending.skipping { pending.skip(read.filled(0..filled)) } else { 0 };
        let input = read.filled(from..filled);
        let complete = framing.complete(pending.line.len(), input, line_bytes_max);
        let nothing_is_left = !pending.skipping && framing.ends_with(input, complete);
        let requests = pending.line.join(read, from..filled, complete);
        let count = framing.count(requests);
        let one_ended = count > 0 || (from > 0 && !pending.skipping);
        Framed { requests, count, nothing_is_left, one_ended }
    }

    /// The line timer runs from the first byte of an unfinished request.
    fn update_line_timer(&mut self, framed: &Framed<'_>, now: MonotonicMs) {
        let Some(pending) = &mut self.pending else { return };
        pending.line_since = if framed.nothing_is_left {
            None
        } else if framed.one_ended {
            Some(now)
        } else {
            pending.line_since.or(Some(now))
        };
    }

    /// Sends a reply, or queues it if output is already pending, such as the banner sent after a
    /// PROXY header.
    pub(super) fn reply(&mut self, bytes: &[u8], now: MonotonicMs) -> io::Result<()> {
        if self.has_output() {
            self.queue(bytes, now);
            return Ok(());
        }
        self.send(bytes, now)
    }

    /// Answers an unterminated line over the limit with an error at once and skips its remainder,
    /// so the buffer stays bounded.
    fn reject_long_line(&mut self, line_bytes_max: usize, reply: &mut Vec<u8>) {
        let Some(pending) = &mut self.pending else { return };
        if pending.line.len() >= line_bytes_max {
            pending.line.take();
            pending.skipping = true;
            self.traffic.lines += 1;
            reject(line_bytes_max, reply);
        }
    }

    /// At the end of input, answers an unfinished request as if it were complete.
    pub(super) fn answer_partial(&mut self, shared: &mut Shared) -> io::Result<()> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let begun = pending.line_since.take().is_some();
        let request = pending.line.take();
        shared.reply.clear();
        match shared.service(self.listener).reply {
            // A request to the daemon ends with a newline, and comes back without one.
            Reply::Echo | Reply::Probe => {
                self.traffic.lines += u64::from(begun);
                self.reply(&request, shared.now)?;
            }
            Reply::Line(answer) if !request.is_empty() => {
                self.traffic.lines += 1;
                answer(&request, &mut shared.reply);
                self.reply(&shared.reply, shared.now)?;
            }
            Reply::Record(_, answer) if !request.is_empty() => {
                let answered = answer(&request, &mut shared.reply);
                self.reply(&shared.reply, shared.now)?;
                answered.unwrap_or_else(|violation| self.protocol_error(violation));
            }
            Reply::Line(_) | Reply::Record(..) | Reply::Raw | Reply::Nothing | Reply::Stream(_) => {
            }
        }
        self.release();
        Ok(())
    }

    /// Handles input that breaks the protocol: nothing after it can be understood; earlier replies
    /// are still sent.
    fn protocol_error(&mut self, violation: ProtocolError) {
        debug!("protocol peer={} violation=\"{}\"", self.peer, violation.0);
        if let Some(pending) = &mut self.pending {
            pending.line.take();
            pending.line_since = None;
        }
        self.enter(Phase::Draining(Cause::Protocol));
    }

    /// Frees the box if it is not needed any more.
    pub(super) fn release(&mut self) {
        if let Some(pending) = &mut self.pending {
            pending.probe.take_if(|probe| probe.is_over());
        }
        self.pending.take_if(|pending| pending.is_empty());
    }
}

/// Answers each of `lines`, the last of which is complete too.
fn answer_lines(
    answer: fn(&[u8], &mut Vec<u8>),
    lines: &[u8],
    line_bytes_max: usize,
    reply: &mut Vec<u8>,
) {
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        if line.len() > line_bytes_max {
            reject(line_bytes_max, reply);
        } else {
            answer(line.strip_suffix(b"\n").unwrap_or(line), reply);
        }
    }
}

fn reject(line_bytes_max: usize, reply: &mut Vec<u8>) {
    let text = format!("error: this line is longer than {line_bytes_max} bytes\n");
    reply.extend_from_slice(text.as_bytes());
}
