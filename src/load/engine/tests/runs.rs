//! Loops, modes and phases.

use super::*;
use crate::net::proxy::Version;
use crate::net::socket_options::SocketOptions;
use crate::net::source::Source;
use crate::num;

#[test]
fn a_closed_loop_sends_when_the_echo_is_back() {
    let ran = run(&config(Mode::Echo), |_| {});
    // One line per millisecond on each of four connections; the last ones come back after the end.
    // Plus the first line of each, before the start barrier is released.
    assert!((7_990..=8_004).contains(&ran.report.lines), "{}", ran.report.lines);
    assert_eq!(ran.report.bytes, ran.report.lines * 64);
    assert_eq!((ran.report.unanswered, ran.errors()), (0, vec![]));
    let exact = Some(1000.0);
    assert!(ran.report.latency_us.p50 >= exact && ran.report.latency_us.max < Some(1001.0));
    assert_eq!((ran.report.feedback.as_str(), ran.report.duration_s), ("closed", 2.001));
    assert_eq!(ran.wires(|wire| wire.saw_fin && !wire.saw_rst), 4, "all ended in order");
}

#[test]
fn as_many_lines_are_in_flight_as_the_pipeline_is_deep() {
    let config = LoadConfig { pipeline: 10, ..config(Mode::Echo) };
    let ran = run(&config, |_| {});
    assert!((79_900..=80_040).contains(&ran.report.lines), "{}", ran.report.lines);
}

#[test]
fn exactly_the_configured_number_of_lines_is_sent() {
    for (mode, pipeline) in [(Mode::Echo, 1), (Mode::Echo, 7), (Mode::Stream, 1), (Mode::Churn, 1)]
    {
        let config = LoadConfig { stop_after: StopAfter::Lines(1000), pipeline, ..config(mode) };
        let ran = run(&config, |_| {});
        assert_eq!((ran.report.lines, ran.report.lines_total), (1000, 1000), "{mode:?} {pipeline}");
        assert_eq!(ran.errors(), [], "{mode:?}");
    }
    let open =
        LoadConfig { stop_after: StopAfter::Lines(1000), rate: Some(500.0), ..config(Mode::Echo) };
    let ran = run(&open, |_| {});
    assert_eq!((ran.report.lines, ran.report.late_us.max), (1000, None));
    assert!((1990..2010).contains(&ran.took.as_millis()), "{:?}", ran.took);
}

#[test]
fn an_open_loop_sends_at_its_rate_whatever_the_server_does() {
    let config = LoadConfig { rate: Some(1000.0), ..config(Mode::Echo) };
    let ran = run(&config, |world| world.delay = 3 * MILLISECOND);
    assert!((1990..=2000).contains(&ran.report.lines), "{}", ran.report.lines);
    assert_eq!(ran.report.latency_us.count, 2000, "those that came after the end too");
    assert_eq!(ran.report.feedback, "open");
}

/// The effect that coordinated omission hides: the same stall of a second, seen by both loops.
#[test]
fn a_stall_shows_in_every_line_that_it_held_up() {
    let stall = |world: &mut Network| world.stall = 2 * SECOND..3 * SECOND;
    let long = |ran: &Ran| ran.latency.len() - ran.latency.count_between(0, SECOND / 10);
    let until = StopAfter::Time(Duration::from_secs(10));
    let open = LoadConfig { rate: Some(100.0), stop_after: until, ..config(Mode::Echo) };
    let ran = run(&open, stall);
    // 100 lines were due within the second, of which 90 had to wait for a tenth of it or more; and
    // so had a few others, behind them on their connection.
    assert!((90..=95).contains(&long(&ran)), "{}", long(&ran));
    let closed = LoadConfig { stop_after: until, ..config(Mode::Echo) };
    assert_eq!(long(&run(&closed, stall)), 4, "one for each connection");
}

#[test]
fn ramp_and_warm_up_are_not_measured() {
    let second = Duration::from_secs(1);
    let config = LoadConfig { ramp: second, warmup: second, ..config(Mode::Echo) };
    let ran = run(&config, |_| {});
    assert!((7_990..=8_000).contains(&ran.report.lines), "{}", ran.report.lines);
    assert!(ran.report.lines_total > ran.report.lines + 4_000);
    let dialled: Vec<_> = ran.world.borrow().wires.iter().map(|wire| wire.dialled).collect();
    assert_eq!(dialled, [0, 250, 500, 750].map(|at| SECOND + at * MILLISECOND), "evenly");
    let measured: Vec<_> = ran.report.seconds.iter().map(|second| second.measured).collect();
    assert_eq!(measured, [false, false, true, true, false]);
}

