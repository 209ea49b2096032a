//! The language of comments and documents: readers need nouns, not pronouns.
//!
//! The limits are a ratchet: the test also fails if a corpus is better than its limit, until the
//! limit is lowered, so that no limit ever rises.

use std::fs;
use std::path::PathBuf;

use super::{documents, files, root};

/// Pronouns in place of a noun for a person or a peer: "who is owed something".
const PRONOUNS: [&str; 10] = [
    "who",
    "whom",
    "whoever",
    "whose",
    "somebody",
    "someone",
    "nobody",
    "everybody",
    "everyone",
    "anybody",
];

/// The same for things: "what is owed".
const CLAUSES: [&str; 2] = ["what", "whatever"];

/// For each corpus, the most pronouns and clauses per 10,000 words of prose.
const LIMITS: [(&str, usize, usize); 3] = [("src", 4, 2), ("tests", 5, 2), ("docs", 4, 10)];

/// By how much a corpus may be better than its limit.
const SLACK: usize = 3;

#[test]
fn pronouns_in_prose_stay_within_the_limits() {
    let mut wrong = Vec::new();
    for (corpus, pronouns_max, clauses_max) in LIMITS {
        let words: Vec<_> = prose(corpus).iter().flat_map(|text| words(text)).collect();
        for (kind, list, most) in
            [("pronouns", &PRONOUNS[..], pronouns_max), ("clauses", &CLAUSES[..], clauses_max)]
        {
            let found = words.iter().filter(|word| list.contains(&word.as_str())).count();
            let share = (found * 10_000).div_ceil(words.len());
            if share > most || share + SLACK < most {
                wrong.push(format!(
                    "{corpus}: {found} {kind} in {} words of prose, {share} in 10,000; the limit \
                     in tests/tidy/words.rs is {most}",
                    words.len()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n\n{}\n", wrong.join("\n"));
}

/// Returns the comments of the code in that folder, or all documents.
fn prose(corpus: &str) -> Vec<String> {
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    if corpus == "docs" {
        return documents::documents().map(|path| without_code(&read(path))).collect();
    }
    files(corpus, "rs").map(|path| without_code(&comments(&read(path)))).collect()
}

fn comments(code: &str) -> String {
    let text = code.lines().filter_map(|line| {
        let comment = line.trim_start().strip_prefix("//")?;
        Some(comment.trim_start_matches(['/', '!']))
    });
    text.collect::<Vec<_>>().join("\n")
}

/// Removes code blocks and code spans, which are not prose.
fn without_code(text: &str) -> String {
    let mut in_block = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !in_block && !fence
    });
    let spans = lines.collect::<Vec<_>>().join("\n");
    spans.split('`').step_by(2).collect()
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphabetic());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

#[test]
fn code_does_not_count_as_prose() {
    assert!(root().join("src").is_dir());
    let text = "a `who` b\n```\nwho\n```\nc";
    assert_eq!(words(&without_code(text)), ["a", "b", "c"]);
    assert_eq!(words(&comments("let who = 1;\n    /// Who?\n//! What.")), ["who", "what"]);
}
