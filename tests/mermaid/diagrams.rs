//! Every diagram of the documents is one that Mermaid itself can parse.
//!
//! Mermaid is a package for node. It is installed once, from the lock file beside this one, below
//! cargo's target directory.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("package.json")),
    ("package-lock.json", include_str!("package-lock.json")),
    ("parse.mjs", include_str!("parse.mjs")),
];

#[test]
fn every_diagram_can_be_parsed_by_mermaid() {
    let Some(mermaid) = installed() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut diagrams = Vec::new();
    for entry in [root.join("README.md"), root.join("docs")] {
        collect(&entry, &mut diagrams);
    }
    assert!(diagrams.len() > 20, "the documents have more diagrams than {}", diagrams.len());
    assert_eq!(complaints(&mermaid, &diagrams), "");
}

#[test]
fn a_diagram_that_mermaid_cannot_parse_is_named() {
    let Some(mermaid) = installed() else { return };
    let wrong = "sequenceDiagram\n    a->>b: one; two\n    c ->> : three\n";
    let diagrams = [("right", "sequenceDiagram\n    a->>b: one\n"), ("wrong", wrong)];
    let diagrams = diagrams.map(|(place, text)| json!({"place": place, "text": text}));
    let told = complaints(&mermaid, &diagrams);
    assert!(told.starts_with("wrong: ") && told.lines().count() == 1, "{told}");
}

/// The diagrams of a document, or of all in a folder, with where they are.
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

/// What Mermaid says of them, a line for each that is wrong.
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

/// Where Mermaid is installed, or nothing where it can't be; then that is said.
fn installed() -> Option<PathBuf> {
    static PLACE: std::sync::OnceLock<Result<PathBuf, String>> = std::sync::OnceLock::new();
    match PLACE.get_or_init(install) {
        Ok(place) => Some(place.clone()),
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "CI leaves nothing out: {why}");
            // Not by a macro, whose output the test runner would keep to itself.
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
            return Err(format!("no {program} here"));
        }
    }
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mermaid");
    // Written last, so that an installation that was interrupted is none.
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
        return Err(format!("npm can't install Mermaid: {} {said}", output.status));
    }
    fs::write(done, wanted).unwrap();
    Ok(place)
}
