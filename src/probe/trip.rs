//! A connection that carries probes: the connect, the server's banner, lines there and back.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use crate::client::FailureKind;
use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::net::proxy;
use crate::os::errno;
use crate::sys::DialedStream;

/// The bytes that one read takes, and the longest banner.
const READ_BYTES: usize = 4096;

/// Reads before another connection is served.
const READS_PER_TURN: usize = 16;

/// Hints for a last look at a connection, which the poll may not have reported yet.
pub(super) const READ_AND_WRITE: Ready = Ready::READABLE.union(Ready::WRITABLE);

/// A probe: its number, and when it was due or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    /// From 1.
    pub number: u64,
    /// When the time for its answer began.
    pub sent: MonotonicNs,
}

impl Probe {
    /// The line that is sent: 32 bytes.
    fn line(self) -> String {
        format!("tcpecho-probe {:017}\n", self.number)
    }
}

/// An event of a trip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TripEvent {
    /// The connection is established.
    Connected,
    /// The server has sent its first line.
    Banner(String),
    /// The answer to a probe is complete.
    Answered(Probe),
    /// The answer to a probe that was given up has come after all.
    Late(Probe),
}

/// A failure of a trip: the word, and a sentence if the word does not say it all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TripError {
    pub kind: FailureKind,
    pub details: String,
}

impl TripError {
    pub(super) fn of(error: &io::Error) -> Self {
        Self { kind: FailureKind::of(error), details: error.to_string() }
    }
}

/// One connection, from the connect on.
#[derive(Debug)]
pub(super) struct Trip<S> {
    /// Its channel.
    pub channel: usize,
    /// When the connect began.
    pub dialled: MonotonicNs,
    /// When it was established.
    pub connected: Option<MonotonicNs>,
    /// Probes without their answer yet, the oldest first.
    waiting: VecDeque<Probe>,
    /// The first of them, which were given up; their answers may still come.
    given_up: usize,
    stream: S,
    ready: Ready,
    awaits_banner: bool,
    send_proxy: Option<proxy::Version>,
    /// The rest of the PROXY header, which goes before everything.
    header: Vec<u8>,
    output: Vec<u8>,
    input: Vec<u8>,
}

impl<S: DialedStream> Trip<S> {
    pub(super) fn new(channel: usize, stream: S, dialled: MonotonicNs) -> Self {
        Self {
            channel,
            dialled,
            connected: None,
            waiting: VecDeque::new(),
            given_up: 0,
            stream,
            ready: Ready::NONE,
            awaits_banner: false,
            send_proxy: None,
            header: Vec::new(),
            output: Vec::new(),
            input: Vec::new(),
        }
    }

    /// Sends nothing before the server's first line.
    pub(super) fn await_banner(mut self) -> Self {
        self.awaits_banner = true;
        self
    }

    /// Sends a PROXY header of this version first.
    pub(super) fn send_proxy(mut self, version: Option<proxy::Version>) -> Self {
        self.send_proxy = version;
        self
    }

    /// The stream, for the kernel's figures.
    pub(super) const fn stream(&self) -> &S {
        &self.stream
    }

    /// Notes the hints of an event.
    pub(super) fn mark(&mut self, ready: Ready) {
        self.ready.insert(ready);
    }

    /// Queues a probe; [`Self::serve`] sends it once the connection is there.
    pub(super) fn send(&mut self, probe: Probe) {
        self.output.extend_from_slice(probe.line().as_bytes());
        self.waiting.push_back(probe);
        self.ready.insert(Ready::WRITABLE);
    }

