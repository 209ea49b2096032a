//! Errors on connections, and how the run reports them.

use super::*;

#[test]
fn a_wrong_byte_is_reported_with_its_offset() {
    for (behavior, fits) in [
        (ServerBehavior::Corrupt(130), 130),
        (ServerBehavior::Lose(130), 130),
        (ServerBehavior::Double(63), 64),
    ] {
        let until = StopAfter::Lines(400);
        let faulty = LoadConfig { connections: 1, stop_after: until, ..config(Mode::Echo) };
        let ran = run(&faulty, |world| {
            world.behaviors.push(behavior);
        });
        assert_eq!((ran.report.mismatches, ran.errors()), (1, vec![("verify", "mismatch", 1)]));
        let found = &ran.report.first_mismatches[0];
        assert_eq!(
            (found.connection, found.local.as_str()),
            (0, "127.0.0.1:40000"),
            "{behavior:?}"
        );
        assert!(
            found.offset >= fits && found.expected != Some(found.got),
            "{behavior:?} {found:?}"
        );
        assert_eq!(ran.report.lines_total + ran.report.unanswered, 400, "{behavior:?}");
    }
}

#[test]
fn a_server_that_ends_first_is_an_error_and_is_redialled() {
    let ran = run(&config(Mode::Echo), |world| {
        world.behaviors.extend([ServerBehavior::End(100), ServerBehavior::Reset(100)]);
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

/// The run has ended when the held connections are to be verified, so its duration is known.
#[test]
fn a_run_without_a_server_has_no_endless_duration() {
    let idle = LoadConfig { verify_held: 2, ..config(Mode::Idle) };
    let ran = run(&idle, |world| world.connect = |_| Connect::Refused);
    assert!(ran.report.duration_s < 0.001, "{}", ran.report.duration_s);
}

/// Lines that were due without a connection are never sent.
#[test]
fn a_server_that_is_not_there_ends_an_open_loop() {
    for mode in [Mode::Echo, Mode::Churn] {
        let open = LoadConfig { rate: Some(10_000.0), ..config(mode) };
        let ran = run(&open, |world| world.connect = |_| Connect::Refused);
        assert_eq!(ran.errors(), [("connect", "refused", 4)]);
        assert!(ran.took < Duration::from_secs(1), "{mode:?} {:?}", ran.took);
        assert!(ran.report.unanswered > 0, "{mode:?}");
        assert_eq!(ran.report.latency_us.count, 0, "{mode:?}: nobody waited for an answer");
    }
}

#[test]
fn a_silent_server_is_waited_for_until_the_timeout() {
    let config =
        LoadConfig { stop_after: StopAfter::Time(Duration::from_secs(20)), ..config(Mode::Echo) };
    let ran = run(&config, |world| world.other_behavior = ServerBehavior::Silence);
    assert_eq!(ran.report.lines, 0);
    // Four at 5 s, again at 10 s, 15 s and 20 s, each a little later; and the lines in flight at
    // the end.
    assert_eq!(ran.errors(), [("timeout", "timed-out", 16)]);
    assert_eq!((ran.report.unanswered, ran.report.latency_us.count), (16, 0));
    assert!(ran.took <= Duration::from_secs(26), "{:?}", ran.took);
    let config = LoadConfig { timeout: Duration::from_millis(100), ..config };
    let ran = run(&config, |world| world.connect = |_| Connect::NeverEnds);
    assert_eq!(ran.errors()[0].0, "timeout");
    assert!(ran.took < Duration::from_secs(1), "there never was a connection: {:?}", ran.took);
}

/// Connections that time out and are redialled are no progress of the start.
#[test]
fn g12_a_silent_server_with_a_short_timeout_does_not_put_off_the_load_for_ever() {
    for timeout in [50, 300, 500, 900, 1000, 1100].map(Duration::from_millis) {
        let config = LoadConfig { timeout, ..config(Mode::Echo) };
        let ran = run(&config, |world| world.other_behavior = ServerBehavior::Silence);
        assert!(ran.took < Duration::from_secs(6), "{timeout:?}: {:?}", ran.took);
        let seconds = ran.report.duration_s;
        // Without a warm-up the start is measured too.
        assert!((1.9..3.2).contains(&seconds), "{timeout:?}: measured {seconds}");
    }
}

#[test]
fn a_local_shortage_is_no_error_of_the_server() {
    let ran = run(&config(Mode::Echo), |world| {
        world.connect = |dial| match dial {
            1 => Connect::Fails(Errno::MFILE),
            2 | 3 => Connect::Fails(Errno::ADDRNOTAVAIL),
            _ => Connect::Works,
        };
    });
    let shortages: Vec<_> =
        ran.report.local_errors.iter().map(|(errno, n)| (&**errno, *n)).collect();
    assert_eq!(shortages, [("EADDRNOTAVAIL", 2), ("EMFILE", 1)]);
    assert_eq!((ran.errors(), ran.report.connections.attempted), (vec![], 4), "all in the end");
    assert_eq!(ran.notes.len(), 2, "once for each: {:?}", ran.notes);
    assert!(ran.notes.iter().any(|note| note.contains("ulimit -n")));
}

/// A server that answers few lines and loses the rest looks no faster than one that answers all.
#[test]
fn g03_an_unanswered_line_is_lost_and_has_no_latency() {
    for mode in [Mode::Echo, Mode::Churn] {
        for rate in [None, Some(1000.0)] {
            let config = LoadConfig { rate, ..config(mode) };
            let ran = run(&config, |world| world.other_behavior = ServerBehavior::End(0));
            assert_eq!(
                (ran.report.lines, ran.report.latency_us.count),
                (0, 0),
                "{mode:?} {rate:?}"
            );
            assert_eq!(ran.report.answered_share, Some(0.0), "{mode:?} {rate:?}");
            assert_eq!(ran.report.time(Times::Latency, Statistic::P50), Found::Lost);
            assert!(ran.report.unanswered > 0);
        }
    }
    // The server closes every second connection, and serves the others as fast as ever.
    let ran = run(&config(Mode::Churn), |world| {
        world.behaviors = [ServerBehavior::End(0), ServerBehavior::Echo].repeat(20_000);
    });
    let share = ran.report.answered_share.unwrap();
    assert!((0.1..0.99).contains(&share), "{share}");
    assert_eq!(ran.report.time(Times::Latency, Statistic::P99), Found::Lost);
    assert!(ran.report.latency_us.mean.is_some(), "of those that were answered");
}

/// As with `tcpechod --fault refuse`: half of the transactions fail before they have sent anything.
#[test]
fn g03_a_transaction_that_fails_before_its_line_has_lost_it() {
    for mode in [Mode::Churn, Mode::HalfClose] {
        for until in [config(mode).stop_after, StopAfter::Lines(100)] {
            let ran = run(&LoadConfig { stop_after: until, ..config(mode) }, |world| {
                world.connect =
                    |dial| if dial % 2 == 0 { Connect::Works } else { Connect::Refused };
            });
            let refused = ran.report.connections.failed;
            assert!(refused > 40, "{mode:?}: {refused}");
            assert_eq!((ran.report.unanswered, ran.report.unsent), (refused, refused), "{mode:?}");
            assert_eq!(ran.report.time(Times::Latency, Statistic::P90), Found::Lost, "{mode:?}");
            if let StopAfter::Lines(lines) = until {
                assert_eq!(ran.report.lines_total, lines, "{mode:?}: none of these is missing");
            }
        }
    }
}

#[test]
fn a_stall_that_ends_in_a_reset_is_lost() {
    let ran = run(&config(Mode::Echo), |world| {
        world.stall = 2 * SECOND..3 * SECOND;
        world.behaviors.extend([ServerBehavior::Reset(64 * 1000); 4]);
    });
    assert_eq!(ran.errors(), [("read", "reset", 4)]);
    assert_eq!(ran.report.time(Times::Latency, Statistic::Max), Found::Lost);
}

#[test]
fn a_server_that_ends_first_is_no_success_of_an_abort() {
    let ran = run(&config(Mode::Abort), |world| world.other_behavior = ServerBehavior::Reset(0));
    assert!(ran.errors().iter().any(|(place, word, _)| (*place, *word) == ("read", "reset")));
}

#[test]
fn a_held_connection_that_does_not_echo_again_is_an_error() {
    let size = LineSize { min: 64, max: 64 };
    let idle = LoadConfig { connections: 10, verify_held: 10, size, ..config(Mode::Idle) };
    // Each connection has echoed a line of 64 bytes by then.
    let ran = run(&idle, |world| {
        world.behaviors.extend([ServerBehavior::Corrupt(70), ServerBehavior::Lose(70)]);
    });
    assert_eq!((ran.report.mismatches, ran.report.held_verified), (2, 10));
    assert_eq!((ran.report.lines_total, ran.report.unanswered), (18, 2));
    let ran = run(&idle, |world| world.stall = 2 * SECOND..3600 * SECOND);
    assert_eq!((ran.report.lines_total, ran.report.unanswered), (10, 10));
    assert_eq!(ran.errors(), [("timeout", "timed-out", 10)]);
    let ran = run(&idle, |world| {
        world.stall = 2 * SECOND..3600 * SECOND;
        world.interrupts.extend([2 * SECOND, 2 * SECOND + MILLISECOND]);
    });
    assert_eq!((ran.took, ran.report.unanswered), (Duration::from_millis(1001), 10));
}

#[test]
fn a_run_by_lines_ends_when_the_server_is_gone() {
    let config = LoadConfig { stop_after: StopAfter::Lines(1000), ..config(Mode::Echo) };
    let ran = run(&config, |world| {
        world.behaviors.extend([ServerBehavior::Reset(640); 4]);
        world.connect = |dial| if dial < 4 { Connect::Works } else { Connect::NeverEnds };
    });
    assert_eq!(ran.report.lines_total, 40);
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
    assert!(ran.notes.iter().any(|note| note.contains("no progress")), "{:?}", ran.notes);
}

const GREETING: ServerBehavior = ServerBehavior::Greet(b"220 mail.example.org ESMTP\r\n");

#[test]
fn g11_a_server_that_speaks_first_is_noted_once() {
    for mode in [Mode::Echo, Mode::Churn, Mode::HalfClose, Mode::Idle] {
        let ran = run(&config(mode), |world| world.other_behavior = GREETING);
        assert!(ran.report.mismatches > 3, "{mode:?}: {}", ran.report.mismatches);
        assert_eq!(ran.report.first_mismatches.len(), 1, "{mode:?}");
        assert!(ran.report.greeting.as_deref().unwrap().starts_with("220 mail"), "{mode:?}");
        assert_eq!(ran.notes.len(), 1, "{mode:?}: {:?}", ran.notes);
        assert!(ran.notes[0].starts_with("the server speaks first"), "{:?}", ran.notes);
    }
    // A wrong byte in the first line is not a greeting.
    let ran = run(&config(Mode::Echo), |world| world.behaviors = vec![ServerBehavior::Corrupt(0)]);
    assert_eq!((ran.report.mismatches, ran.report.greeting), (1, None));
}

#[test]
fn g11_a_greeting_is_skipped_where_that_is_asked_for() {
    for mode in [Mode::Echo, Mode::Churn, Mode::HalfClose, Mode::Idle, Mode::Abort] {
        for rate in [None, Some(100.0)].into_iter().filter(|r| r.is_none() || mode != Mode::Idle) {
            let config = LoadConfig { rate, skip_greeting: true, ..config(mode) };
            let ran = run(&config, |world| world.other_behavior = GREETING);
            assert_eq!((ran.errors(), ran.report.mismatches), (vec![], 0), "{mode:?} {rate:?}");
            assert!(
                ran.report.lines_total + ran.report.transactions_total >= 4,
                "{mode:?} {rate:?}"
            );
            assert_eq!(ran.report.bytes_total, ran.report.lines_total * 64, "{mode:?} {rate:?}");
        }
    }
    // A greeting need not be a line.
    let binary = LoadConfig { skip_greeting: true, ..config(Mode::Echo) };
    let ran = run(&binary, |world| {
        world.other_behavior = ServerBehavior::Greet(b"\x4a\0\0\0\x0a8.0.36\0");
    });
    assert_eq!((ran.errors(), ran.report.unanswered), (vec![], 0));
    assert!(ran.report.lines_total > 1000, "{}", ran.report.lines_total);
    // A server that does not send the greeting runs into the usual timeout.
    let config = LoadConfig { skip_greeting: true, ..config(Mode::Echo) };
    let ran = run(&config, |_| {});
    assert_eq!(ran.errors(), [("timeout", "timed-out", 4)]);
}
