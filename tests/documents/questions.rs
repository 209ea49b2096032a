//! The questions of the demonstrations' pages, as `tests/demos/step.sh` reads them: each is
//! asked at a line of the transcript, in order, and has an answer among its choices.

use std::fs;

use super::{place, read};

struct Question {
    /// The text at which it is asked.
    place: String,
    choices: Vec<char>,
}

#[test]
fn every_question_of_a_page_has_its_place_in_the_transcript_and_its_answer() {
    let pages = pages();
    assert_eq!(pages.len(), 20, "{pages:?}");
    for name in pages {
        let page = read(&format!("docs/demonstrations/{name}.md"));
        let (predict, rest) = page.split_once("\n## Run\n").unwrap();
        let (_, explain) = rest.split_once("\n## Explain\n").unwrap();
        let questions = questions(predict);
        assert!(!questions.is_empty(), "{name}: no question");
        let transcript = read(&format!("docs/demonstrations/transcripts/{name}.txt"));
        let mut lines = transcript.lines();
        for (number, question) in (1..).zip(&questions) {
            let Question { place, choices } = question;
            assert!(lines.any(|line| line.contains(place)), "{name}: no line with {place}");
            assert!(choices.len() >= 2, "{name}: {place}: {choices:?}");
            let answers = choices
                .iter()
                .filter(|choice| explain.contains(&format!("\n**{number}: {choice}.** ")));
            assert_eq!(answers.count(), 1, "{name}: {place}: answers");
            // The port differs on the host's network, where it follows the address.
            let after_address = place.split("127.0.0.1").nth(1).unwrap_or_default();
            assert!(!place.contains("9877") && after_address.is_empty(), "{name}: {place}");
        }
    }
}

#[test]
fn a_page_hides_its_output_and_its_reasons_and_ends_with_an_exercise_that_a_command_checks() {
    for name in pages() {
        let page = read(&format!("docs/demonstrations/{name}.md"));
        for section in ["Run", "Explain"] {
            let (_, rest) = page.split_once(&format!("\n## {section}\n")).unwrap();
            let (body, _) = rest.split_once("\n## ").unwrap();
            assert!(body.contains("\n<details>\n<summary>"), "{name}: {section}");
            assert!(body.trim_end().ends_with("\n</details>"), "{name}: {section}");
        }
        let (_, exercise) = page.split_once("\n## Exercise\n").unwrap();
        assert!(exercise.contains("\n```sh\n") && !exercise.contains("\n## "), "{name}");
    }
}

/// The names of the demonstrations that have a page.
fn pages() -> Vec<String> {
    let files = fs::read_dir(place("docs/demonstrations")).unwrap();
    let names = files.filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".md").filter(|name| *name != "README").map(ToOwned::to_owned)
    });
    names.collect()
}

fn questions(text: &str) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    for line in text.lines() {
        let number = questions.len() + 1;
        if let Some(rest) = line.strip_prefix(&format!("**{number}.** `")) {
            let (place, _) = rest.split_once("`:").unwrap();
            questions.push(Question { place: place.to_owned(), choices: Vec::new() });
        } else if let Some((choice, _)) =
            line.strip_prefix("- ").and_then(|rest| rest.split_once(": "))
        {
            questions.last_mut().unwrap().choices.extend(choice.chars());
        }
    }
    questions
}
