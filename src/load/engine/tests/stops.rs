//! This process is stopped for longer than any of its timeouts: that is not the server's fault.

use super::*;

/// Length of the stop, and the timeout, which is shorter.
const STOP: u64 = 3 * SECOND / 2;
const TIMEOUT: Duration = Duration::from_secs(1);

/// A server that answers in time: after a tenth of a second for a connect, an echo or a close.
fn in_time(world: &mut Network) {
    world.delay = SECOND / 10;
    world.connect = |_| Connect::Takes(SECOND / 10);
}

/// Stops at various moments of a run, with polls that report all events or only one.
#[test]
fn g09_a_stop_that_outlasts_the_timeout_is_no_fault_of_the_server() {
    for mode in Mode::ALL {
        for rate in [None, Some(20.0)] {
            // Idle connections have no rate, and the scripted network takes an unpaced stream
            // without end.
            if (mode == Mode::Idle && rate.is_some()) || (mode == Mode::Stream && rate.is_none()) {
                continue;
            }
            let config = LoadConfig { rate, timeout: TIMEOUT, ..config(mode) };
            let config =
                LoadConfig { stop_after: StopAfter::Time(TIMEOUT), connections: 8, ..config };
            for step in 0..20 {
                let at = SECOND + step * SECOND / 10 + 7 * MILLISECOND;
                let events_max = if step % 2 == 0 { usize::MAX } else { 1 };
                let ran = run(&config, |world| {
                    in_time(world);
                    world.stops.push_back(at..at + STOP);
                    world.events_max = events_max;
                });
                let what = format!("{mode:?} {rate:?} stopped at {at}, {events_max} events");
                assert_eq!((ran.errors(), ran.report.unanswered), (vec![], 0), "{what}");
                assert_eq!(ran.notes, [""; 0], "{what}");
                let stopped = ran.world.borrow().stops.is_empty();
                assert_eq!(ran.report.paused_s > 1.0, stopped, "{what}");
            }
        }
    }
}

/// All lines are in flight, so only the check for progress can end the run.
#[test]
fn g09_a_stop_is_no_end_of_all_progress() {
    let config =
        LoadConfig { stop_after: StopAfter::Lines(20), timeout: TIMEOUT, ..config(Mode::Echo) };
    for at in (0..20).map(|step| SECOND + step * SECOND / 20 + 7 * MILLISECOND) {
        let ran = run(&config, |world| {
            in_time(world);
            world.stops.push_back(at..at + STOP);
        });
        assert_eq!((ran.report.lines, ran.errors(), ran.notes.len()), (20, vec![], 0), "{at}");
    }
}

/// Ready connections take several polls to report, each of them after the deadline: a final read
/// finds the echoes that came in time.
#[test]
fn g09_an_echo_without_an_event_is_found_by_the_final_read() {
    let timeout = Duration::from_millis(100);
    let config = LoadConfig { connections: 50, timeout, ..config(Mode::Echo) };
    let ran = run(&config, |world| {
        world.delay = 99 * MILLISECOND;
        world.events_max = 1;
        world.poll_takes = MILLISECOND;
    });
    assert_eq!((ran.errors(), ran.report.unanswered), (vec![], 0));
    assert!(ran.report.lines > 100, "{}", ran.report.lines);
}

/// A stop does not excuse a server that never answers.
#[test]
fn a_silent_server_times_out_in_spite_of_a_stop() {
    let config = LoadConfig { timeout: TIMEOUT, ..config(Mode::Echo) };
    let ran = run(&config, |world| {
        world.other_behavior = ServerBehavior::Silence;
        world.stops.push_back(SECOND + SECOND / 2..SECOND + SECOND / 2 + STOP);
    });
    let words: Vec<_> = ran.errors().into_iter().map(|(place, word, _)| (place, word)).collect();
    assert_eq!(words, [("timeout", "timed-out")]);
    assert!(ran.took < Duration::from_secs(7), "{:?}", ran.took);
}

/// Turns that are long because of their work are no pauses; otherwise a busy run would never end.
#[test]
fn g09_work_is_no_pause() {
    let config = LoadConfig { timeout: TIMEOUT, ..config(Mode::Echo) };
    let ran = run(&config, |world| {
        world.other_behavior = ServerBehavior::Silence;
        world.stops_are_work = true;
        let starts = (0..20).map(|turn| SECOND + turn * STOP + MILLISECOND);
        world.stops.extend(starts.map(|start| start..start + STOP - 2 * MILLISECOND));
    });
    assert!(ran.took < Duration::from_secs(9), "{:?}", ran.took);
    assert!(ran.report.paused_s < 0.1, "{}", ran.report.paused_s);
}
