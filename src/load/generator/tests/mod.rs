//! Whole runs on a scripted network: what is sent, what is found, and when it ends.

mod faults;
mod runs;
mod stops;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use super::*;
use crate::client::{Family, Server};
use crate::load::config::{Close, Config, Format, Mode, Size, Until};
use crate::load::report::{Found, Report, Share, Times};
use crate::load::script::{Connect, Deed, MILLISECOND, SECOND, Scripted, World};
use crate::load::summary;

fn config(mode: Mode) -> Config {
    Config {
        server: Server::Host { name: "localhost".to_owned(), port: 7, family: Family::Any },
        connections: 4,
        until: Until::Time(Duration::from_secs(2)),
        rate: None,
        size: Size { min: 64, max: 64 },
        pipeline: 1,
        ramp: Duration::ZERO,
        warmup: Duration::ZERO,
        mode,
        again: 0,
        close: Close::Fin,
        sources: Vec::new(),
        send_proxy: None,
        skip_greeting: false,
        seed: 1,
        timeout: Duration::from_secs(5),
        format: Format::Json,
        output: None,
        #[cfg(feature = "plot")]
        plot: None,
        hdr: None,
        fail_if: Vec::new(),
        allow_errors: false,
        progress: false,
    }
}

struct Ran {
    report: Report,
    latency: hdrhistogram::Histogram<u64>,
    notes: Vec<String>,
    took: Duration,
    world: Rc<RefCell<World>>,
}

impl Ran {
    /// What went wrong: where, in one word, how often.
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

fn run(config: &Config, world: impl FnOnce(&mut World)) -> Ran {
    let shared = World::new();
    world(&mut shared.borrow_mut());
    let begun = shared.borrow().now;
    let mut generator = Generator::new(Scripted(Rc::clone(&shared)), config);
    let mut notes = Vec::new();
    while !generator.is_over() {
        generator.turn().unwrap();
        notes.extend(generator.take_notes());
    }
    let (results, measured) = generator.finish();
    let server = std::net::SocketAddr::from(([127, 0, 0, 1], 7));
    let times = results.distributions();
    let report = summary::report(config, &server.into(), &results, &times, measured);
    let took = Duration::from_nanos(shared.borrow().now - begun);
    assert!(shared.borrow().wires.iter().all(|wire| wire.closed), "all are closed");
    Ran { report, latency: times.latency.times, notes, took, world: shared }
}
