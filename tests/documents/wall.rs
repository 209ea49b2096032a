//! The wall (`docs/wall.html`) has every demonstration as it runs today, and plays it in a browser.
//!
//! `make wall` records and builds it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{place, read};
use browser::Browser;
use tools::{have, lacks};

#[expect(dead_code, reason = "written for tests that draw pictures, too")]
#[path = "../faults/support/browser.rs"]
mod browser;
#[expect(dead_code, reason = "written for more tests")]
#[path = "../faults/support/tools.rs"]
mod tools;

const LIMIT: Duration = Duration::from_secs(20);

/// The exit status of a script that lacks a tool.
const SKIPPED: i32 = 77;

/// A recording of the page: its first line, and its events.
struct Recording {
    about: Value,
    events: Vec<Value>,
}

impl Recording {
    fn parse(text: &str) -> Self {
        let mut lines = text.trim().lines().map(|line| serde_json::from_str(line).unwrap());
        Self { about: lines.next().unwrap(), events: lines.collect() }
    }

    fn name(&self) -> &str {
        self.about["demonstration"].as_str().unwrap()
    }

    /// Returns the texts of the events of one kind.
    fn texts(&self, kind: &str) -> Vec<&str> {
        let of_kind = self.events.iter().filter(|event| event["kind"] == kind);
        of_kind.filter_map(|event| event["text"].as_str()).collect()
    }
}

#[test]
fn every_demonstration_is_on_the_wall_and_checked_what_it_checks_today() {
    let recordings = recordings();
    let transcripts = fs::read_dir(place("docs/demonstrations/transcripts")).unwrap();
    let names: Vec<_> = transcripts
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(recordings.len(), names.len(), "make wall");
    for name in names {
        let recording = recordings.iter().find(|one| one.name() == name);
        let recording = recording.unwrap_or_else(|| panic!("{name} is missing: make wall"));
        let transcript = read(&format!("docs/demonstrations/transcripts/{name}.txt"));
        let checks: Vec<_> =
            transcript.lines().filter_map(|line| line.strip_prefix("seen: ")).collect();
        assert_eq!(recording.texts("seen"), checks, "{name}: make wall");
    }
}

#[test]
fn a_recording_has_ordered_times_calls_segments_and_states() {
    for recording in recordings() {
        let name = recording.name();
        let times: Vec<_> =
            recording.events.iter().map(|event| event["t"].as_f64().unwrap()).collect();
        assert!(times.is_sorted(), "{name}");
        assert!(recording.texts("call").len() > 5, "{name}: calls");
        for kind in ["segment", "state"] {
            // Without a client there is no segment, and without a server no state.
            let none = (name == "startup" && kind == "segment") || name == "usage";
            let there = recording.events.iter().any(|event| event["kind"] == kind);
            assert!(there || none, "{name}: no {kind}");
        }
        let phases = recording.events.iter().any(|event| event["kind"] == "phase");
        assert!(phases || name != "shutdown", "no phase");
        let text = recording.events.iter().map(Value::to_string).collect::<String>();
        for private in [env!("CARGO_MANIFEST_DIR"), "/tmp/", "/root", "/home"] {
            assert!(!text.contains(private), "{name}: {private}");
        }
    }
}

#[test]
fn the_page_is_built_of_its_parts_and_the_questions() {
    if !have(&["node"]) {
        return;
    }
    let page = place("docs/wall.html");
    assert!(built(&page) == fs::read(&page).unwrap(), "docs/wall.html differs: make wall-page");
}

#[test]
fn the_keys_play_a_recording_and_a_question_waits_for_its_prediction() {
    if !have(&["chromium", "bash"]) {
        return;
    }
    let mut browser = opened(&place("docs/wall.html"), "termination");
    let end = browser.value("document.getElementById('position').max").as_str().unwrap().to_owned();
    assert_eq!(position(&mut browser), "0");
    press(&mut browser, "+");
    press(&mut browser, "+");
    press(&mut browser, " ");
    for (letter, answer) in [("a", "You said a."), ("c", "Right."), ("d", "The answer is")] {
        waits(&mut browser, "a question", "document.querySelector('.current .question')");
        let asked = position(&mut browser);
        press(&mut browser, " ");
        assert_eq!(position(&mut browser), asked, "playback waits");
        // There is no choice d.
        let key = if letter == "d" { "ArrowRight" } else { letter };
        press(&mut browser, key);
        let voice = browser.value("document.getElementById('voice').textContent");
        assert!(voice.as_str().unwrap().starts_with(answer), "{voice}");
    }
    waits(&mut browser, "the end", "!document.getElementById('end').hidden");
    assert_eq!(position(&mut browser), end);
    let score = browser.value("document.getElementById('score').textContent");
    assert_eq!(score, "1 of 3 predictions were right.");
    let sockets = browser.value("document.getElementById('sockets').textContent");
    assert!(sockets.as_str().unwrap().contains("client TIME-WAIT ⇄ daemon gone"), "{sockets}");
    press(&mut browser, "Home");
    press(&mut browser, "ArrowRight");
    assert_ne!(position(&mut browser), "0");
    let voice = browser.value("document.getElementById('voice').textContent");
    assert!(voice.as_str().unwrap().contains("daemon calls execve"), "{voice}");
    assert_eq!(browser.console, Vec::<Value>::new());
}

