//! Servers that do wrong: each is told, where and in which word.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::json;
use socket2::SockRef;

use crate::support::{Daemon, line, run, serve};

/// Echoes lines as `change` says, which is told the line's number.
fn echo(stream: TcpStream, change: impl Fn(usize, Vec<u8>) -> Option<Vec<u8>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    for number in 0.. {
        let Some(line) = line(&mut reader) else { return };
        let Some(reply) = change(number, line) else { return };
        if writer.write_all(&reply).is_err() {
            return;
        }
    }
}

const ONE: [&str; 6] = ["-c", "1", "-n", "100", "--format", "json"];

#[test]
fn a_byte_that_is_wrong_ends_with_status_1_and_is_named() {
    let port = serve(|number, stream| {
        echo(stream, |line, mut bytes| {
            if number == 0 && line == 2 {
                bytes[5] ^= 1;
            }
            Some(bytes)
        });
    });
    let ran = run(port, &ONE);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.ends_with("tcpecho-load: 1 connections had wrong bytes\n"),
        "{}",
        ran.stderr
    );
    let report = ran.report();
    assert_eq!(report["errors_by_phase"], json!({"verify": {"mismatch": 1}}));
    let found = &report["first_mismatches"][0];
    assert_eq!((&found["connection"], &found["offset"]), (&json!(0), &json!(2 * 64 + 5)));
    let bytes = |name: &str| found[name].as_u64().unwrap();
    assert_eq!(bytes("expected") ^ bytes("got"), 1);
    assert!(found["local"].as_str().unwrap().starts_with("127.0.0.1:"));
}

/// Every fourth connection dies with its lines; the others are as fast as ever.
#[test]
fn g07_what_was_lost_or_failed_is_status_3_and_one_line() {
    let port = serve(|number, stream| {
        echo(stream, |line, bytes| (number % 4 != 0 || line < 3).then_some(bytes));
    });
    let options = ["-c", "8", "-n", "400", "--format", "json"];
    let ran = run(port, &options);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let last = ran.stderr.lines().last().unwrap();
    assert!(last.starts_with("tcpecho-load: lost or failed: "), "{}", ran.stderr);
    assert!(last.contains("terminated") && last.contains("lines never answered"), "{}", ran.stderr);
    let report = ran.report();
    let share = report["answered_share"].as_f64().unwrap();
    assert!(0.5 < share && share < 1.0, "{report:#}");
    assert_eq!(report["latency_us"]["max"], json!(null), "{report:#}");
    let table: [(&[&str], i32); 7] = [
        (&["--allow-errors"], 0),
        (&["--fail-if", "errors>1m"], 0),
        (&["--fail-if", "lost>99%"], 0),
        (&["--fail-if", "errors.reset>0"], 0),
        (&["--fail-if", "errors.terminated>0"], 99),
        (&["--fail-if", "p100>1h"], 99),
        (&["--fail-if", "rate<0"], 3),
    ];
    for (more, code) in table {
        let ran = run(port, &[&options[..], more].concat());
        assert_eq!(ran.code, Some(code), "{more:?}: {}", ran.stderr);
    }
    // A verdict for people.
    let ran = run(port, &["-c", "8", "-n", "400", "-q"]);
    assert!(ran.stdout.lines().last().unwrap().starts_with("verdict      lost or failed: "));
}

#[test]
fn a_line_that_comes_twice_or_from_elsewhere_does_not_fit() {
    let twice = serve(|_, stream| echo(stream, |_, bytes| Some([&bytes[..], &bytes[..]].concat())));
    let few = ["-c", "1", "-n", "5", "--format", "json"];
    assert_eq!(run(twice, &few).report()["first_mismatches"][0]["offset"], 64);
    // The line of a connection to the one before it.
    let last = std::sync::Mutex::new([&[b'x'; 63][..], b"\n"].concat());
    let crossed = serve(move |_, stream| {
        echo(stream, |_, bytes| Some(std::mem::replace(&mut *last.lock().unwrap(), bytes)));
    });
    let ran = run(crossed, &few);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn a_fin_or_a_reset_in_the_middle_is_told() {
    let port = serve(|number, stream| match number {
        0 => echo(stream, |line, bytes| (line < 3).then_some(bytes)),
        1 => {
            // To close with input that was not read sends RST.
            let mut one = [0];
            (&stream).read_exact(&mut one).unwrap();
        }
        2 => {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            line(&mut reader).unwrap();
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        _ => echo(stream, |_, bytes| Some(bytes)),
    });
    let ran = run(port, &ONE);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let report = ran.report();
    assert_eq!(report["errors_by_phase"], json!({"read": {"reset": 2, "terminated": 1}}));
    assert_eq!(report["connections"], json!({"attempted": 4, "established": 4, "failed": 3}));
    assert_eq!(
        report["lines_total"].as_u64().unwrap() + report["unanswered"].as_u64().unwrap(),
        100
    );
}

#[test]
fn a_server_that_answers_nothing_is_waited_for_as_long_as_was_said() {
    let port = serve(|_, stream| {
        thread::park_timeout(Duration::from_secs(60));
        drop(stream);
    });
    let options = ["-c", "3", "-d", "10ms", "--warmup", "0s", "--timeout", "200ms"];
    let ran = run(port, &[&options[..], &["--format", "json"]].concat());
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("lines never answered"), "{}", ran.stderr);
    let report = ran.report();
    // The load begins without an answer, and ends before anybody is dialled again: but for a
    // machine that stands still meanwhile.
    let silent = report["unanswered"].as_u64().unwrap();
    assert!(silent == 3 || silent == 6, "{report:#}");
    assert_eq!(report["errors_by_phase"], json!({"timeout": {"timed-out": silent}}));
    assert_eq!(report["latency_us"]["count"], 0);
    assert_eq!(
        (&report["answered_share"], &report["latency_us"]["p50"]),
        (&json!(0.0), &json!(null))
    );
}

#[test]
fn a_half_close_that_is_not_understood_is_told() {
    // As servers do that take the peer's FIN for its end: what is still owed is lost.
    let port = serve(|_, mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all[..all.len() / 2]).ok();
    });
    let options = ["--mode", "half-close", "-P", "10", "-n", "100", "-c", "2", "--format", "json"];
    let report = run(port, &options).report();
    assert_eq!(report["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["terminated"]);
    assert_eq!(
        report["lines_total"].as_u64().unwrap() + report["unanswered"].as_u64().unwrap(),
        100
    );
}

/// The reset may come before the half-close, which then fails (ENOTCONN).
#[test]
fn g13_a_reset_before_a_half_close_is_a_reset() {
    let daemon = Daemon::with(&["--fault", "reset=100%"]);
    let options = ["--mode", "half-close", "-c", "20", "-d", "500ms", "--warmup", "0s"];
    let ran = run(daemon.port, &[&options[..], &["--format", "json"]].concat());
    let report = ran.report();
    let errors = report["errors"].as_object().unwrap();
    assert_eq!(errors.keys().collect::<Vec<_>>(), ["reset"], "{errors:?}");
}
