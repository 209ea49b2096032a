//! The tables of `docs/exam.md`; `make exam-table` writes them.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use tcpecho::exam::{Role, tasks};

use crate::subjects::{CLIENTS, SERVERS, Subject};

/// A row for each task: name, points, and the page to read.
fn tasks_of(role: Role) -> String {
    tasks(role).iter().fold(
        "\n| task | points | the exam | expected |\n|---|---|---|---|\n".into(),
        |mut all, task| {
            writeln!(
                all,
                "| `{}` | {} | {} | {} |",
                task.name, task.points, task.did, task.expected
            )
            .unwrap();
            all
        },
    )
}

/// A row for each program: its points, and the tasks that it loses.
fn results_of(role: Role, subjects: &[Subject]) -> String {
    let of: u32 = tasks(role).iter().map(|task| task.points).sum();
    subjects.iter().fold(
        "\n| program | points | loses |\n|---|---|---|\n".into(),
        |mut all, subject| {
            let worth =
                |name: &&str| tasks(role).iter().find(|task| task.name == *name).unwrap().points;
            let most = of - subject.loses.iter().map(worth).sum::<u32>();
            let list = |names: &[&str]| {
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            };
            let mut names = list(subject.loses);
            let mut points = most.to_string();
            if let [_, ..] = subject.may_lose {
                let least = most - subject.may_lose.iter().map(worth).sum::<u32>();
                points = format!("{least} to {most}");
                names =
                    format!("{names}, and, depending on the moment, {}", list(subject.may_lose));
            }
            writeln!(all, "| {} | {points} | {names} |", subject.name).unwrap();
            all
        },
    )
}

#[test]
fn the_tables_of_the_page_are_those_of_the_exam() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/exam.md");
    let mut document = fs::read_to_string(&place).unwrap();
    let before = document.clone();
    for (name, table) in [
        ("tasks of a server", tasks_of(Role::Server)),
        ("tasks of a client", tasks_of(Role::Client)),
        ("results of servers", results_of(Role::Server, SERVERS)),
        ("results of clients", results_of(Role::Client, CLIENTS)),
    ] {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let (head, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
        let (_, tail) = rest.split_once(&end).unwrap();
        document = format!("{head}{begin}{table}\n{end}{tail}");
    }
    if std::env::var_os("WRITE").is_some() {
        fs::write(&place, document).unwrap();
    } else {
        assert!(before == document, "docs/exam.md differs; `make exam-table` writes it");
    }
}

/// Each task is lost by a program that loses nothing else.
#[test]
fn each_task_has_a_program_that_loses_only_this_task() {
    for (role, subjects) in [(Role::Server, SERVERS), (Role::Client, CLIENTS)] {
        for task in tasks(role) {
            assert!(subjects.iter().any(|one| one.loses == [task.name]), "{}", task.name);
        }
        assert_eq!(tasks(role).iter().map(|task| task.points).sum::<u32>(), 100);
    }
}

/// The pages that the reports name exist.
#[test]
fn each_task_names_a_page_and_a_section() {
    for task in tasks(Role::Server).iter().chain(tasks(Role::Client)) {
        let (page, section) = task.read.split_once("; UNP ").unwrap();
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(page).is_file(), "{page}");
        assert!(section.contains('.') && !task.hint.is_empty(), "{}", task.name);
    }
}
