//! Documents: their titles, and where their links lead.

use std::fs;
use std::path::PathBuf;

use super::{complain, files, root, shown};

#[test]
fn every_document_has_one_title_and_its_links_lead_somewhere() {
    let documents = files("docs", "md").chain(top_documents());
    complain(documents.flat_map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let titles = outside_code(&text).filter(|line| line.starts_with("# ")).count();
        let mut wrong = Vec::new();
        if titles != 1 {
            wrong.push(format!("{}:1: {titles} titles", shown(&path)));
        }
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if !target.contains("://") && !file.is_empty() && !path.with_file_name(file).exists() {
                wrong.push(format!("{}:1: a link to {target}, which is not there", shown(&path)));
            }
        }
        wrong
    }));
}

/// A page of a folder may be in the folder's own README instead, if that is in the map.
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

/// Both ways: no test of a fault is left out of the page, and the page names no test there is not.
#[test]
fn the_page_of_faults_names_the_tests_there_are() {
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

fn top_documents() -> impl Iterator<Item = PathBuf> {
    ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"].into_iter().map(|name| root().join(name))
}

fn outside_code(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        code ^= line.starts_with("```");
        !code
    })
}
