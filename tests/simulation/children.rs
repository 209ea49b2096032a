//! Simulated `--exec` children, which do nothing but exit.

use rustix::process::Pid;
use tcpecho::reactor::{ExitStatus, Signal, StopSignal};

use super::environment::Environment;

/// A running child.
#[derive(Debug)]
pub(super) struct Child {
    id: Pid,
    wire: usize,
    /// Ignores SIGTERM.
    stubborn: bool,
    processes: Processes,
}

/// The processes of a child's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Processes {
    Itself,
    /// The child has started a process that outlives it.
    ItselfAndAnother,
    Another,
}

impl Child {
    /// True if `id` is the child's process id, even after its exit.
    pub(super) fn is(&self, id: Pid) -> bool {
        self.id == id
    }
}

impl Environment {
    /// Starts a child for a connection.
    pub(super) fn start_child(&mut self, wire: usize) -> Pid {
        let id = i32::try_from(wire + 1).ok().and_then(Pid::from_raw).unwrap();
        let stubborn = self.rng.u32(0..4) == 0;
        let two = self.rng.u32(0..8) == 0;
        let processes = if two { Processes::ItselfAndAnother } else { Processes::Itself };
        self.children.push(Child { id, wire, stubborn, processes });
        id
    }

    /// Ends a random child, sometimes; returns true if one ended.
    pub(super) fn some_child_ends(&mut self) -> bool {
        let ends = !self.children.is_empty() && self.rng.u32(0..8) == 0;
        if ends {
            let child = self.rng.usize(0..self.children.len());
            self.child_ends(child, ExitStatus::Exited(0));
        }
        ends
    }

    /// Ends every child; returns true if there was one.
    pub(super) fn every_child_ends(&mut self) -> bool {
        let some = !self.children.is_empty();
        while !self.children.is_empty() {
            self.child_ends(0, ExitStatus::Exited(0));
        }
        some
    }

    /// Sends a signal to a child's process group.
    pub(super) fn signal_child(&mut self, id: Pid, signal: StopSignal) {
        let Some(number) = self.children.iter().position(|child| child.id == id) else { return };
        match signal {
            StopSignal::Kill => {
                if self.children[number].processes == Processes::ItselfAndAnother {
                    self.child_ends(number, ExitStatus::Signalled(9));
                }
                self.child_ends(number, ExitStatus::Signalled(9));
            }
            StopSignal::Terminate if self.children[number].stubborn => {}
            StopSignal::Terminate => self.child_ends(number, ExitStatus::Signalled(15)),
        }
    }

    fn child_ends(&mut self, number: usize, how: ExitStatus) {
        let child = &mut self.children[number];
        let (id, wire, before) = (child.id, child.wire, child.processes);
        child.processes = Processes::Another;
        if before != Processes::Another {
            self.children_ended.push_back((id, how));
        }
        if before != Processes::ItselfAndAnother {
            self.children.swap_remove(number);
            self.wires[wire].close();
        }
        self.print_step(|| format!("a process of peer {wire}'s child ({before:?}) ended: {how}"));
        self.signals.push(Signal::Child);
    }
}
