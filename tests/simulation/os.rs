//! The simulation as the reactor sees it: [`Os`] and [`Stream`] on simulated connections.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;
use tcpecho::clock::MonotonicMs;
use tcpecho::connection::{Peer as Name, Stream};
use tcpecho::reactor::{Event, ExitStatus, Os, Signal, StopSignal};

use super::environment::Environment;

/// Most steps of peers without an event for the daemon: each peer sends and reads everything in
/// fewer.
const ACTS_MAX: usize = 1 << 20;

/// The simulated operating system.
#[derive(Clone, Debug)]
pub(super) struct Simulated(pub(super) Rc<RefCell<Environment>>);

/// The daemon's socket.
#[derive(Debug)]
pub(super) struct End {
    environment: Rc<RefCell<Environment>>,
    /// None after it was passed to a child.
    wire: Option<usize>,
}

impl Os for Simulated {
    type Stream = End;

    fn poll(&mut self, timeout: Option<Duration>, handle: impl FnMut(Event)) -> io::Result<()> {
        let mut environment = self.0.borrow_mut();
        environment.stir();
        environment.goes_to_sleep(timeout);
        // After SIGCONT, the wait ends as if a signal handler had interrupted it (signal(7)).
        let stopped = environment.fault(|fault_profile| fault_profile.stopped);
        if stopped {
            environment.stop();
        }
        if stopped || environment.fault(|fault_profile| fault_profile.interrupted) {
            environment.turn.moved = true;
            return Err(Errno::INTR.into());
        }
        let until = timeout.map(|timeout| environment.now.after(timeout));
        let mut events = environment.events();
        let mut patience = ACTS_MAX;
        while events.is_empty() && until.is_none_or(|until| environment.now < until) {
            if !environment.wait(until) {
                match until {
                    Some(until) => environment.now = until,
                    None => environment.turn.stuck = true,
                }
                break;
            }
            events = environment.events();
            patience -= 1;
            assert!(patience > 0, "peers act without end, and the daemon gets no event");
        }
        // The daemon is stopped between the wait and its next reading of the clock.
        if environment.fault(|fault_profile| fault_profile.stopped) {
            environment.stop();
        }
        drop(environment);
        events.into_iter().for_each(handle);
        Ok(())
    }

    fn accept(&mut self, listener: usize) -> io::Result<(End, Name)> {
        let mut environment = self.0.borrow_mut();
        environment.freeze();
        environment.turn.accepts += 1;
        let number = environment.take_from_queue(Some(listener))?;
        environment.accepted += 1;
        let name = environment.addresses[number];
        Ok((End { environment: Rc::clone(&self.0), wire: Some(number) }, name))
    }

    fn queue_is_empty(&self, listener: usize) -> bool {
        let mut environment = self.0.borrow_mut();
        // The poll itself may fail.
        let answered = !environment.fault(|fault_profile| fault_profile.interrupted);
        answered
            && environment.listeners.get(listener).is_some_and(|queue| queue.waiting.is_empty())
    }

    fn accept_admin(&mut self) -> io::Result<(End, Name)> {
        let mut environment = self.0.borrow_mut();
        let number = environment.take_from_queue(None)?;
        let name = environment.addresses[number];
        Ok((End { environment: Rc::clone(&self.0), wire: Some(number) }, name))
    }

    fn register(&mut self, stream: &mut End, key: usize) -> io::Result<()> {
        let mut environment = self.0.borrow_mut();
        let Some(number) = stream.wire else { return Ok(()) };
        if environment.fault(|fault_profile| fault_profile.failing_register) {
            environment.wires[number].faulted = true;
            return Err(Errno::NOMEM.into());
        }
        if environment.wires.iter().any(|wire| wire.key == Some(key)) {
            environment.violated(|| format!("key {key} was given to two connections"));
        }
        environment.print_step(|| format!("peer {number} is registered under {key}"));
        let wire = &mut environment.wires[number];
        wire.key = Some(key);
        wire.edges = wire.level();
        Ok(())
    }

    fn close_listeners(&mut self) {
        self.0.borrow_mut().close_queues();
    }

    fn signals(&mut self) -> Vec<Signal> {
        std::mem::take(&mut self.0.borrow_mut().signals)
    }

