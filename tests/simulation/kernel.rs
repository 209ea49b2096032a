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

use super::world::World;

/// Most steps of peers without an event for the daemon: each peer sends and reads everything in
/// fewer.
const ACTS_MAX: usize = 1 << 20;

/// The simulated operating system.
#[derive(Clone, Debug)]
pub(super) struct Simulated(pub(super) Rc<RefCell<World>>);

/// The daemon's socket.
#[derive(Debug)]
pub(super) struct End {
    world: Rc<RefCell<World>>,
    /// None after it was passed to a child.
    wire: Option<usize>,
}

impl Os for Simulated {
    type Stream = End;

    fn poll(&mut self, timeout: Option<Duration>, tell: impl FnMut(Event)) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.stir();
        world.goes_to_sleep(timeout);
        // After SIGCONT, the wait ends as if a signal handler had interrupted it (signal(7)).
        let stopped = world.fault(|weather| weather.stopped);
        if stopped {
            world.stop();
        }
        if stopped || world.fault(|weather| weather.interrupted) {
            world.asked.moved = true;
            return Err(Errno::INTR.into());
        }
        let until = timeout.map(|timeout| world.now.after(timeout));
        let mut events = world.events();
        let mut patience = ACTS_MAX;
        while events.is_empty() && until.is_none_or(|until| world.now < until) {
            if !world.wait(until) {
                match until {
                    Some(until) => world.now = until,
                    None => world.asked.stuck = true,
                }
                break;
            }
            events = world.events();
            patience -= 1;
            assert!(patience > 0, "peers act without end, and the daemon gets no event");
        }
        // The daemon is stopped between the wait and its next reading of the clock.
        if world.fault(|weather| weather.stopped) {
            world.stop();
        }
        drop(world);
        events.into_iter().for_each(tell);
        Ok(())
    }

    fn accept(&mut self, listener: usize) -> io::Result<(End, Name)> {
        let mut world = self.0.borrow_mut();
        world.freeze();
        world.asked.accepts += 1;
        let number = world.take_from_queue(Some(listener))?;
        world.accepted += 1;
        let name = world.addresses[number];
        Ok((End { world: Rc::clone(&self.0), wire: Some(number) }, name))
    }

    fn queue_is_empty(&self, listener: usize) -> bool {
        let mut world = self.0.borrow_mut();
        // The poll itself may fail.
        let answered = !world.fault(|weather| weather.interrupted);
        answered && world.listeners.get(listener).is_some_and(|queue| queue.waiting.is_empty())
    }

    fn accept_admin(&mut self) -> io::Result<(End, Name)> {
        let mut world = self.0.borrow_mut();
        let number = world.take_from_queue(None)?;
        let name = world.addresses[number];
        Ok((End { world: Rc::clone(&self.0), wire: Some(number) }, name))
    }

    fn register(&mut self, stream: &mut End, key: usize) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        let Some(number) = stream.wire else { return Ok(()) };
        if world.fault(|weather| weather.failing_register) {
            world.wires[number].faulted = true;
            return Err(Errno::NOMEM.into());
        }
        if world.wires.iter().any(|wire| wire.key == Some(key)) {
            world.violated(|| format!("key {key} was given to two connections"));
        }
        world.tell(|| format!("peer {number} is registered under {key}"));
        let wire = &mut world.wires[number];
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
        let mut world = self.0.borrow_mut();
        if world.fault(|weather| weather.failing_spawn) {
            drop(world);
            return Err(Errno::AGAIN.into());
        }
        // The child owns the socket now.
        let wire = stream.wire.take().ok_or(io::ErrorKind::NotConnected)?;
        world.streams -= 1;
        world.wires[wire].key = None;
        Ok(world.start_child(wire))
    }

    fn reap(&mut self) -> Option<(Pid, ExitStatus)> {
        self.0.borrow_mut().children_ended.pop_front()
    }

    fn is_over(&mut self, child: Pid) -> bool {
        !self.0.borrow().children.iter().any(|other| other.is(child))
    }

    fn signal_child(&mut self, child: Pid, signal: StopSignal) {
        self.0.borrow_mut().urge_child(child, signal);
    }

    fn now(&self) -> MonotonicMs {
        self.0.borrow().now
    }
}

impl Stream for End {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut world = self.world.borrow_mut();
        let number = self.number();
        world.freeze();
        world.may_fail(number)?;
        let short = world.fault(|weather| weather.short_read);
        let most = if short { world.rng.usize(1..=64) } else { usize::MAX };
        world.is_late(number);
        let read = world.wires[number].read(room, most);
        if read.as_ref().is_ok_and(|read| *read > 0) {
            world.wires[number].moved_at = world.now;
            world.wires[number].read_at = world.now;
        }
        world.asked.moved |= read.is_ok();
        world.tell(|| format!("read from peer {number}: {read:?}"));
        read
    }

    fn peek(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut world = self.world.borrow_mut();
        let number = self.number();
        world.may_fail(number)?;
        world.is_late(number);
        let now = world.now;
        let wire = &mut world.wires[number];
        let before = wire.peeked;
        let peeked = wire.peek(room);
        if wire.peeked > before {
            (wire.moved_at, wire.read_at) = (now, now);
        }
        world.tell(|| format!("peek at peer {number}: {peeked:?}"));
        peeked
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut world = self.world.borrow_mut();
        let number = self.number();
        if world.wires[number].half_closed.is_some() {
            world.violated(|| format!("peer {number}: a write after our FIN"));
        }
        world.freeze();
        let now = world.now;
        world.may_fail(number).inspect_err(|_| world.wires[number].interrupt_write(now))?;
        world.is_late(number);
        let short = world.fault(|weather| weather.short_write);
        let most = if short { world.rng.usize(1..=bytes.len().max(1)) } else { usize::MAX };
        let wire = &mut world.wires[number];
        let owed = wire.blocked || std::mem::take(&mut wire.interrupted);
        let written = world.wires[number].write(bytes, most);
        if written.is_ok() || !owed {
            world.wires[number].owed_at = world.now;
        }
        world.tell(|| format!("write to peer {number} of {}: {written:?}", bytes.len()));
        if let Ok(taken) = written {
            world.asked.moved = true;
            world.wires[number].moved_at = world.now;
            world.compare(number, &bytes[..taken]);
        }
        written
    }

    fn half_close(&mut self) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        let number = self.number();
        let now = world.now;
        let wire = &mut world.wires[number];
        if wire.dead {
            return Err(Errno::NOTCONN.into());
        }
        wire.half_closed = Some(wire.read);
        wire.half_closed_at = now;
        world.tell(|| format!("FIN to peer {number}"));
        Ok(())
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        let number = self.number();
        Ok(self.world.borrow_mut().wires[number].error.take().map(Into::into))
    }

    fn close_with_reset(&self) -> io::Result<()> {
        let number = self.number();
        self.world.borrow_mut().wires[number].lingers_not = true;
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
        let mut world = self.world.borrow_mut();
        world.tell(|| format!("closed peer {number}"));
        world.streams -= 1;
        world.asked.moved = true;
        let now = world.now;
        world.wires[number].closed_at = now;
        world.wires[number].close();
    }
}