#[test]
fn a_closed_loop_begins_when_all_connections_are_answered() {
    let (warmup, until) = (Duration::from_micros(500), StopAfter::Time(Duration::from_millis(10)));
    let many = LoadConfig { connections: 1000, warmup, stop_after: until, ..config(Mode::Echo) };
    let ran = run(&many, |_| {});
    let first = ran.report.seconds[0];
    assert_eq!((first.lines, first.open, first.measured), (1000, 1000, false), "one each");
    assert!((9_000..=10_000).contains(&ran.report.lines), "{}", ran.report.lines);
    assert_eq!(ran.notes, [""; 0]);
}

#[test]
fn the_start_barrier_waits_a_second_for_the_next_answer() {
    let warm = LoadConfig { warmup: Duration::from_millis(1), ..config(Mode::Echo) };
    let ran =
        run(&warm, |world| world.behaviors = vec![ServerBehavior::Echo, ServerBehavior::Silence]);
    assert!(ran.notes[0].contains("begins with 3 of 4 connections"), "{:?}", ran.notes);
    let before = ran.report.seconds[0];
    assert!(!before.measured && (1.0..1.01).contains(&before.at_s), "{before:?}");
    assert!((5_990..=6_000).contains(&ran.report.lines), "{}", ran.report.lines);
    let measured = Duration::from_secs_f64(ran.report.duration_s);
    assert_eq!(measured, Duration::from_secs(2), "all of the time that was asked for");
}

#[test]
fn a_run_that_is_interrupted_before_it_begins_does_not_begin() {
    let warm = LoadConfig { warmup: Duration::from_secs(1), ..config(Mode::Echo) };
    let ran = run(&warm, |world| {
        world.other_behavior = ServerBehavior::Silence;
        world.interrupts.push_back(SECOND + SECOND / 2);
    });
    assert!(ran.report.interrupted && ran.notes.is_empty(), "{:?}", ran.notes);
    assert_eq!((ran.report.duration_s.to_string().as_str(), ran.report.lines), ("0", 0));
}

/// Ctrl-C once and twice, while connections are dialled, in the warm-up, while it is measured, and
/// while held connections are verified: `run` checks the duration and the progress.
#[test]
fn an_interrupt_at_any_moment_leaves_a_duration_within_the_run() {
    let second = Duration::from_secs(1);
    let stop_after = StopAfter::Time(second);
    for (mode, ramp, warmup) in [
        (Mode::Echo, Duration::ZERO, second),
        (Mode::Churn, second, Duration::ZERO),
        (Mode::Idle, second, second),
        (Mode::Idle, Duration::ZERO, Duration::ZERO),
    ] {
        let verify_held = if mode == Mode::Idle { 2 } else { 0 };
        let config = LoadConfig { stop_after, ramp, warmup, verify_held, ..config(mode) };
        for at in [1, 15].into_iter().chain((50..3500).step_by(200)) {
            let at = SECOND + at * MILLISECOND;
            for interrupts in [vec![at], vec![at, at + MILLISECOND]] {
                let ran = run(&config, |world| {
                    world.connect = |_| Connect::Takes(20 * MILLISECOND);
                    world.delay = 10 * MILLISECOND;
                    world.interrupts.extend(interrupts);
                });
                let before_load = at < SECOND + num::nanos(ramp + warmup);
                let measured = ran.report.duration_s > 0.0;
                assert_eq!(measured, !before_load, "{mode:?} at {at}: {}", ran.report.duration_s);
            }
        }
    }
}

/// A closed loop that still waits for its connections shows the wait for their ends.
#[test]
fn an_interrupt_at_the_start_barrier_shows_a_run_that_ends() {
    let ran = run(&config(Mode::Echo), |world| {
        world.connect = |_| Connect::NeverEnds;
        world.interrupts.push_back(SECOND + SECOND / 2);
    });
    assert!(ran.report.interrupted);
    assert_eq!(ran.report.duration_s.to_string(), "0.5");
}

