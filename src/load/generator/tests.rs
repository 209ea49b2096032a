//! Whole runs on a scripted network: what is sent, what is found, and when it ends.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use super::super::config::{Close, Config, Format, Mode, Size, Until};
use super::super::report::Report;
use super::super::script::{Connect, Deed, MILLISECOND, SECOND, Scripted, World};
use super::super::summary;
use super::*;
use crate::client::Family;

fn config(mode: Mode) -> Config {
    Config {
        host: String::new(),
        port: 7,
        family: Family::Any,
        connections: 4,
        until: Until::Time(Duration::from_secs(2)),
        rate: None,
        size: Size { min: 64, max: 64 },
        pipeline: 1,
        ramp: Duration::ZERO,
        warmup: Duration::ZERO,
        mode,
        close: Close::Fin,
        sources: Vec::new(),
        seed: 1,
        timeout: Duration::from_secs(5),
        format: Format::Json,
        output: None,
        #[cfg(feature = "plot")]
        plot: None,
        hdr: None,
        fail_if: Vec::new(),
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

    fn wires(&self, what: fn(&super::super::script::Wire) -> bool) -> usize {
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
    let report = summary::report(config, server, &results, measured);
    let took = Duration::from_nanos(shared.borrow().now - begun);
    assert!(shared.borrow().wires.iter().all(|wire| wire.closed), "all are closed");
    Ran { report, latency: results.latency, notes, took, world: shared }
}

#[test]
fn a_closed_loop_sends_when_the_echo_is_back() {
    let ran = run(&config(Mode::Echo), |_| {});
    // A millisecond for each, on each of four connections; the last ones come back after the end.
    assert!((7_990..=8_000).contains(&ran.report.lines), "{}", ran.report.lines);
    assert_eq!(ran.report.bytes, ran.report.lines * 64);
    assert_eq!((ran.report.unanswered, ran.errors()), (0, vec![]));
    let exact = Some(1000.0);
    assert!(ran.report.latency_us.p50 >= exact && ran.report.latency_us.max < Some(1001.0));
    assert_eq!((ran.report.feedback.as_str(), ran.report.duration_s), ("closed", 2.0));
    assert_eq!(ran.wires(|wire| wire.saw_fin && !wire.saw_rst), 4, "all ended in order");
}

#[test]
fn lines_on_their_way_are_as_many_as_the_pipeline_is_deep() {
    let config = Config { pipeline: 10, ..config(Mode::Echo) };
    let ran = run(&config, |_| {});
    assert!((79_900..=80_000).contains(&ran.report.lines), "{}", ran.report.lines);
}

#[test]
fn every_line_that_was_asked_for_is_sent_and_no_other() {
    for (mode, pipeline) in [(Mode::Echo, 1), (Mode::Echo, 7), (Mode::Stream, 1), (Mode::Churn, 1)]
    {
        let config = Config { until: Until::Lines(1000), pipeline, ..config(mode) };
        let ran = run(&config, |_| {});
        assert_eq!((ran.report.lines, ran.report.lines_total), (1000, 1000), "{mode:?} {pipeline}");
        assert_eq!(ran.errors(), [], "{mode:?}");
    }
    let open = Config { until: Until::Lines(1000), rate: Some(500.0), ..config(Mode::Echo) };
    let ran = run(&open, |_| {});
    assert_eq!((ran.report.lines, ran.report.late_us.max), (1000, None));
    assert!((1990..2010).contains(&ran.took.as_millis()), "{:?}", ran.took);
}

#[test]
fn an_open_loop_sends_at_its_rate_whatever_the_server_does() {
    let config = Config { rate: Some(1000.0), ..config(Mode::Echo) };
    let ran = run(&config, |world| world.delay = 3 * MILLISECOND);
    assert!((1990..=2000).contains(&ran.report.lines), "{}", ran.report.lines);
    assert_eq!(ran.report.latency_us.count, 2000, "those that came after the end too");
    assert_eq!(ran.report.feedback, "open");
}

/// What coordinated omission would hide: the same stall of a second, seen by both loops.
#[test]
fn a_stall_shows_in_every_line_that_it_held_up() {
    let stall = |world: &mut World| world.stall = 2 * SECOND..3 * SECOND;
    let long = |ran: &Ran| ran.latency.len() - ran.latency.count_between(0, SECOND / 10);
    let until = Until::Time(Duration::from_secs(10));
    let open = Config { rate: Some(100.0), until, ..config(Mode::Echo) };
    let ran = run(&open, stall);
    // 100 lines were due within the second, of which 90 had to wait for a tenth of it or more; and
    // so had a few others, behind them on their connection.
    assert!((90..=95).contains(&long(&ran)), "{}", long(&ran));
    let closed = Config { until, ..config(Mode::Echo) };
    assert_eq!(long(&run(&closed, stall)), 4, "one for each connection");
}

#[test]
fn ramp_and_warm_up_are_not_measured() {
    let second = Duration::from_secs(1);
    let config = Config { ramp: second, warmup: second, ..config(Mode::Echo) };
    let ran = run(&config, |_| {});
    assert!((7_990..=8_000).contains(&ran.report.lines), "{}", ran.report.lines);
    assert!(ran.report.lines_total > ran.report.lines + 4_000);
    let dialled: Vec<_> = ran.world.borrow().wires.iter().map(|wire| wire.dialled).collect();
    assert_eq!(dialled, [0, 250, 500, 750].map(|at| SECOND + at * MILLISECOND), "evenly");
    let measured: Vec<_> = ran.report.seconds.iter().map(|second| second.measured).collect();
    assert_eq!(measured, [false, false, true, true, false]);
}

#[test]
fn each_mode_ends_its_connections_as_it_says() {
    let ran = run(&config(Mode::Idle), |_| {});
    assert_eq!((ran.report.lines, ran.wires(|wire| wire.saw_fin)), (4, 4));
    assert!(ran.took >= Duration::from_secs(2), "they were held");
    let ran = run(&config(Mode::Churn), |_| {});
    assert!(ran.report.exchanges > 3_000, "{}", ran.report.exchanges);
    assert_eq!(ran.wires(|wire| !wire.saw_fin || wire.saw_rst), 0);
    let ran = run(&Config { close: Close::Rst, ..config(Mode::Churn) }, |_| {});
    assert_eq!(ran.wires(|wire| wire.saw_fin || !wire.saw_rst), 0);
    let ran = run(&Config { pipeline: 9, ..config(Mode::HalfClose) }, |_| {});
    assert_eq!(ran.report.lines_total, ran.report.exchanges_total * 9, "everything came back");
    assert_eq!((ran.wires(|wire| !wire.saw_fin), ran.errors()), (0, vec![]));
    let ran = run(&config(Mode::Abort), |_| {});
    assert!(ran.report.exchanges > 3_000 && ran.errors().is_empty(), "{:?}", ran.errors());
    assert_eq!(ran.wires(|wire| wire.saw_fin || !wire.saw_rst), 0);
}

#[test]
fn a_wrong_byte_is_told_with_its_place() {
    for (deed, fits) in [(Deed::Corrupt(130), 130), (Deed::Lose(130), 130), (Deed::Double(63), 64)]
    {
        let until = Until::Lines(400);
        let faulty = Config { connections: 1, until, ..config(Mode::Echo) };
        let ran = run(&faulty, |world| {
            world.deeds.push(deed);
        });
        assert_eq!((ran.report.mismatches, ran.errors()), (1, vec![("verify", "mismatch", 1)]));
        let found = &ran.report.first_mismatches[0];
        assert_eq!((found.connection, found.local.as_str()), (0, "127.0.0.1:40000"), "{deed:?}");
        assert!(found.offset >= fits && found.expected != Some(found.got), "{deed:?} {found:?}");
        assert_eq!(ran.report.lines_total + ran.report.unanswered, 400, "{deed:?}");
    }
}

#[test]
fn a_server_that_ends_first_is_told_and_connected_to_again() {
    let ran = run(&config(Mode::Echo), |world| {
        world.deeds.extend([Deed::End(100), Deed::Reset(100)]);
    });
    assert_eq!(ran.errors(), [("read", "reset", 1), ("read", "terminated", 1)]);
    assert_eq!((ran.report.connections.attempted, ran.report.connections.failed), (6, 2));
    assert_eq!(ran.report.unanswered, 2);
    let again = ran.world.borrow().wires[4].dialled;
    assert!(again >= SECOND + 100 * MILLISECOND, "not at once: {again}");
}

#[test]
fn a_server_that_is_not_there_ends_the_run() {
    let ran = run(&config(Mode::Echo), |world| world.connect = |_| Connect::Refused);
    assert_eq!(ran.errors(), [("connect", "refused", 4)]);
    assert!(ran.took < Duration::from_secs(1) && !ran.notes.is_empty(), "{:?}", ran.took);
    let ran = run(&config(Mode::Echo), |world| world.connect = |_| Connect::ReachesItself);
    assert_eq!(ran.errors()[0], ("connect", "refused", 4), "a connection to itself is none");
}

#[test]
fn a_silent_server_is_waited_for_no_longer_than_was_said() {
    let config = Config { until: Until::Time(Duration::from_secs(20)), ..config(Mode::Echo) };
    let ran = run(&config, |world| world.other_deeds = Deed::Silence);
    assert_eq!(ran.report.lines, 0);
    // Four at 5 s, again at 10 s, 15 s and 20 s, each a little later; and those on their way at
    // the end.
    assert_eq!(ran.errors(), [("timeout", "timed-out", 16)]);
    assert_eq!((ran.report.unanswered, ran.report.latency_us.count), (16, 16));
    assert!(ran.took <= Duration::from_secs(26), "{:?}", ran.took);
    let config = Config { timeout: Duration::from_millis(100), ..config };
    let ran = run(&config, |world| world.connect = |_| Connect::NeverEnds);
    assert_eq!(ran.errors()[0].0, "timeout");
    assert!(ran.took < Duration::from_secs(1), "there never was a connection: {:?}", ran.took);
}

#[test]
fn what_this_machine_lacks_is_no_error_of_the_server() {
    let ran = run(&config(Mode::Echo), |world| {
        world.connect = |dial| match dial {
            1 => Connect::Fails(Errno::MFILE),
            2 | 3 => Connect::Fails(Errno::ADDRNOTAVAIL),
            _ => Connect::Works,
        };
    });
    let shortages: Vec<_> = ran.report.shortages.iter().map(|(errno, n)| (&**errno, *n)).collect();
    assert_eq!(shortages, [("EADDRNOTAVAIL", 2), ("EMFILE", 1)]);
    assert_eq!((ran.errors(), ran.report.connections.attempted), (vec![], 4), "all in the end");
    assert_eq!(ran.notes.len(), 2, "once for each: {:?}", ran.notes);
    assert!(ran.notes.iter().any(|note| note.contains("ulimit -n")));
}

#[test]
fn ctrl_c_gives_what_was_found_so_far() {
    let until = Until::Time(Duration::from_secs(60));
    let ran = run(&Config { until, ..config(Mode::Echo) }, |world| {
        world.interrupts.push_back(2 * SECOND);
    });
    assert!(ran.report.interrupted);
    assert!((ran.report.duration_s - 1.0).abs() < 0.01, "{}", ran.report.duration_s);
    assert!((3_990..=4_000).contains(&ran.report.lines), "{}", ran.report.lines);
    let ran = run(&Config { until, ..config(Mode::Echo) }, |world| {
        world.other_deeds = Deed::Silence;
        world.interrupts.extend([2 * SECOND, 2 * SECOND + MILLISECOND]);
    });
    assert_eq!(ran.took, Duration::from_millis(1001), "a second one does not wait");
    assert_eq!((ran.report.unanswered, ran.errors()), (4, vec![]));
}

#[test]
fn pieces_do_not_matter() {
    for chunk in [1, 2, 63, 64, 65, 1000] {
        let size = Size { min: 1, max: 300 };
        let config = Config { size, pipeline: 5, until: Until::Lines(200), ..config(Mode::Echo) };
        let ran = run(&config, |world| world.chunk = chunk);
        assert_eq!((ran.report.lines, ran.errors()), (200, vec![]), "{chunk}");
    }
}

#[test]
fn it_waits_instead_of_turning() {
    let config = Config { rate: Some(10.0), ..config(Mode::Echo) };
    let ran = run(&config, |_| {});
    // For each of 20 lines: it is due, it is back; and seconds, checks, connects, the end.
    assert!(ran.world.borrow().polls < 80, "{}", ran.world.borrow().polls);
}
