//! Rules that the compiler does not check: floors, file sizes, places of packages, documents.
//!
//! Each violation is printed as `path:line: description`.

#![cfg(test)]

mod documents;
mod packages;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of each floor, as in the table of `src/lib.rs`; `bin` is above them all.
const FLOORS: [&[&str]; 6] = [
    &["cause", "clock", "line", "net", "num", "os", "service"],
    &["connection", "http"],
    &["reactor"],
    &["sys"],
    &["server", "client", "load", "exam", "probe"],
    &["cli"],
];

/// The only places where some names may occur in code: packages, and the inspection of an errno. A
/// name may have several places.
const HOMES: [(&str, &str); 19] = [
    ("mio", "src/sys/"),
    ("slab", "src/reactor/ src/sys/ src/probe/"),
    ("clap", "src/cli/"),
    ("clap_complete", "src/cli/pages/"),
    ("clap_mangen", "src/cli/pages/"),
    ("env_logger", "src/bin/"),
    ("signal_hook_mio", "src/sys/"),
    ("raw_os_error", "src/os/errno.rs"),
    ("ipnet", "src/net/access.rs"),
    ("httparse", "src/http/"),
    ("prometheus_client", "src/server/metrics"),
    ("ParseConfig", "src/net/proxy.rs"),
    (
        "nix",
        "src/net/socket_options/ src/net/source.rs src/net/tcp_info.rs src/os/signals.rs src/sys/ \
         src/server/privileges.rs src/server/sandbox/",
    ),
    ("indicatif", "src/load/progress.rs"),
    ("plotters", "src/load/report/plot"),
    ("landlock", "src/server/sandbox/"),
    ("seccompiler", "src/server/sandbox/"),
    ("sd_notify", "src/server/notify.rs"),
    ("listenfd", "src/server/socket_activation.rs"),
];

const COLUMNS_MAX: usize = 100;

/// Limits for readable files. Tests may be longer: they are read one at a time.
const LINES_MAX: usize = 300;
const TEST_LINES_MAX: usize = 350;

#[test]
fn a_file_uses_only_its_own_floor_and_lower_ones() {
    complain(files("src", "rs").flat_map(|path| {
        let Some(own) = floor_of(&path) else { return Vec::new() };
        faulty_lines(&path, |line| {
            let uses = code_of(line).split("crate::").skip(1);
            uses.filter_map(|rest| rest.split([':', ';', ' ', '{']).next()).find_map(|used| {
                let floor = FLOORS.iter().position(|modules| modules.contains(&used))?;
                (floor > own).then(|| format!("floor {own} uses {used} of floor {floor}"))
            })
        })
    }));
}

#[test]
fn every_module_has_a_floor_and_a_place_in_the_map() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        if name != "lib" && name != "bin" {
            let floor = FLOORS.iter().position(|modules| modules.contains(&name.as_str()));
            let floor = floor.unwrap_or_else(|| panic!("src/{name} has no floor"));
            assert!(map.contains(&format!("//! | {floor} | [`{name}`] |")), "{name} in src/lib.rs");
        }
    }
}

#[test]
fn restricted_names_stay_in_their_places() {
    complain(files("src", "rs").flat_map(|path| {
        let place = shown(&path);
        faulty_lines(&path, |line| {
            let code = code_of(line);
            let (name, home) = HOMES.iter().find(|(name, home)| {
                let words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                !home.split(' ').any(|home| place.starts_with(home))
                    && words.clone().any(|word| word == *name)
            })?;
            Some(format!("{name} belongs in {home}"))
        })
    }));
}

#[test]
fn no_file_exceeds_its_line_limit() {
    complain(files("src", "rs").chain(files("tests", "rs")).filter_map(|path| {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        let place = shown(&path);
        let of_tests = place.contains("tests");
        let most = if of_tests { TEST_LINES_MAX } else { LINES_MAX };
        (lines > most).then(|| format!("{place}:{lines}: more than {most} lines"))
    }));
}

#[test]
fn lines_fit_the_columns_and_have_no_trailing_blanks() {
    let text = ["rs", "md", "toml", "sh"].into_iter();
    let everything = text.flat_map(|kind| files("src", kind).chain(files("tests", kind)));
    complain(everything.chain(files("docs", "md")).flat_map(|path| {
        let code = path.extension().is_some_and(|kind| kind == "rs");
        faulty_lines(&path, |line| {
            let in_a_table = line.starts_with("//! |");
            if code && !in_a_table && line.chars().count() > COLUMNS_MAX {
                return Some(format!("longer than {COLUMNS_MAX} columns"));
            }
            if line.ends_with([' ', '\t']) {
                return Some("trailing blanks".to_owned());
            }
            ["FIX", "TO"].iter().zip(["ME", "DO"]).find_map(|(first, second)| {
                line.contains(&format!("{first}{second}")).then(|| "unfinished".to_owned())
            })
        })
    }));
}

/// The line without its comment.
fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// Returns the violations that `judge` finds in the lines of a file.
fn faulty_lines(path: &Path, judge: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(number, line)| {
            judge(line).map(|wrong| format!("{}:{}: {wrong}", shown(path), number + 1))
        })
        .collect()
}

fn complain(complaints: impl Iterator<Item = String>) {
    let complaints: Vec<_> = complaints.collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The floor of a file in `src`; None for lib.rs and the programs.
fn floor_of(path: &Path) -> Option<usize> {
    let place = shown(path);
    let module = place.strip_prefix("src/")?.split(['/', '.']).next()?;
    FLOORS.iter().position(|modules| modules.contains(&module))
}

fn files(folder: &str, kind: &'static str) -> impl Iterator<Item = PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == kind) {
                found.push(path);
            }
        }
    }
    found.into_iter()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
