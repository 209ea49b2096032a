//! Faulty servers: the report names each error, by phase and word.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::json;
use socket2::SockRef;

use crate::support::{Daemon, line, run, serve};

/// Answers each line with the result of `change` for its number and bytes.
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
fn a_wrong_byte_exits_with_status_1_and_is_located() {
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

/// Every fourth connection ends with lines unanswered; the others stay fast.
#[test]
fn g07_lost_or_failed_lines_exit_with_status_3_and_one_message() {
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
    // The text report ends with a verdict.
    let ran = run(port, &["-c", "8", "-n", "400", "-q"]);
    assert!(ran.stdout.lines().last().unwrap().starts_with("verdict      lost or failed: "));
}

#[test]
fn a_doubled_line_or_one_of_another_connection_is_a_mismatch() {
    let twice = serve(|_, stream| echo(stream, |_, bytes| Some([&bytes[..], &bytes[..]].concat())));
    let few = ["-c", "1", "-n", "5", "--format", "json"];
    assert_eq!(run(twice, &few).report()["first_mismatches"][0]["offset"], 64);
    // Each line is answered with the line before it, of any connection.
    let last = std::sync::Mutex::new([&[b'x'; 63][..], b"\n"].concat());
    let crossed = serve(move |_, stream| {
        echo(stream, |_, bytes| Some(std::mem::replace(&mut *last.lock().unwrap(), bytes)));
    });
    let ran = run(crossed, &few);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn a_fin_or_a_reset_in_the_middle_is_reported() {
    let port = serve(|number, stream| match number {
        0 => echo(stream, |line, bytes| (line < 3).then_some(bytes)),
        1 => {
            // Closing with unread input sends RST.
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
fn a_server_that_answers_nothing_times_out() {
    let port = serve(|_, stream| {
        thread::park_timeout(Duration::from_secs(60));
        drop(stream);
    });
    let options = ["-c", "3", "-d", "10ms", "--warmup", "0s", "--timeout", "200ms"];
    let ran = run(port, &[&options[..], &["--format", "json"]].concat());
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("lines never answered"), "{}", ran.stderr);
    let report = ran.report();
    // The load begins without an answer, and ends before a second dial, unless the machine stalls
    // meanwhile.
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
fn a_server_that_takes_a_half_close_for_the_end_is_reported() {
    // Like servers that take the peer's FIN for its end: they drop pending output.
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
