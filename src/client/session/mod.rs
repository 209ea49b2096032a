//! `str_cli`: standard input and the socket multiplexed (UNIX Network Programming, sections 6.4
//! to 6.7), so that neither waits for the other.
//!
//! One loop polls three descriptors. epoll would gain nothing for three, and refuses regular files
//! and /dev/null as standard input; poll(2) takes them. Only the socket is made non-blocking:
//! standard input and output share that flag with the shell, and the flag would outlive this
//! process. After POLLIN one read does not block, and after POLLOUT one write of `PIPE_BUF` bytes.

use std::io;
use std::net::Shutdown;

use rustix::time::{ClockId, clock_gettime};
use socket2::Socket;

use crate::clock::MonotonicMs;
use crate::os::errno;

use super::codec::{Decoder, Encoder, read_bytes_max};
use super::config::ClientConfig;
use super::connect::Connected;
use super::failure::{Failure, FailureKind};
use super::flow::{Flow, Receiving, Sending};
use super::greeting::{Greeting, HOLD_MAX, hold};
use super::ledger::{Ledger, lines_missing};
use super::messages::Messages;
use super::poll::{PollResult, wait};
use super::timeouts::ClientTimeouts;

mod receive;
mod waits;

/// `PIPE_BUF` on Linux: a writable pipe takes this much at once (pipe(7)).
const OUTPUT_BYTES_MAX: usize = 4096;

/// Sends standard input and writes out received data until one side ends.
pub(super) fn run(
    config: &ClientConfig,
    connected: &Connected,
    ledger: &mut Ledger,
) -> Result<(), Failure> {
    let socket = &connected.socket;
    let local = |error| Failure::local("the socket", &error);
    socket.set_nonblocking(true).map_err(local)?;
    let mut exchange = Session {
        config,
        socket,
        ledger,
        messages: Messages { verbose: config.verbose },
        flow: Flow::new(if config.skip_greeting { Sending::Awaiting } else { Sending::Open }),
        encoder: Encoder::new(config.format),
        decoder: Decoder::new(config.format),
        timeouts: ClientTimeouts::new(config.timeout, config.heartbeat, now()),
        scratch: vec![0; read_bytes_max(config.format)],
        held_until: now().after(hold(connected.took)),
        held_at_most: now().after(HOLD_MAX),
        greeting: Greeting::default(),
        unrequested_is_reported: false,
        end: None,
    };
    exchange.flow.held = !config.skip_greeting;
    exchange.expire();
    while !exchange.flow.is_done() {
        exchange.turn()?;
    }
    exchange.verdict()
}

struct Session<'a> {
    config: &'a ClientConfig,
    socket: &'a Socket,
    ledger: &'a mut Ledger,
    messages: Messages,
    flow: Flow,
    encoder: Encoder,
    decoder: Decoder,
    timeouts: ClientTimeouts,
    scratch: Vec<u8>,
    /// The time until which sending is suspended, and its upper bound.
    held_until: MonotonicMs,
    held_at_most: MonotonicMs,
    greeting: Greeting,
    unrequested_is_reported: bool,
    /// The first abnormal end of the connection, if any.
    end: Option<SessionEnd>,
}

/// An abnormal end of the connection.
enum SessionEnd {
    /// A read or write on the socket failed.
    Error(io::Error),
    /// No call on the socket failed, but the exchange is incomplete.
    Short(Failure),
}