    fn spawn(&mut self, mut stream: End, _: &Name) -> io::Result<Pid> {
        let mut environment = self.0.borrow_mut();
        if environment.fault(|fault_profile| fault_profile.failing_spawn) {
            drop(environment);
            return Err(Errno::AGAIN.into());
        }
        // The child owns the socket now.
        let wire = stream.wire.take().ok_or(io::ErrorKind::NotConnected)?;
        environment.streams -= 1;
        environment.wires[wire].key = None;
        Ok(environment.start_child(wire))
    }

    fn reap(&mut self) -> Option<(Pid, ExitStatus)> {
        self.0.borrow_mut().children_ended.pop_front()
    }

    fn is_over(&mut self, child: Pid) -> bool {
        !self.0.borrow().children.iter().any(|other| other.is(child))
    }

    fn signal_child(&mut self, child: Pid, signal: StopSignal) {
        self.0.borrow_mut().signal_child(child, signal);
    }

    fn now(&self) -> MonotonicMs {
        self.0.borrow().now
    }
}

impl Stream for End {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut environment = self.environment.borrow_mut();
        let number = self.number();
        environment.freeze();
        environment.may_fail(number)?;
        let short = environment.fault(|fault_profile| fault_profile.short_read);
        let most = if short { environment.rng.usize(1..=64) } else { usize::MAX };
        environment.is_late(number);
        let read = environment.wires[number].read(room, most);
        if read.as_ref().is_ok_and(|read| *read > 0) {
            environment.wires[number].moved_at = environment.now;
            environment.wires[number].read_at = environment.now;
        }
        environment.turn.moved |= read.is_ok();
        environment.print_step(|| format!("read from peer {number}: {read:?}"));
        read
    }

    fn peek(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut environment = self.environment.borrow_mut();
        let number = self.number();
        environment.may_fail(number)?;
        environment.is_late(number);
        let now = environment.now;
        let wire = &mut environment.wires[number];
        let before = wire.peeked;
        let peeked = wire.peek(room);
        if wire.peeked > before {
            (wire.moved_at, wire.read_at) = (now, now);
        }
        environment.print_step(|| format!("peek at peer {number}: {peeked:?}"));
        peeked
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut environment = self.environment.borrow_mut();
        let number = self.number();
        if environment.wires[number].half_closed.is_some() {
            environment.violated(|| format!("peer {number}: a write after our FIN"));
        }
        environment.freeze();
        let now = environment.now;
        environment
            .may_fail(number)
            .inspect_err(|_| environment.wires[number].interrupt_write(now))?;
        environment.is_late(number);
        let short = environment.fault(|fault_profile| fault_profile.short_write);
        let most = if short { environment.rng.usize(1..=bytes.len().max(1)) } else { usize::MAX };
        let wire = &mut environment.wires[number];
        let was_pending = wire.blocked || std::mem::take(&mut wire.interrupted);
        let written = environment.wires[number].write(bytes, most);
        if written.is_ok() || !was_pending {
            environment.wires[number].pending_since = environment.now;
        }
        environment
            .print_step(|| format!("write to peer {number} of {}: {written:?}", bytes.len()));
        if let Ok(taken) = written {
            environment.turn.moved = true;
            environment.wires[number].moved_at = environment.now;
            environment.compare(number, &bytes[..taken]);
        }
        written
    }

    fn half_close(&mut self) -> io::Result<()> {
        let mut environment = self.environment.borrow_mut();
        let number = self.number();
        let now = environment.now;
        let wire = &mut environment.wires[number];
        if wire.dead {
            return Err(Errno::NOTCONN.into());
        }
        wire.half_closed = Some(wire.read);
        wire.half_closed_at = now;
        wire.quiet_before_fin = now.since(wire.moved_at);
        environment.print_step(|| format!("FIN to peer {number}"));
        Ok(())
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        let number = self.number();
        Ok(self.environment.borrow_mut().wires[number].error.take().map(Into::into))
    }

    fn close_with_reset(&self) -> io::Result<()> {
        let number = self.number();
        self.environment.borrow_mut().wires[number].lingers_not = true;
        Ok(())
    }
}

impl End {
    fn number(&self) -> usize {
        self.wire.expect("the stream is no longer used after spawn")
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let Some(number) = self.wire else { return };
        let mut environment = self.environment.borrow_mut();
        environment.print_step(|| format!("closed peer {number}"));
        environment.streams -= 1;
        environment.turn.moved = true;
        let now = environment.now;
        environment.wires[number].closed_at = now;
        environment.wires[number].close();
    }
}
