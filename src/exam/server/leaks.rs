//! The remains of 10,000 connections in a server.

use std::time::Duration;

use crate::exam::processes::{self, Process};
use crate::exam::task::{Failure, Judged, Task, wrong};

use super::crowd::after;
use super::{Server, task};

/// The connections of the task, and those before the first measurement: a server may keep the
/// memory of its first connections.
const CONNECTIONS: usize = 10_000;
const WARM_UP: usize = 1_000;

/// Every tenth connection is reset.
const RESETS: usize = 10;

/// A slow server has fewer connections, as many as fit into this time, but the warm-up and as many
/// again at least.
const TIME: Duration = Duration::from_secs(8);

/// Descriptors, live processes and memory that may remain. Garbage collectors take some.
const DESCRIPTORS_MAX: usize = 20;
const PROCESSES_MAX: usize = 20;
const MEMORY_MAX: usize = 8 << 20;

/// How long the last connections' ends may take.
const SETTLED: Duration = Duration::from_secs(3);

pub(super) const LEAKS: Task = Task {
    times: 3,
    did: "opened 10,000 connections one after the other (a slow server: as many as it could serve \
          in 8 seconds), had a line echoed on each, closed it, and reset every tenth",
    expected: "after the last, the server has no more descriptors and processes than after the \
               first thousand (20 more at most), and less than 8 MB more memory for each half of \
               the rest",
    hint: "which descriptors does each process have after fork, and what is done at the end of a \
           connection on each path, the error too?",
    read: "docs/demonstrations/termination.md; UNP 4.8, 5.7",
    ..task("leaks", 5, leaks)
};

/// The resources of a server.
#[derive(Clone, Copy, Debug)]
struct Held {
    descriptors: usize,
    processes: usize,
    memory: usize,
}

/// A server may be slow, so time ends the task too. Descriptors and processes are exact; memory is
/// compared twice.
fn leaks(server: &mut Server) -> Judged {
    let enough = server.deadline().within(TIME);
    serve(server, 0..WARM_UP)?;
    let before = settle(server, None);
    let half = usize::midpoint(WARM_UP, CONNECTIONS);
    let mut done = WARM_UP;
    let mut middle = None;
    while done < CONNECTIONS && (done < 2 * WARM_UP || !enough.has_passed()) {
        serve(server, done..done + WARM_UP / 2)?;
        done += WARM_UP / 2;
        if done == half {
            middle = Some(settle(server, Some(before)));
        }
    }
    let end = settle(server, Some(before));
    if end.descriptors > before.descriptors + DESCRIPTORS_MAX {
        let more = end.descriptors - before.descriptors;
        return wrong(format!("{more} more descriptors are open after {done} connections"));
    }
    if end.processes > before.processes + PROCESSES_MAX {
        let more = end.processes - before.processes;
        return wrong(format!("{more} more processes run after {done} connections"));
    }
    // A collector that has not run yet makes one half grow, and a leak both.
    let more = end.memory.saturating_sub(before.memory);
    let grows = |from: Held, to: Held| to.memory > from.memory + MEMORY_MAX;
    if middle.map_or_else(|| grows(before, end), |it| grows(before, it) && grows(it, end)) {
        return wrong(format!("{} MB more memory after {done} connections", more >> 20));
    }
    Ok(format!("{done} connections left nothing behind"))
}

/// Serves one client after the other.
fn serve(server: &Server, numbers: std::ops::Range<usize>) -> Result<(), Failure> {
    for number in numbers {
        let echoed = server.connect().and_then(|mut peer| {
            peer.exchange("one of many\n")?;
            if number % RESETS == 0 {
                peer.reset();
            } else {
                peer.close();
            }
            Ok(())
        });
        echoed.map_err(|failure| after(number, "connections", failure))?;
    }
    Ok(())
}

/// Measures once the server has seen the ends of its connections, or does not change any more.
fn settle(server: &Server, goal: Option<Held>) -> Held {
    let mut now = held(&server.processes());
    let mut last = now;
    let mut same = 0;
    server.deadline().within(SETTLED).until(|| {
        last = std::mem::replace(&mut now, held(&server.processes()));
        same = if (last.descriptors, last.processes) == (now.descriptors, now.processes) {
            same + 1
        } else {
            0
        };
        let back = goal.is_some_and(|goal| {
            now.descriptors <= goal.descriptors && now.processes <= goal.processes
        });
        back || same > 100
    });
    now
}

/// Zombies hold nothing, and are the subject of another task.
fn held(all: &[Process]) -> Held {
    let live = || all.iter().filter(|one| one.state != 'Z');
    Held {
        descriptors: live().map(|one| processes::descriptors(one.pid)).sum(),
        processes: live().count(),
        memory: live().map(|one| processes::memory(one.pid)).sum(),
    }
}
