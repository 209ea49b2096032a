//! Tests of the progress lines.

use super::*;

const SECOND: Interval = Interval {
    at_s: 1.0,
    lines: 51_234,
    open: 50,
    errors: 0,
    unanswered: 0,
    p50_us: Some(800.0),
    p99_us: Some(1930.0),
    measured: true,
};

fn progress(until: StopAfter) -> Progress {
    let second = Duration::from_secs(1);
    let (connections, progress) = (50, true);
    let config = LoadConfig {
        connections,
        stop_after: until,
        warmup: second,
        progress,
        ..LoadConfig::for_tests()
    };
    Progress::with_output(ProgressOutput::Silent, &config)
}

fn running(elapsed: u64, done: f64) -> RunState {
    RunState { elapsed: Duration::from_secs(elapsed), done, activity: Activity::Running }
}

/// Returns the seconds of a run that print a line.
fn due(mut progress: Progress, seconds: u32) -> Vec<u32> {
    let mut due = |at: u32| {
        let second = Interval { at_s: f64::from(at), ..SECOND };
        progress.line(&second, &running(at.into(), f64::from(at) / f64::from(seconds))).due
    };
    (1..=seconds).filter(|at| due(*at)).collect()
}

#[test]
fn a_short_run_prints_each_second_and_a_long_one_each_tenth() {
    let time = |seconds| progress(StopAfter::Time(Duration::from_secs(seconds)));
    assert_eq!(due(time(10), 11), (1..=11).collect::<Vec<_>>());
    // The first second prints a line, to show that the run has started.
    assert_eq!(due(time(99), 100), [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    assert_eq!(due(progress(StopAfter::Lines(1000)), 25).len(), 11);
    assert_eq!(due(progress(StopAfter::Lines(1000)), 3), [1, 2, 3], "at most one a second");
}

#[test]
fn a_line_has_the_last_second_and_all_errors() {
    let mut progress = progress(StopAfter::Time(Duration::from_secs(10)));
    let line = progress.line(&SECOND, &running(1, 0.1));
    assert_eq!(line.text, "1 s of 11 s, 51,234 lines/s, p99 1.93 ms, 50 open, 0 errors");
    let second = Interval { at_s: 1.5, errors: 1, lines: 0, p99_us: None, ..SECOND };
    let line = progress.line(&second, &running(2, 0.14));
    assert_eq!(line.text, "2 s of 11 s, 0 lines/s, p99 -, 50 open, 1 error");
    let second = Interval { at_s: 2.0, errors: 2, lines: 50, ..SECOND };
    let line = progress.line(&second, &running(2, 0.2));
    assert_eq!(line.text, "2 s of 11 s, 100 lines/s, p99 1.93 ms, 50 open, 3 errors");
}

#[test]
fn a_run_of_unknown_length_is_shown_in_percent() {
    let line = progress(StopAfter::Lines(1000)).line(&SECOND, &running(1, 0.254));
    assert_eq!(line.text, "1 s (25 %), 51,234 lines/s, p99 1.93 ms, 50 open, 0 errors");
}

#[test]
fn g08_a_run_that_only_waits_shows_its_wait_and_its_limit() {
    let mut progress = progress(StopAfter::Time(Duration::from_secs(4)));
    let left = Duration::from_millis(6200);
    let mut text = |doing| {
        let state = RunState { elapsed: Duration::from_secs(5), done: 1.0, activity: doing };
        let line = progress.line(&Interval { at_s: 15.0, ..SECOND }, &state);
        assert!(line.due);
        line.text
    };
    assert_eq!(
        text(Activity::Waiting { lines: 3000, connections: 50, left }),
        "5 s of 5 s, waiting for 3,000 lines, for 7 s at most, 0 errors"
    );
    assert_eq!(
        text(Activity::Waiting { lines: 0, connections: 50, left }),
        "5 s of 5 s, waiting for 50 connections to end, for 7 s at most, 0 errors"
    );
    assert_eq!(
        text(Activity::Connecting { answered: 1200, of: 5000 }),
        "15 s before the load begins, 1,200 of 5,000 connections have been answered, 0 errors"
    );
}

#[test]
fn a_second_in_which_lines_were_lost_has_no_p99() {
    let table = [(None, 0, "-"), (None, 5, "lost"), (Some(1.0), 5, "1.00 us")];
    for (p99_us, unanswered, text) in table {
        assert_eq!(p99(&Interval { unanswered, p99_us, ..SECOND }), text);
    }
}

#[test]
fn the_bar_takes_every_number() {
    for (done, expected) in
        [(0.0, 0), (0.5, 500), (1.0, STEPS), (7.0, STEPS), (-1.0, 0), (f64::NAN, STEPS)]
    {
        assert_eq!(steps(done), expected, "{done}");
    }
    assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
}