#[test]
fn each_mode_ends_its_connections_as_it_says() {
    let ran = run(&config(Mode::Idle), |_| {});
    assert_eq!((ran.report.lines, ran.wires(|wire| wire.saw_fin)), (4, 4));
    assert!(ran.took >= Duration::from_secs(2), "they were held");
    let ran = run(&config(Mode::Churn), |_| {});
    assert!(ran.report.transactions > 3_000, "{}", ran.report.transactions);
    assert_eq!(ran.wires(|wire| !wire.saw_fin || wire.saw_rst), 0);
    let ran = run(&LoadConfig { close: Close::Rst, ..config(Mode::Churn) }, |_| {});
    assert_eq!(ran.wires(|wire| wire.saw_fin || !wire.saw_rst), 0);
    let ran = run(&LoadConfig { pipeline: 9, ..config(Mode::HalfClose) }, |_| {});
    assert_eq!(ran.report.lines_total, ran.report.transactions_total * 9, "everything came back");
    assert_eq!((ran.wires(|wire| !wire.saw_fin), ran.errors()), (0, vec![]));
    let ran = run(&config(Mode::Abort), |_| {});
    assert!(ran.report.transactions > 3_000 && ran.errors().is_empty(), "{:?}", ran.errors());
    assert_eq!(ran.wires(|wire| wire.saw_fin || !wire.saw_rst), 0);
}

#[test]
fn some_held_connections_echo_again_before_any_is_closed() {
    let idle = LoadConfig { connections: 100, verify_held: 25, ..config(Mode::Idle) };
    let ran = run(&idle, |_| {});
    assert_eq!((ran.report.held_verified, ran.report.lines_total), (25, 125));
    assert_eq!((ran.report.transactions_total, ran.report.unanswered), (100, 0));
    assert_eq!((ran.errors(), ran.wires(|wire| wire.saw_fin)), (vec![], 100));
    let ends = Duration::from_secs(2)..Duration::from_millis(2010);
    assert!(ends.contains(&ran.took), "after the hold, and not long: {:?}", ran.took);
    let ran = run(&idle, |world| world.interrupts.push_back(SECOND + SECOND / 2));
    assert_eq!((ran.report.held_verified, ran.report.lines_total), (25, 125));
    assert!(ran.report.interrupted && ran.took < Duration::from_millis(600), "{:?}", ran.took);
}

#[test]
fn a_proxys_header_is_no_line_and_no_echo_of_it_is_awaited() {
    for version in [Version::V1, Version::V2] {
        for (mode, chunk) in [(Mode::Echo, usize::MAX), (Mode::Churn, 7), (Mode::HalfClose, 64)] {
            let config = LoadConfig { send_proxy: Some(version), ..config(mode) };
            let ran = run(&config, |world| {
                world.other_behavior = ServerBehavior::EchoBehindHeader;
                world.chunk = chunk;
            });
            assert_eq!(ran.errors(), [], "{mode:?}");
            let done = ran.report.lines.max(ran.report.transactions);
            assert!(done > 500, "{mode:?}: {done}");
            assert_eq!(ran.report.bytes % 64, 0, "whole lines, and nothing else");
            let (to, from) = (([127, 0, 0, 1], 7).into(), ([127, 0, 0, 1], 40_000).into());
            let header = crate::net::proxy::header(version, Some((from, to)));
            assert_eq!(ran.world.borrow().wires[0].header, header);
        }
    }
    let without =
        run(&config(Mode::Echo), |world| world.other_behavior = ServerBehavior::EchoBehindHeader);
    assert!(without.report.lines == 0, "the script takes the first bytes for a header");
}

#[test]
fn ctrl_c_reports_the_results_so_far() {
    let until = StopAfter::Time(Duration::from_secs(60));
    let ran = run(&LoadConfig { stop_after: until, ..config(Mode::Echo) }, |world| {
        world.interrupts.push_back(2 * SECOND);
    });
    assert!(ran.report.interrupted);
    assert!((ran.report.duration_s - 1.0).abs() < 0.01, "{}", ran.report.duration_s);
    assert!((3_990..=4_000).contains(&ran.report.lines), "{}", ran.report.lines);
    let ran = run(&LoadConfig { stop_after: until, ..config(Mode::Echo) }, |world| {
        world.other_behavior = ServerBehavior::Silence;
        world.interrupts.extend([2 * SECOND, 2 * SECOND + MILLISECOND]);
    });
    assert_eq!(ran.took, Duration::from_millis(1001), "a second one does not wait");
    assert_eq!((ran.report.unanswered, ran.errors()), (4, vec![]));
}

