//! Dependencies: each is used, and each has a documented reason.

use std::fs;

use super::{code_of, complain, files, root, shown};

/// A package in `Cargo.toml`.
struct Package {
    name: String,
    /// The folders in which a use counts.
    folders: &'static [&'static str],
}

/// A package that only tests use must be a dev-dependency.
#[test]
fn every_dependency_is_used() {
    complain(packages().filter_map(|Package { name, folders }| {
        let path = format!("{}::", name.replace('-', "_"));
        let sources = folders.iter().flat_map(|folder| files(folder, "rs"));
        let mut sources =
            sources.filter(|source| folders.contains(&"tests") || !shown(source).contains("tests"));
        let used = sources.any(|source| {
            let text = fs::read_to_string(source).unwrap();
            let text = match folders {
                ["src"] => text.split("mod tests {").next().unwrap_or_default(),
                _ => &text,
            };
            text.lines().any(|line| begins_a_path(line, &path))
        });
        (!used).then(|| format!("Cargo.toml:1: {name} is not used in {}", folders.join(", ")))
    }));
}

/// True if `path` starts a path in the line's code, and is neither the end of a longer name nor a
/// module of this project.
fn begins_a_path(line: &str, path: &str) -> bool {
    let code = code_of(line);
    code.match_indices(path).any(|(at, _)| {
        let before = code.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|letter| letter.is_alphanumeric() || "_:".contains(letter))
    })
}

/// Both ways: the table in `docs/architecture.md` names every dependency, and nothing else.
#[test]
fn every_dependency_has_a_documented_reason() {
    let document = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, section) = document.split_once("\n## Dependencies\n").unwrap();
    let is_entry = |line: &str| line.starts_with("Given:") || line.starts_with("| `");
    let listed: Vec<_> = section.lines().filter(|line| is_entry(line)).collect();
    let listed = listed.iter().flat_map(|line| {
        let words = line.split("| ").nth(1).unwrap_or(line);
        words.split('`').skip(1).step_by(2)
    });
    let mut listed: Vec<_> = listed.collect();
    complain(packages().filter_map(|Package { name, .. }| {
        let place = listed.iter().position(|one| *one == name);
        let missing = place.map(|place| listed.swap_remove(place)).is_none();
        missing.then(|| format!("docs/architecture.md:1: no reason for {name}"))
    }));
    // The table lists features after their packages.
    let features = ["exam", "load", "pages", "plot", "probe"];
    let wrong = listed.iter().filter(|name| !features.contains(name));
    complain(wrong.map(|name| format!("docs/architecture.md:1: {name} is no dependency")));
}

/// The packages of all dependency sections.
fn packages() -> impl Iterator<Item = Package> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut folders: &[&str] = &[];
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            folders = match line.trim_matches(['[', ']']) {
                "dev-dependencies" => &["src", "tests"],
                section if section.ends_with("dependencies") => &["src"],
                _ => &[],
            };
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !folders.is_empty()) {
            found.push(Package { name: name.to_owned(), folders });
        }
    }
    assert!(found.len() > 20, "too few dependencies found");
    found.into_iter()
}
