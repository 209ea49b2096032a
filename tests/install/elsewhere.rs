//! The commands of the project with another target directory than cargo's default.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{PAGES, ran};

/// The variables that set the target directory.
const SETTINGS: [&str; 2] = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"];

/// A target directory with the tests' programs and pages, in the layout of `make`.
fn built() -> TempDir {
    let target = TempDir::new().unwrap();
    fs::create_dir(target.path().join("release")).unwrap();
    for program in [
        env!("CARGO_BIN_EXE_tcpecho"),
        env!("CARGO_BIN_EXE_tcpechod"),
        env!("CARGO_BIN_EXE_tcpecho-load"),
        env!("CARGO_BIN_EXE_tcpecho-exam"),
        env!("CARGO_BIN_EXE_tcpecho-probe"),
    ] {
        let name = Path::new(program).file_name().unwrap();
        symlink(program, target.path().join("release").join(name)).unwrap();
    }
    symlink(&*PAGES, target.path().join("pages")).unwrap();
    target
}

/// The default directory, named explicitly, because the environment may set another.
fn usual() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target")
}

/// A command of the project, with that setting of the target directory.
fn project(program: &str, setting: (&str, &Path)) -> Command {
    let mut command = Command::new(program);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("MAKEFLAGS").env_remove("MFLAGS");
    // The test runs under cargo, which may differ from `cargo` in the PATH.
    SETTINGS.iter().chain(&["CARGO", "TCPECHO_BIN"]).for_each(|name| _ = command.env_remove(name));
    command.env(setting.0, setting.1);
    command
}

fn make(setting: (&str, &Path), words: &[String]) -> String {
    ran(project("make", setting).arg("--silent").args(words))
}

#[test]
fn install_and_demonstrations_use_the_configured_target_directory() {
    let target = built();
    for setting in SETTINGS {
        let setting = (setting, target.path());
        let root = TempDir::new().unwrap();
        make(setting, &["install".to_owned(), format!("DESTDIR={}", root.path().display())]);
        assert!(root.path().join("usr/local/sbin/tcpechod").is_file());
        assert!(root.path().join("usr/local/share/man/man1/tcpecho.1").is_file());
        let names = ran(project("tests/demos/run", setting).arg("--list"));
        assert!(names.contains("startup\n"), "{names}");
        let empty = TempDir::new().unwrap();
        let nothing = project("tests/demos/run", (SETTINGS[0], empty.path())).output().unwrap();
        assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");
        let message = String::from_utf8(nothing.stderr).unwrap();
        assert!(message.contains(&format!("no programs in {}/release", empty.path().display())));
    }
}

/// `sudo make install` drops the variable.
#[test]
fn install_without_the_setting_uses_the_last_target_directory() {
    let target = built();
    let note = target.path().join("note");
    let noted = format!("noted={}", note.display());
    make((SETTINGS[0], target.path()), &["note-place".to_owned(), noted.clone()]);
    let root = TempDir::new().unwrap();
    let destination = format!("DESTDIR={}", root.path().display());
    make((SETTINGS[0], &usual()), &["install".to_owned(), noted.clone(), destination]);
    assert!(root.path().join("usr/local/bin/tcpecho").is_file());
    make((SETTINGS[0], &usual()), &["note-place".to_owned(), noted]);
    assert!(!note.exists(), "the default directory needs no note");
}

#[test]
fn no_command_uses_the_default_directory_if_another_is_set() {
    let target = TempDir::new().unwrap();
    let commands = [
        "all",
        "static",
        "image",
        "test",
        "test-poll",
        "clippy",
        "elsewhere",
        "deny",
        "fuzz",
        "deb",
        "deb-check",
        "tarballs",
        "release",
        "demo",
        "demo-watch",
        "bench",
    ];
    let mut make = project("make", (SETTINGS[0], target.path()));
    let output = ran(make.arg("--dry-run").args(commands));
    let usual = usual();
    let words = output.split(|letter: char| letter.is_whitespace() || "'\"=;".contains(letter));
    let elsewhere = words.clone().filter(|word| Path::new(word).starts_with(target.path())).count();
    assert!(elsewhere > 10, "{elsewhere}: {output}");
    let wrong: Vec<_> = words
        .filter(|word| word.starts_with("target/") || Path::new(word).starts_with(&usual))
        // Cargo.toml names the package directory, and `make` records the target directory in
        // `.built`.
        .filter(|word| !word.contains("target/package") && !word.contains("target/.built"))
        .filter(|word| Path::new(word) != usual)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
