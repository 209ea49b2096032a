//! Documents: titles, link targets, and the files, commands and tests that they name.

use std::fs;
use std::path::{Path, PathBuf};

use super::{complain, faulty_lines, files, root, shown};

#[test]
fn every_document_has_one_title() {
    complain(documents().filter_map(|path| {
        let titles = headings(&path).iter().filter(|(level, _)| *level == 1).count();
        (titles != 1).then(|| format!("{}:1: {titles} titles", shown(&path)))
    }));
}

#[test]
fn every_link_has_a_target() {
    complain(documents().flat_map(|path| {
        faulty_lines(&path, |line| {
            let mut targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            let wrong = targets.find(|target| !leads_somewhere(&path, target));
            wrong.map(|target| format!("broken or misspelled link: {target}"))
        })
    }));
}

/// True if the file exists, and has the linked heading, if any. The test does not open external
/// links; it only checks that they are plain https addresses.
fn leads_somewhere(from: &Path, target: &str) -> bool {
    if let Some((scheme, rest)) = target.split_once("://") {
        let host = rest.split('/').next().unwrap_or_default();
        let plain = |letter: char| letter.is_ascii_graphic() && !"<>\"\\^`{|}".contains(letter);
        return scheme == "https" && host.contains('.') && rest.chars().all(plain);
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(f, a)| (f, Some(a)));
    let to = if file.is_empty() { from.to_owned() } else { from.with_file_name(file) };
    to.exists() && anchor.is_none_or(|anchor| anchors(&to).iter().any(|one| one == anchor))
}

/// The anchors of a document's sections, as GitHub derives them: lower case, letters, digits, `-`
/// and `_`, hyphens for blanks; a numeric suffix for a repeated name.
fn anchors(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (_, heading) in headings(path) {
        let kept =
            heading.chars().filter(|&letter| letter.is_alphanumeric() || " -_".contains(letter));
        let name: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect();
        let name = name.to_lowercase();
        let again = (1..).map(|number| format!("{name}-{number}"));
        let unused = [name.clone()].into_iter().chain(again).find(|one| !names.contains(one));
        names.extend(unused);
    }
    names
}

/// The level and the text of each heading.
fn headings(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let levels = outside_code(&text).filter_map(|line| {
        let rest = line.trim_start_matches('#');
        let level = line.len() - rest.len();
        rest.strip_prefix(' ').filter(|_| level > 0).map(|text| (level, text.trim().to_owned()))
    });
    levels.collect()
}

/// Checks that paths of the project in documents and comments exist.
#[test]
fn every_named_file_exists() {
    /// A file that an example in a document creates.
    const EXAMPLE: &str = "src/service/upper.rs";

    let code = files("src", "rs").chain(files("tests", "rs"));
    complain(documents().chain(code).flat_map(|path| {
        let document = path.extension().is_some_and(|kind| kind == "md");
        faulty_lines(&path, |line| {
            let text = if document { line } else { line.split_once("//").map_or("", |two| two.1) };
            let mut ours = text.split('`').skip(1).step_by(2).filter(|word| {
                let folders = ["src/", "tests/", "docs/", ".ci/", ".github/", ".cargo/"];
                folders.iter().any(|folder| word.starts_with(folder)) && *word != EXAMPLE
            });
            let missing = ours.find(|word| !root().join(word).exists());
            missing.map(|word| format!("{word} does not exist"))
        })
    }));
}

/// Checks that the `make` commands in documents exist.
#[test]
fn every_named_make_command_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let is_there = |command: &str| {
        let family = command.split('-').next().unwrap_or_default();
        [format!("\n{command}:"), format!("\n{family}-%:")]
            .iter()
            .any(|rule| makefile.contains(rule))
    };
    complain(documents().flat_map(|path| {
        faulty_lines(&path, |line| {
            let mut typed = line.split("`make ").skip(1).filter_map(|rest| {
                let command = rest.split(['`', ' ']).next()?;
                command.starts_with(|letter: char| letter.is_ascii_lowercase()).then_some(command)
            });
            typed.find(|command| !is_there(command)).map(|wrong| format!("no make {wrong}"))
        })
    }));
}

/// The README of a folder may list its pages instead, if the main README lists that.
#[test]
fn every_document_is_in_the_map_of_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    complain(files("docs", "md").filter_map(|path| {
        let place = shown(&path);
        let index = path.with_file_name("README.md");
        let name = path.file_name().unwrap().to_str().unwrap();
        let in_index = readme.contains(&shown(&index))
            && fs::read_to_string(index).is_ok_and(|text| text.contains(&format!("]({name})")));
        let listed = readme.contains(&place) || in_index;
        (!listed).then(|| format!("{place}:1: neither in README.md nor in an index that is"))
    }));
}

/// Both ways: the page names every test of a fault, and only existing tests.
#[test]
fn the_page_of_faults_names_exactly_the_existing_tests() {
    let page = fs::read_to_string(root().join("docs/faults.md")).unwrap();
    let named: Vec<_> =
        page.split('`').skip(1).step_by(2).filter(|word| word.contains('_')).collect();
    let sources = files("src", "rs").chain(files("tests", "rs"));
    let code: String = sources.map(|path| fs::read_to_string(path).unwrap()).collect();
    complain(named.iter().filter_map(|test| {
        let there =
            *test == "SO_ERROR" || *test == "SO_LINGER" || code.contains(&format!("fn {test}("));
        (!there).then(|| format!("docs/faults.md:1: no test {test}"))
    }));
    let numbered = code.split("fn ").skip(1).filter_map(|rest| rest.split('(').next());
    let missing = numbered.filter(|name| is_numbered(name) && !named.contains(name));
    complain(missing.map(|name| format!("docs/faults.md:1: {name} is missing")));
}

/// True for `a01_…`: a test of the fault with that number.
fn is_numbered(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.by_ref().take(2).filter(char::is_ascii_digit).count() == 2
        && letters.next() == Some('_')
}

pub(super) fn documents() -> impl Iterator<Item = PathBuf> {
    let top = ["README", "CHANGELOG", "CONTRIBUTING", "RELEASING", "SECURITY"].into_iter();
    files("docs", "md").chain(top.map(|name| root().join(name).with_extension("md")))
}

fn outside_code(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        code ^= line.starts_with("```");
        !code
    })
}