    /// The probes that may still be answered in time, the oldest first.
    pub(super) fn in_time(&self) -> impl Iterator<Item = Probe> + '_ {
        self.waiting.iter().skip(self.given_up).copied()
    }

    /// The number of unanswered probes.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Gives the oldest probe up that was sent before `since`, and returns it.
    pub(super) fn give_up(&mut self, since: MonotonicNs) -> Option<Probe> {
        let probe = self.in_time().next().filter(|probe| probe.sent <= since)?;
        self.given_up += 1;
        Some(probe)
    }

    /// Puts off all deadlines: this process was stopped for so long.
    pub(super) fn excuse(&mut self, pause: Duration) {
        self.dialled = self.dialled.after(pause);
        self.waiting.iter_mut().for_each(|probe| probe.sent = probe.sent.after(pause));
    }

    /// True if a probe is queued, and the connection took all before.
    pub(super) fn can_write(&self) -> bool {
        let open = self.connected.is_some() && self.ready.contains(Ready::WRITABLE);
        open && (!self.header.is_empty() || !self.awaits_banner && !self.output.is_empty())
    }

    /// Makes closing send RST, which leaves no port in `TIME_WAIT`.
    pub(super) fn reset(&self) {
        // If this fails, closing sends FIN.
        drop(self.stream.close_with_reset());
    }

    /// Moves all bytes that can be moved, and reports the events.
    pub(super) fn serve(
        &mut self,
        now: MonotonicNs,
        events: &mut Vec<TripEvent>,
    ) -> Result<(), TripError> {
        if self.connected.is_none() && !self.connect(now, events)? {
            return Ok(());
        }
        self.write_all()?;
        self.read(events)
    }

    /// Completes the connect, once an event has reported the socket writable.
    fn connect(
        &mut self,
        now: MonotonicNs,
        events: &mut Vec<TripEvent>,
    ) -> Result<bool, TripError> {
        if !self.ready.contains(Ready::WRITABLE) {
            return Ok(false);
        }
        if let Some(error) = self.stream.take_error().map_err(|error| TripError::of(&error))? {
            return Err(TripError::of(&error));
        }
        let (local, remote) = (self.stream.local(), self.stream.remote());
        if local.is_some() && remote.is_none() {
            // A probe was queued, and no event has come yet.
            self.ready.remove(Ready::WRITABLE);
            return Ok(false);
        }
        if local.is_some() && local == remote {
            // Simultaneous open of the socket with itself (RFC 9293, section 3.5).
            let details = "no process listens there; the socket connected to itself".to_owned();
            return Err(TripError { kind: FailureKind::Refused, details });
        }
        if let Some(version) = self.send_proxy {
            self.header = proxy::header(version, local.zip(remote));
        }
        self.connected = Some(now);
        events.push(TripEvent::Connected);
        Ok(true)
    }

    fn write_all(&mut self) -> Result<(), TripError> {
        while self.can_write() {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), TripError> {
        let output = if self.header.is_empty() { &mut self.output } else { &mut self.header };
        match self.stream.write(output) {
            Ok(count) => {
                output.drain(..count);
            }
            Err(error) if errno::would_block(&error) => self.ready.remove(Ready::WRITABLE),
            Err(error) if errno::is_interrupted(&error) => {}
            Err(error) => return Err(TripError::of(&error)),
        }
        Ok(())
    }

    fn read(&mut self, events: &mut Vec<TripEvent>) -> Result<(), TripError> {
        let mut room = [0; READ_BYTES];
        for _ in 0..READS_PER_TURN {
            if !self.ready.contains(Ready::READABLE) {
                break;
            }
            match self.stream.read(&mut room) {
                Ok(0) => {
                    let details = "the server ended the connection".to_owned();
                    return Err(TripError { kind: FailureKind::Terminated, details });
                }
                Ok(count) => {
                    self.input.extend(room.iter().take(count));
                    self.take_lines(events)?;
                }
                Err(error) if errno::would_block(&error) => self.ready.remove(Ready::READABLE),
                Err(error) if errno::is_interrupted(&error) => {}
                Err(error) => return Err(TripError::of(&error)),
            }
        }
        Ok(())
    }

    /// Takes whole lines out of the input: the banner, then the answers in order.
    fn take_lines(&mut self, events: &mut Vec<TripEvent>) -> Result<(), TripError> {
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<_> = self.input.drain(..=end).collect();
            if self.awaits_banner {
                self.awaits_banner = false;
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                events.push(TripEvent::Banner(text));
                self.ready.insert(Ready::WRITABLE);
                self.write_all()?;
                continue;
            }
            match self.waiting.front().copied() {
                Some(probe) if probe.line().as_bytes() == line => {
                    self.waiting.pop_front();
                    let late = self.given_up > 0;
                    self.given_up = self.given_up.saturating_sub(1);
                    let event = if late { TripEvent::Late } else { TripEvent::Answered };
                    events.push(event(probe));
                }
                _ => return Err(self.unexpected(&line)),
            }
        }
        if self.input.len() > READ_BYTES {
            let begin = self.input.clone();
            return Err(self.unexpected(&begin));
        }
        Ok(())
    }

    fn unexpected(&self, bytes: &[u8]) -> TripError {
        let shown: String = String::from_utf8_lossy(bytes).chars().take(40).collect();
        let advice = if self.awaits_banner { "" } else { " (a server that greets needs --banner)" };
        let details = format!("{:?} came back for a probe{advice}", shown.trim_end());
        TripError { kind: FailureKind::Failed, details }
    }
}