#[test]
fn pieces_do_not_matter() {
    for chunk in [1, 2, 63, 64, 65, 1000] {
        let size = LineSize { min: 1, max: 300 };
        let config = LoadConfig {
            size,
            pipeline: 5,
            stop_after: StopAfter::Lines(200),
            ..config(Mode::Echo)
        };
        let ran = run(&config, |world| world.chunk = chunk);
        assert_eq!((ran.report.lines, ran.errors()), (200, vec![]), "{chunk}");
    }
}

#[test]
fn it_waits_instead_of_turning() {
    let config = LoadConfig { rate: Some(10.0), ..config(Mode::Echo) };
    let ran = run(&config, |_| {});
    // For each of 20 lines one poll when it is due and one when it is back; plus seconds, checks,
    // connects and the end.
    assert!(ran.world.borrow().polls < 80, "{}", ran.world.borrow().polls);
}

#[test]
fn a_paced_churn_connects_when_a_line_is_due_and_counts_from_then() {
    let config = LoadConfig { rate: Some(10.0), ..config(Mode::Churn) };
    let ran = run(&config, |_| {});
    assert_eq!((ran.report.lines_total, ran.report.connections.attempted), (20, 20));
    assert!(ran.report.latency_us.max < Some(2_000.0), "{:?}", ran.report.latency_us);
    let ran = run(&config, |world| world.stall = 3 * SECOND / 2..5 * SECOND / 2);
    assert_eq!((ran.report.lines_total, ran.report.unanswered, ran.errors()), (20, 0, vec![]));
    let slow = ran.latency.len() - ran.latency.count_between(0, SECOND / 10);
    assert!((8..=10).contains(&slow), "those that were due in the stall: {slow}");
}

#[test]
fn a_paced_stream_times_every_line() {
    let until = StopAfter::Time(Duration::from_secs(4));
    let config = LoadConfig { rate: Some(100.0), stop_after: until, ..config(Mode::Stream) };
    let ran = run(&config, |world| world.stall = 2 * SECOND..3 * SECOND);
    assert_eq!(ran.report.latency_us.count, 400);
    let slow = ran.latency.len() - ran.latency.count_between(0, SECOND / 10);
    assert!((88..=95).contains(&slow), "{slow}");
}

#[test]
fn a_line_that_was_due_and_never_sent_is_unanswered() {
    let second = Duration::from_secs(1);
    let until = StopAfter::Time(second);
    let config = LoadConfig {
        rate: Some(50_000.0),
        stop_after: until,
        timeout: second,
        ..config(Mode::Echo)
    };
    let ran = run(&config, |world| world.other_behavior = ServerBehavior::Silence);
    assert_eq!((ran.report.lines_total, ran.report.unanswered), (0, 50_000));
    assert_eq!((ran.report.latency_us.count, ran.report.answered_share), (0, Some(0.0)));
    // All but one on each connection, and one on each redialled connection after the timeout.
    assert_eq!(ran.report.unsent, 50_000 - 8);
}

#[test]
fn more_than_a_turns_budget_is_sent_without_an_echo_in_between() {
    let size = LineSize { min: 1000, max: 1000 };
    let until = StopAfter::Lines(800);
    let half_close =
        LoadConfig { pipeline: 200, size, stop_after: until, ..config(Mode::HalfClose) };
    let ran = run(&half_close, |world| world.other_behavior = ServerBehavior::EchoAtTheEnd);
    assert_eq!((ran.report.transactions_total, ran.report.lines_total), (4, 800));
    assert_eq!(ran.errors(), []);
}

#[test]
fn sources_take_turns_even_if_one_has_no_port_left() {
    let addresses = ["127.0.0.2", "127.0.0.3"].map(|address| address.parse().unwrap());
    let sources = [(addresses[0], None), (addresses[1], Some((5000, 5001)))];
    let sources = sources.map(|(address, ports)| Source { address, ports }).to_vec();
    let socket = SocketOptions { sources, ..SocketOptions::default() };
    let config = LoadConfig { socket, ..config(Mode::Echo) };
    let ran = run(&config, |world| {
        world.connect = |dial| match dial {
            2 => Connect::Fails(Errno::ADDRNOTAVAIL),
            _ => Connect::Works,
        };
    });
    let expected = [(0, 0), (1, 5000), (0, 0), (1, 5001), (0, 0)];
    let expected = expected.map(|(place, port)| Some((addresses[place], port).into()));
    assert_eq!(ran.world.borrow().sources, expected);
}
