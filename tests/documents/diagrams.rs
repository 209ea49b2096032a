//! Checks that Mermaid parses every diagram of the documents.
//!
//! Mermaid is a node package, installed once below cargo's target directory, from the lock file
//! in `mermaid/`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("mermaid/package.json")),
    ("package-lock.json", include_str!("mermaid/package-lock.json")),
    ("parse.mjs", include_str!("mermaid/parse.mjs")),
];

#[test]
fn mermaid_parses_every_diagram() {
    let Some(mermaid) = installed() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut diagrams = Vec::new();
    for entry in [root.join("README.md"), root.join("docs")] {
        collect(&entry, &mut diagrams);
    }
    assert!(diagrams.len() > 20, "only {} diagrams found", diagrams.len());
    assert_eq!(complaints(&mermaid, &diagrams), "");
}

#[test]
fn an_invalid_diagram_is_named() {
    let Some(mermaid) = installed() else { return };
    let wrong = "sequenceDiagram\n    a->>b: one; two\n    c ->> : three\n";
    let diagrams = [("right", "sequenceDiagram\n    a->>b: one\n"), ("wrong", wrong)];
    let diagrams = diagrams.map(|(place, text)| json!({"place": place, "text": text}));
    let complaint = complaints(&mermaid, &diagrams);
    assert!(complaint.starts_with("wrong: ") && complaint.lines().count() == 1, "{complaint}");
}

/// Collects the diagrams of a document, or of a folder, with their places.
fn collect(place: &Path, diagrams: &mut Vec<Value>) {
    if place.is_dir() {
        for entry in fs::read_dir(place).unwrap() {
            collect(&entry.unwrap().path(), diagrams);
        }
    } else if place.extension().is_some_and(|extension| extension == "md") {
        let document = fs::read_to_string(place).unwrap();
        let blocks = document.split("\n```mermaid\n").skip(1);
        diagrams.extend(blocks.map(|block| {
            let (text, _) = block.split_once("\n```").unwrap();
            json!({"place": place, "text": text})
        }));
    }
}

/// Returns Mermaid's errors, one line per invalid diagram.
fn complaints(mermaid: &Path, diagrams: &[Value]) -> String {
    let mut node = Command::new("node");
    node.arg("parse.mjs").current_dir(mermaid).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut node = node.spawn().unwrap();
    let input = serde_json::to_vec(diagrams).unwrap();
    node.stdin.take().unwrap().write_all(&input).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "parse.mjs: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the folder of Mermaid; None, with a message, if it cannot be installed.
fn installed() -> Option<PathBuf> {
    static PLACE: std::sync::OnceLock<Result<PathBuf, String>> = std::sync::OnceLock::new();
    match PLACE.get_or_init(install) {
        Ok(place) => Some(place.clone()),
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "CI skips nothing: {why}");
            // Not with eprintln!, because the test runner captures its output.
            io::stderr().write_all(format!("SKIPPED the diagrams: {why}\n").as_bytes()).unwrap();
            None
        }
    }
}

fn install() -> Result<PathBuf, String> {
    for program in ["node", "npm"] {
        let mut version = Command::new(program);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        if !version.status().is_ok_and(|status| status.success()) {
            return Err(format!("{program} is missing"));
        }
    }
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mermaid");
    // Written last, so that an interrupted installation does not count.
    let done = place.join("installed");
    let wanted = FILES.map(|(_, text)| text).concat();
    if fs::read_to_string(&done).is_ok_and(|found| found == wanted) {
        return Ok(place);
    }
    fs::create_dir_all(&place).unwrap();
    for (name, text) in FILES {
        fs::write(place.join(name), text).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    let output = npm.current_dir(&place).stdin(Stdio::null()).output().unwrap();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("npm cannot install Mermaid: {} {said}", output.status));
    }
    fs::write(done, wanted).unwrap();
    Ok(place)
}
