//! Accept queues: their connections, and how `accept` takes them.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use rustix::io::Errno;

use super::environment::Environment;
use super::wire::Wire;

/// An accept queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) waiting: VecDeque<usize>,
    /// A connection has arrived since the last event.
    pub(super) edge: bool,
}

impl Environment {
    /// Checks the state in which the daemon waits for an event.
    pub(super) fn goes_to_sleep(&mut self, timeout: Option<Duration>) {
        if timeout == Some(Duration::ZERO) {
            return;
        }
        self.turn.moved = true;
        if let Some(number) = self.wires.iter().position(Wire::is_forgotten) {
            self.violated(|| {
                format!("peer {number} is forgotten: it has unread input, and no event is due")
            });
        }
        let asleep = |queue: &Queue| !queue.waiting.is_empty() && !queue.edge;
        self.turn.slept_on_queue = self.listeners.iter().any(asleep);
    }

    /// accept(2), from a listener's queue or the admin listener's.
    pub(super) fn take_from_queue(&mut self, listener: Option<usize>) -> io::Result<usize> {
        if self.fault(|fault_profile| fault_profile.interrupted) {
            return Err(Errno::INTR.into());
        }
        // The kernel allocates a descriptor before it looks for a connection.
        if self.streams >= self.fault_profile.descriptors_max {
            self.faults += 1;
            return Err(Errno::MFILE.into());
        }
        let fails = self.fault(|fault_profile| fault_profile.failing_accept);
        let queue = match listener {
            Some(listener) => self.listeners.get_mut(listener),
            None => Some(&mut self.admin),
        };
        let queue = queue.ok_or(Errno::BADF)?;
        let Some(number) = queue.waiting.front().copied() else { return Err(Errno::AGAIN.into()) };
        if fails {
            return Err(self.accept_fails(listener, number).into());
        }
        queue.waiting.pop_front();
        self.turn.moved = true;
        self.streams += 1;
        self.peers[number].accepted = true;
        self.wires[number].accepted_at = self.now;
        self.wires[number].moved_at = self.now;
        self.wires[number].read_at = self.now;
        self.print_step(|| format!("accepted peer {number}"));
        Ok(number)
    }

    /// Removes a connection that died in the queue; other errors leave it there.
    fn accept_fails(&mut self, listener: Option<usize>, number: usize) -> Errno {
        let errnos = [
            Errno::CONNABORTED,
            Errno::PROTO,
            Errno::NOBUFS,
            Errno::NOMEM,
            Errno::PERM,
            Errno::NETDOWN,
        ];
        let errno = errnos[self.rng.usize(0..errnos.len())];
        if matches!(errno, Errno::CONNABORTED | Errno::PROTO) {
            let queue = listener.map_or(&mut self.admin, |listener| &mut self.listeners[listener]);
            queue.waiting.pop_front();
            self.peers[number].lost = true;
            self.wires[number].reset();
            self.accepted += u64::from(listener.is_some());
            self.turn.moved = true;
        }
        errno
    }

    pub(super) fn close_queues(&mut self) {
        self.listeners_closed = true;
        for queue in &mut self.listeners {
            for number in queue.waiting.drain(..) {
                self.peers[number].lost = true;
                self.wires[number].reset();
            }
            queue.edge = false;
        }
    }
}
