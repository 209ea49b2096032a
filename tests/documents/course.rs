//! The table of the course's slides, and the course's own programs with their mistakes.

use std::collections::BTreeSet;
use std::fs;

use super::{place, read};

/// The number of slides of the course.
const SLIDES: u32 = 26;

/// A mistake that no page names is not found, and so not shown.
#[test]
fn every_mistake_of_the_course_is_on_its_page_and_in_the_table_of_slides() {
    let table = table();
    let mistakes = mistakes();
    assert!(mistakes.len() >= 8, "{mistakes:?}");
    for (name, kind) in mistakes {
        let page = read(&format!("docs/demonstrations/{name}.md"));
        let command = format!("`make demo-{name} WRONG={kind}`");
        assert!(page.contains(&command), "{name}.md: {command}");
        let transcript = format!("](transcripts/{name}-{kind}.txt)");
        assert!(page.contains(&transcript), "{name}.md: {transcript}");
        let row = table.lines().find(|row| row.contains(&format!("WRONG={kind}`")));
        assert!(row.is_some_and(|row| row.contains(&format!("({name}.md)"))), "{name} {kind}");
    }
}

#[test]
fn every_slide_of_the_course_has_its_place() {
    let table = table();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| ")?.split(" |").next());
    let slides: BTreeSet<u32> = rows.flat_map(|cell| cell.split(", ")).flat_map(range).collect();
    assert_eq!(slides, (1..=SLIDES).collect());
}

/// Reads `7` or `10 to 17`; anything else, as the table's head, has no slides.
fn range(words: &str) -> impl Iterator<Item = u32> {
    let (first, last) = words.split_once(" to ").unwrap_or((words, words));
    let ends = first.parse().ok().zip(last.parse().ok());
    ends.into_iter().flat_map(|(first, last)| first..=last)
}

fn table() -> String {
    let index = read("docs/demonstrations/README.md");
    let (_, section) = index.split_once("\n## The slides of the course\n").unwrap();
    section.to_owned()
}

/// The demonstrations of the course's own programs: a name, and a mistake.
fn mistakes() -> Vec<(String, String)> {
    let files = fs::read_dir(place("tests/demos")).unwrap();
    let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let is_ours = |line: &str| {
        let number = line.strip_prefix("# W").and_then(|rest| rest.split(':').next());
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let ours = names.filter(|name| read(&format!("tests/demos/{name}")).lines().any(is_ours));
    ours.filter_map(|name| {
        let (name, kind) = name.strip_suffix(".sh")?.rsplit_once('-')?;
        Some((name.to_owned(), kind.to_owned()))
    })
    .collect()
}
