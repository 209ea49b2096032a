//! Whole runs on a scripted network: lines sent, results found, and when the run ends.

mod faults;
mod runs;
mod stops;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use super::*;

use crate::load::config::{Close, LineSize, LoadConfig, Mode, StopAfter};
use crate::load::progress::Activity;
use crate::load::report::Report;
use crate::load::report::summary;
use crate::load::script::{Connect, MILLISECOND, Network, SECOND, ScriptedNet, ServerBehavior};
use crate::load::{Found, Statistic, Times};

fn config(mode: Mode) -> LoadConfig {
    LoadConfig { connections: 4, mode, ..LoadConfig::for_tests() }
}

struct Ran {
    report: Report,
    latency: hdrhistogram::Histogram<u64>,
    notes: Vec<String>,
    took: Duration,
    world: Rc<RefCell<Network>>,
}

impl Ran {
    /// Errors: phase, word and count.
    fn errors(&self) -> Vec<(&str, &str, u64)> {
        let by_phase = self.report.errors_by_phase.iter();
        by_phase
            .flat_map(|(phase, words)| {
                words.iter().map(|(word, count)| (&**phase, &**word, *count))
            })
            .collect()
    }

    fn wires(&self, what: fn(&crate::load::script::Wire) -> bool) -> usize {
        self.world.borrow().wires.iter().filter(|wire| what(wire)).count()
    }
}

fn run(config: &LoadConfig, world: impl FnOnce(&mut Network)) -> Ran {
    let shared = Network::new();
    world(&mut shared.borrow_mut());
    let begun = shared.borrow().now;
    let server = Endpoint::Unix("/nowhere".into());
    let mut generator = Engine::new(ScriptedNet(Rc::clone(&shared)), server, config);
    let (mut notes, mut done) = (Vec::new(), 0.0);
    while !generator.is_over() {
        generator.turn().unwrap();
        notes.extend(generator.take_notes());
        let elapsed = Duration::from_nanos(shared.borrow().now - begun);
        done = check(&generator, done, elapsed);
    }
    let (results, measured) = generator.finish();
    let server = std::net::SocketAddr::from(([127, 0, 0, 1], 7));
    let times = results.distributions();
    let report = summary::report(config, &server.into(), &results, &times, measured);
    let took = Duration::from_nanos(shared.borrow().now - begun);
    assert!(measured <= took, "measured for {measured:?} of {took:?}");
    assert!(shared.borrow().wires.iter().all(|wire| wire.closed), "all are closed");
    Ran { report, latency: times.latency.times, notes, took, world: shared }
}

/// Asserts that the progress shown is possible: `done` so far, `elapsed` since the start. Returns
/// the share that is done now.
fn check<D: Dial>(engine: &Engine<D>, done: f64, elapsed: Duration) -> f64 {
    let state = engine.state();
    assert!((done..=1.0).contains(&state.done), "{state:?} after {done}");
    assert!(state.elapsed <= elapsed, "{state:?} after {elapsed:?}");
    let waits = matches!(state.activity, Activity::Waiting { .. });
    assert!(waits || !engine.clock.is_ending(), "{state:?} in the cooldown");
    state.done
}