#[test]
fn every_recording_is_shown_whole_at_any_width_light_dark_and_printed() {
    if !have(&["chromium", "bash"]) {
        return;
    }
    let mut browser = opened(&place("docs/wall.html"), "startup");
    for recording in recordings() {
        let name = recording.name();
        browser.value(&format!("location.hash = '{name}/9999'"));
        let chosen = format!("document.querySelector('h2').textContent.endsWith(' {name}')");
        waits(&mut browser, name, &chosen);
        let last = browser.value("document.querySelectorAll('.event').length - 1").to_string();
        assert_eq!(position(&mut browser), last, "{name}");
        assert!(last.parse::<usize>().unwrap() >= recording.events.len() - 1, "{name}: {last}");
        for width in [360, 1300] {
            browser.resize(width, 800);
            let root = "document.documentElement";
            let overflow = browser.value(&format!("{root}.scrollWidth - {root}.clientWidth"));
            assert_eq!(overflow, json!(0), "{name}: pixels to scroll to the right at {width}");
        }
    }
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.value(ground);
    let dark = json!({ "name": "prefers-color-scheme", "value": "dark" });
    browser.call("Emulation.setEmulatedMedia", &json!({ "features": [dark] }));
    assert_ne!(browser.value(ground), light);
    browser.value("location.hash = 'termination/0'");
    waits(&mut browser, "the beginning", "document.getElementById('position').value === '0'");
    let shown = "[...document.querySelectorAll('.event:not(.wait)')].filter((one) => \
                 getComputedStyle(one).display === 'none').length";
    assert!(browser.value(shown).as_u64().unwrap() > 50);
    browser.call("Emulation.setEmulatedMedia", &json!({ "media": "print" }));
    assert_eq!(browser.value(shown), json!(0), "all is printed");
    assert_eq!(browser.console, Vec::<Value>::new());
}

/// A sample of `make wall`.
#[test]
fn a_run_is_recorded_and_its_page_plays_it() {
    if !have(&["node", "chromium", "bash", "tcpdump", "strace", "ss"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_tcpechod")).parent().unwrap();
    let output = Command::new(place("tests/wall/record"))
        .arg(directory.path())
        .arg("established")
        .env("TCPECHO_BIN", programs)
        .output()
        .unwrap();
    if output.status.code() == Some(SKIPPED) {
        lacks("root, for tcpdump in a network of its own");
        return;
    }
    assert!(output.status.success(), "{output:?}");
    let recording = fs::read_to_string(directory.path().join("established.jsonl")).unwrap();
    let recording = Recording::parse(&recording);
    let handshake = recording.events.iter().filter(|event| event["kind"] == "segment");
    let flags: Vec<_> = handshake.take(3).map(|event| event["flags"].clone()).collect();
    assert_eq!(flags, ["SYN", "SYN ACK", "ACK"]);
    for (kind, side, text) in [
        ("call", "client", "connect("),
        ("call", "daemon", "accept4("),
        ("log", "daemon", "listening on"),
    ] {
        let there = recording.events.iter().any(|event| {
            event["kind"] == kind
                && event["side"] == side
                && event["text"].as_str().unwrap().starts_with(text)
        });
        assert!(there, "{kind} {side} {text}");
    }
    let page = directory.path().join("wall.html");
    fs::write(&page, built(directory.path())).unwrap();
    let mut browser = opened(&page, "established/9999");
    waits(&mut browser, "the end", "!document.getElementById('end').hidden");
    assert_eq!(browser.console, Vec::<Value>::new());
}

fn recordings() -> Vec<Recording> {
    let page = read("docs/wall.html");
    let elements = page.split("<script type=\"application/json\" id=\"recording-").skip(1);
    elements
        .map(|element| {
            let (_, rest) = element.split_once('\n').unwrap();
            Recording::parse(rest.split_once("\n</script>").unwrap().0)
        })
        .collect()
}

/// Builds a page of the recordings in a directory, or in another page.
fn built(recordings: &Path) -> Vec<u8> {
    let output = Command::new("node")
        .args([place("tests/wall/build.mjs"), place("docs"), recordings.to_owned()])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

fn opened(page: &Path, hash: &str) -> Browser {
    let mut browser = Browser::start(1300, 800);
    browser.open(&format!("file://{}#{hash}", page.display()));
    waits(&mut browser, "the page", "document.querySelector('.event.current')");
    browser
}

/// Waits until an expression is true in the page.
fn waits(browser: &mut Browser, what: &str, expression: &str) {
    let since = Instant::now();
    while browser.value(&format!("Boolean({expression})")) != json!(true) {
        assert!(since.elapsed() < LIMIT, "{what}: {expression}");
        thread::park_timeout(Duration::from_millis(20));
    }
}

fn press(browser: &mut Browser, key: &str) {
    let event = json!({ "key": key, "bubbles": true, "cancelable": true });
    browser.value(&format!("document.body.dispatchEvent(new KeyboardEvent('keydown', {event}))"));
}

fn position(browser: &mut Browser) -> String {
    browser.value("document.getElementById('position').value").as_str().unwrap().to_owned()
}