impl Session<'_> {
    /// Waits, moves bytes in each direction that is ready, and checks the timeouts.
    ///
    /// Standard input comes before the socket, so that an end of input that is already there is
    /// known when the server's FIN is read. The socket is read before it is written: the kernel
    /// reports an error once, and a read reports it after the bytes that precede it.
    fn turn(&mut self) -> Result<(), Failure> {
        let ready = self.wait()?;
        if ready.output_gone() {
            self.flow.receiving = Receiving::StdoutClosed;
            return Ok(());
        }
        // Input is sent in the turn that reads it, unless the socket was full before.
        let takes = ready.socket_takes() || self.flow.outbound.is_empty();
        if ready.input() {
            self.read_input();
        }
        if ready.socket_gives() && self.flow.receives() {
            self.receive();
        }
        self.flow.held &= now() < self.held_until;
        if takes && self.flow.sends() {
            self.send();
        }
        if self.flow.may_half_close() {
            self.half_close();
        }
        if ready.output() {
            self.write_output()?;
        }
        self.expire();
        Ok(())
    }

    fn wait(&self) -> Result<PollResult, Failure> {
        let held = self.flow.held.then_some(self.held_until);
        let until = self.timeouts.deadline().into_iter().chain(held).min();
        let timeout = until.map(|at| at.since(now()));
        let ready = wait(self.flow.wants(), self.socket, timeout);
        ready.map_err(|error| Failure::local("poll", &error))
    }

    fn read_input(&mut self) {
        let read = rustix::io::read(io::stdin(), self.scratch.as_mut_slice());
        let count = match read.map_err(io::Error::from) {
            Ok(count) => count,
            Err(error) if errno::would_block(&error) || errno::is_interrupted(&error) => return,
            Err(error) => {
                self.finish(SessionEnd::Short(Failure::local("standard input", &error)));
                return;
            }
        };
        let outbound = &mut self.flow.outbound;
        if count == 0 {
            self.flow.sending = Sending::Flushing;
            if let Some(wrong) = self.encoder.finish(outbound) {
                self.messages.warn(&wrong);
            }
        }
        let bytes = self.scratch.split_at(count).0;
        for wrong in self.encoder.encode(bytes, outbound) {
            self.messages.warn(&wrong);
        }
    }

    fn send(&mut self) {
        let pending = self.flow.outbound.pending();
        match rustix::io::write(self.socket, pending).map_err(io::Error::from) {
            Ok(count) => {
                self.timeouts.on_sent(now());
                self.ledger.sent(pending.split_at(count).0);
                self.flow.outbound.take(count);
            }
            Err(error) if errno::would_block(&error) || errno::is_interrupted(&error) => {}
            Err(error) => {
                // Data that the server sent before, and its FIN, may still be readable: continue
                // reading. After an error that is not the connection's there may be no end to read.
                if FailureKind::of(&error) == FailureKind::Failed {
                    self.flow.receiving = Receiving::Ended;
                }
                self.flow.broken();
                self.end.get_or_insert(SessionEnd::Error(error));
            }
        }
    }

    fn half_close(&mut self) {
        self.flow.sending = Sending::HalfClosed;
        self.ledger.ended();
        if self.ledger.is_new() {
            self.config.socket.connect_without_data(self.socket, self.config.connect_timeout);
        }
        match self.socket.shutdown(Shutdown::Write) {
            Ok(()) => self.messages.note(|| "end of input, half-closed".to_owned()),
            // The connection is gone (ENOTCONN); the next read returns the reason.
            Err(error) => {
                self.messages.note(|| format!("end of input, half-close failed: {error}"));
            }
        }
    }

    fn write_output(&mut self) -> Result<(), Failure> {
        let pending = self.flow.inbound.pending();
        let piece = pending.get(..OUTPUT_BYTES_MAX).unwrap_or(pending);
        match rustix::io::write(io::stdout(), piece).map_err(io::Error::from) {
            Ok(count) => self.flow.inbound.take(count),
            Err(error) if errno::would_block(&error) || errno::is_interrupted(&error) => {}
            Err(error) if errno::is_broken_pipe(&error) => {
                self.flow.receiving = Receiving::StdoutClosed;
            }
            Err(error) => return Err(Failure::local("standard output", &error)),
        }
        Ok(())
    }

    /// Ends the session for this reason, unless there is an earlier one.
    fn finish(&mut self, end: SessionEnd) {
        self.flow.receiving = Receiving::Ended;
        self.flow.broken();
        self.end.get_or_insert(end);
    }

    fn verdict(self) -> Result<(), Failure> {
        if self.flow.receiving == Receiving::StdoutClosed {
            return Ok(());
        }
        match self.end {
            Some(SessionEnd::Short(failure)) => Err(failure),
            Some(SessionEnd::Error(error)) => {
                Err(Failure::new(FailureKind::of(&error), format!("{error} ({})", self.ledger)))
            }
            None => match self.encoder.refused() {
                0 => Ok(()),
                1 => Err(Failure::new(FailureKind::Failed, "1 line was not sent".to_owned())),
                some => {
                    Err(Failure::new(FailureKind::Failed, format!("{some} lines were not sent")))
                }
            },
        }
    }
}

fn now() -> MonotonicMs {
    let time = clock_gettime(ClockId::Monotonic);
    MonotonicMs(u64::try_from(time.tv_sec * 1000 + time.tv_nsec / 1_000_000).unwrap_or(0))
}
