//! Children that answer in the daemon's place: all they do here is to end.

use rustix::process::Pid;
use tcpecho::reactor::{ExitStatus, Signal, StopSignal};

use super::world::World;

/// A child that has not ended.
#[derive(Debug)]
pub(super) struct Child {
    id: Pid,
    wire: usize,
    /// It does not heed SIGTERM.
    stubborn: bool,
    processes: Processes,
}

/// The processes of a child's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Processes {
    Itself,
    /// It has started one that lives on when it ends itself.
    ItselfAndAnother,
    Another,
}

impl Child {
    /// True if it is, or was, the process of that number.
    pub(super) fn is(&self, id: Pid) -> bool {
        self.id == id
    }
}

impl World {
    /// Starts one for a wire.
    pub(super) fn start_child(&mut self, wire: usize) -> Pid {
        let id = i32::try_from(wire + 1).ok().and_then(Pid::from_raw).unwrap();
        let stubborn = self.rng.u32(0..4) == 0;
        let two = self.rng.u32(0..8) == 0;
        let processes = if two { Processes::ItselfAndAnother } else { Processes::Itself };
        self.children.push(Child { id, wire, stubborn, processes });
        id
    }

    /// Has a child end, sometimes; returns true if one did.
    pub(super) fn some_child_ends(&mut self) -> bool {
        let ends = !self.children.is_empty() && self.rng.u32(0..8) == 0;
        if ends {
            let child = self.rng.usize(0..self.children.len());
            self.child_ends(child, ExitStatus::Exited(0));
        }
        ends
    }

    /// Has every child end; returns true if there was one.
    pub(super) fn every_child_ends(&mut self) -> bool {
        let some = !self.children.is_empty();
        while !self.children.is_empty() {
            self.child_ends(0, ExitStatus::Exited(0));
        }
        some
    }

    /// Sends a child a signal.
    pub(super) fn urge_child(&mut self, id: Pid, signal: StopSignal) {
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
        self.tell(|| format!("of the child of peer {wire}, {before:?}, one ended: {how}"));
        self.signals.push(Signal::Child);
    }
}
