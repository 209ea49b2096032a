//! `docs/states.md` shows the tables of the code; these tests keep the two equal.
//!
//! `make states` rewrites the tables and the diagram of the page from the code.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use tcpecho::cause::Cause;
use tcpecho::connection::{PhaseKind, Transition, transitions};

const PHASES: [PhaseKind; 8] = [
    PhaseKind::Queued,
    PhaseKind::Child,
    PhaseKind::ProxyHeader,
    PhaseKind::Open,
    PhaseKind::Flushing,
    PhaseKind::Draining,
    PhaseKind::Lingering,
    PhaseKind::Closed,
];

#[test]
fn the_page_shows_the_tables_of_the_code() {
    let path = root().join("docs/states.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut wanted = page.clone();
    for (name, block) in [("phases", phases()), ("diagram", diagram()), ("transitions", table())] {
        wanted = with_block(&wanted, name, &block);
    }
    if std::env::var_os("WRITE").is_some() {
        fs::write(&path, &wanted).unwrap();
    } else {
        assert_eq!(page, wanted, "docs/states.md differs from the code: make states");
    }
}

#[test]
fn every_transition_names_a_test_that_exists() {
    let sources = ["src", "tests"].iter().flat_map(|folder| sources(&root().join(folder)));
    let all: String = sources.map(|path| fs::read_to_string(path).unwrap()).collect();
    for row in transitions() {
        let Transition { from, to, test, .. } = row;
        assert!(all.contains(&format!("fn {test}()")), "{from} -> {to}: no test {test}");
    }
}

#[test]
fn every_cause_ends_some_transition() {
    let closing = transitions().filter(|row| row.to == PhaseKind::Closed);
    let causes: BTreeSet<_> = closing.flat_map(|row| row.causes).collect();
    for cause in &Cause::ALL {
        assert!(causes.contains(cause), "nothing ends with {cause}");
    }
}

#[test]
fn every_phase_can_be_reached_and_left() {
    for phase in PHASES {
        let reached = transitions().any(|row| row.to == phase);
        let left = transitions().any(|row| row.from == phase);
        assert_eq!(reached, phase != PhaseKind::Queued, "{phase}");
        assert_eq!(left, phase != PhaseKind::Closed, "{phase}");
    }
}

fn phases() -> String {
    let mut text = String::from("| phase | meaning | netstat shows |\n|---|---|---|\n");
    for phase in PHASES {
        writeln!(text, "| {phase} | {} | {} |", phase.meaning(), phase.netstat()).unwrap();
    }
    text
}

fn diagram() -> String {
    let mut text = String::from("```mermaid\nstateDiagram-v2\n    [*] --> queued\n");
    let mut drawn = BTreeSet::new();
    for row in transitions().filter(|row| row.from != row.to) {
        if drawn.insert((row.from, row.to)) {
            let same = |other: &&Transition| (other.from, other.to) == (row.from, row.to);
            let labels: BTreeSet<_> = transitions().filter(same).flat_map(labels).collect();
            let labels: Vec<_> = labels.into_iter().collect();
            writeln!(text, "    {} --> {}: {}", row.from, row.to, labels.join(", ")).unwrap();
        }
    }
    text + "    closed --> [*]\n```\n"
}

/// The labels of an arrow: the causes, "a fault" in place of those that an errno gives, or the
/// stimulus if there is no cause.
fn labels(row: &Transition) -> Vec<String> {
    if row.causes.is_empty() {
        vec![row.stimulus.replace('`', "")]
    } else if row.causes.contains(&Cause::Reset) {
        vec!["a fault".to_owned()]
    } else {
        words(row.causes).into_iter().map(ToOwned::to_owned).collect()
    }
}

fn table() -> String {
    let mut text =
        String::from("| from | what happens | to | what is done | test |\n|---|---|---|---|---|\n");
    for row in transitions() {
        let to = if row.causes.is_empty() {
            row.to.to_string()
        } else {
            format!("{} ({})", row.to, words(row.causes).join(", "))
        };
        let Transition { from, stimulus, effect, test, .. } = row;
        writeln!(text, "| {from} | {stimulus} | {to} | {effect} | `{test}` |").unwrap();
    }
    text
}

fn words(causes: &[Cause]) -> Vec<&'static str> {
    causes.iter().map(|cause| cause.word()).collect()
}

/// Replaces the text between the page's marks of this name.
fn with_block(page: &str, name: &str, block: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = page.split_once(&begin).expect("the mark where the block begins");
    let (_, after) = rest.split_once(&end).expect("the mark where the block ends");
    format!("{before}{begin}\n{block}\n{end}{after}")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
