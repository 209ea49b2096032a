//! `idle`: the limit of a silence is found, with the way in which the connection ends.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::{Daemon, probe};

#[test]
fn a_server_that_closes_idle_connections_tells_its_limit_by_its_end() {
    let daemon = Daemon::start("127.0.0.1:0", &["--idle-timeout", "1500ms"]);
    let (status, _, summary) = probe(&["idle", &daemon.address, "--from", "200ms", "--to", "10s"]);
    let dead = summary["dead_s"].as_f64().unwrap();
    assert!((1.4..2.5).contains(&dead), "{summary}");
    assert!((summary["alive_s"].as_f64().unwrap() - dead).abs() < 0.01, "{summary}");
    assert_eq!((status, &summary["by"]), (0, &json!("fin")));
}

#[test]
fn a_server_without_a_limit_has_none() {
    let daemon = Daemon::start("127.0.0.1:0", &[]);
    let (status, events, summary) =
        probe(&["idle", &daemon.address, "--from", "50ms", "--to", "500ms"]);
    // 50, 100, 200, 400 and 500 ms.
    assert_eq!((status, events.len(), &summary["by"]), (0, 5, &json!("none")), "{summary}");
    assert_eq!(summary["dead_s"], json!(null));
    assert!(summary["alive_s"].as_f64().unwrap() >= 0.5);
}

/// The search is made in two runs, with a state file between them.
#[test]
fn a_middle_that_forgets_silently_is_found_by_sections() {
    const LIMIT: Duration = Duration::from_millis(700);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for peer in listener.incoming() {
            thread::spawn(|| forgets(peer.unwrap(), LIMIT));
        }
    });
    let directory = TempDir::new().unwrap();
    let state = directory.path().join("state");
    let words =
        ["--from", "100ms", "--timeout", "300ms", "--state", state.to_str().unwrap(), &address];
    let run = |more: &[&str]| probe(&[&["idle"], &words[..], more].concat());
    let (_, _, first) = run(&["--to", "400ms"]);
    assert_eq!((&first["by"], &first["dead_s"]), (&json!("none"), &json!(null)), "{first}");
    let (status, events, second) = run(&["--to", "5s", "--within", "50ms"]);
    let known = ["after 0.1", "after 0.2", "after 0.3"];
    let is_known = |event: &Value| known.iter().any(|one| event["text"].to_string().contains(one));
    assert!(!events.iter().any(is_known), "what is known is not tried again: {events:?}");
    let (alive, dead) = (second["alive_s"].as_f64().unwrap(), second["dead_s"].as_f64().unwrap());
    assert!(alive <= 0.75 && dead >= 0.7 && dead - alive <= 0.1, "{second}");
    assert_eq!((status, &second["by"]), (0, &json!("silence")));
    let written = fs::read_to_string(&state).unwrap();
    assert!(written.contains("\"by\":\"silence\""), "{written}");
}

/// Echoes, but nothing that comes after a longer silence.
fn forgets(mut peer: TcpStream, limit: Duration) {
    let mut room = [0; 4096];
    let mut last = Instant::now();
    while let Ok(count @ 1..) = peer.read(&mut room) {
        if last.elapsed() < limit {
            peer.write_all(&room[..count]).unwrap();
            last = Instant::now();
        }
    }
}
