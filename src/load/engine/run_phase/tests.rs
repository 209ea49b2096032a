//! Tests of the phases, their intervals and the figures of a run.

use super::*;

const MS: u64 = 1_000_000;

/// A run that starts at 1 s, with a warm-up of 1.5 s and 2 s to measure.
fn clock() -> RunClock {
    let warmup = Duration::from_millis(1500);
    RunClock::new(&LoadConfig { warmup, ..LoadConfig::for_tests() }, at(1000))
}

fn at(ms: u64) -> MonotonicNs {
    MonotonicNs(ms * MS)
}

fn ms(duration: Duration) -> u128 {
    duration.as_millis()
}

/// Passes time to a clock until `until`, in turns at its wake-ups; returns the ends of intervals.
fn intervals(clock: &mut RunClock, until: u64) -> Vec<u64> {
    let wake = |clock: &RunClock| Some(clock.wake()).filter(|wake| *wake <= at(until));
    let mut ends = Vec::new();
    while let Some(now) = wake(clock) {
        clock.next_interval(now).unwrap();
        ends.push(now.0 / MS);
    }
    ends
}

#[test]
fn phases_follow_one_another_and_end_intervals() {
    let mut clock = clock();
    assert_eq!(intervals(&mut clock, 2500), [2000], "the load has not begun");
    assert_eq!(clock.phase(), RunPhase::Warmup { until: MonotonicNs::NEVER });
    clock.begin(at(2600));
    assert_eq!(intervals(&mut clock, 4099), [3600]);
    assert_eq!(clock.phase(), RunPhase::Warmup { until: at(4100) });
    assert_eq!(clock.next_interval(at(4100)), Some(RunPhase::Warmup { until: at(4100) }));
    let measure = RunPhase::Measure { since: at(4100), until: at(6100) };
    assert_eq!((clock.phase(), clock.time_limit()), (measure, at(6100)));
    assert_eq!(intervals(&mut clock, 7100), [5100, 6100, 7100]);
    let (since, measured) = (at(6100), Duration::from_secs(2));
    assert_eq!(
        clock.phase(),
        RunPhase::Cooldown { since, measured, deadline: at(11_100) },
        "the timeout after the end"
    );
    assert!(!clock.is_past_deadline(at(11_099)) && clock.is_past_deadline(at(11_100)));
}

#[test]
fn a_late_turn_counts_for_the_phase_that_it_ends() {
    let mut clock = clock();
    clock.begin(at(1000));
    clock.next_interval(at(2600)).unwrap();
    assert_eq!(clock.phase(), RunPhase::Measure { since: at(2600), until: at(4500) });
    clock.next_interval(at(4700)).unwrap();
    assert_eq!(ms(clock.measured(at(9000))), 2100);
    assert_eq!(clock.wake(), at(5700), "the next interval is whole");
}

/// Ends a run in each phase; the figures stay as they are during the cooldown.
#[test]
fn a_run_that_ends_early_has_the_time_that_was_measured() {
    for (end, elapsed, measured) in [(1500, 0, 0), (2400, 400, 0), (4000, 2000, 500)] {
        let mut clock = clock();
        intervals(&mut clock, end.min(2000));
        if end > 2000 {
            clock.begin(at(2000));
            intervals(&mut clock, end);
        }
        clock.end(at(end));
        let later = at(end + 3000);
        assert_eq!(ms(clock.measured(later)), measured, "{end}");
        assert_eq!((ms(clock.elapsed(later)), clock.done(later)), (elapsed, 1.0), "{end}");
        assert_eq!(ms(clock.left(later)), 2000, "{end}");
    }
}

#[test]
fn the_share_done_is_that_of_the_loads_time() {
    let mut clock = clock();
    assert_eq!(clock.done(at(1900)).to_string(), "0", "before the load");
    clock.begin(at(2000));
    let done = [2000, 2700, 3750, 5500, 9000].map(|now| clock.done(at(now)).to_string());
    assert_eq!(done, ["0", "0.2", "0.5", "1", "1"]);
    let stop_after = StopAfter::Lines(9);
    let by_lines = LoadConfig { stop_after, ..LoadConfig::for_tests() };
    let mut clock = RunClock::new(&by_lines, at(0));
    clock.begin(at(0));
    assert_eq!((clock.done(at(9000)), ms(clock.elapsed(at(9000)))), (0.0, 9000));
    assert!(!clock.is_over_time(at(u64::MAX / MS)));
}

#[test]
fn without_a_time_limit_a_phase_lasts_until_the_end_of_the_run() {
    for (lifted, measured) in [(1500, 0), (3000, 17_500), (4500, 17_500)] {
        let mut clock = clock();
        clock.begin(at(1000));
        intervals(&mut clock, lifted - 1);
        clock.lift_time_limit();
        intervals(&mut clock, 20_000);
        assert!(!clock.is_ending(), "{lifted}");
        assert_eq!((clock.done(at(20_000)), ms(clock.elapsed(at(20_000)))), (1.0, 3500));
        clock.end(at(20_000));
        assert_eq!(ms(clock.measured(at(21_000))), measured, "{lifted}");
        let ended = clock.phase();
        clock.lift_time_limit();
        assert_eq!(clock.phase(), ended, "a cooldown keeps its deadline");
    }
}

#[test]
fn a_pause_extends_the_cooldown_before_and_after_it_begins() {
    let mut clock = clock();
    clock.begin(at(1000));
    clock.excuse(Duration::from_millis(300));
    clock.end(at(2000));
    clock.excuse(Duration::from_millis(40));
    assert_eq!(ms(clock.left(at(2000))), 5340);
}
