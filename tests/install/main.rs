//! The results of `make install` and of the Debian package, and their removal; the manual pages and
//! completions, parsed by the programs that show them.
//!
//! The programs are those that cargo has built for the tests, so nothing is built here.

// The tests inspect a Debian system.
#![cfg(target_os = "linux")]
#![cfg(test)]

mod demonstrations;
mod elsewhere;
mod image;
mod installed;
mod package;
mod pages;
mod release;
mod standalone;

#[path = "../faults/support/tools.rs"]
#[expect(dead_code, reason = "the daemon's tests use more of it")]
mod tools;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The manual pages, below `man`, and the completions. They are in cargo's directory for tests,
/// because a static is never dropped, so it could not remove a temporary one.
static PAGES: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    ran(Command::new(env!("CARGO_BIN_EXE_tcpecho-pages")).arg(&directory));
    directory
});

/// Runs that target of `make` with the tests' programs and pages and those variables.
fn make(target: &str, variables: &[String]) {
    let built = Path::new(env!("CARGO_BIN_EXE_tcpechod")).parent().unwrap().display();
    let mut make = Command::new("make");
    make.current_dir(env!("CARGO_MANIFEST_DIR")).args(["--silent", target]);
    make.env_remove("MAKEFLAGS").env_remove("MFLAGS");
    make.arg(format!("programs={built}")).arg(format!("pages={}", PAGES.display()));
    ran(make.args(variables));
}

/// Runs a command, which must succeed, and returns its standard output.
fn ran(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Lists every file, or every directory, below that one.
fn below(directory: &Path, kind: &str) -> Vec<PathBuf> {
    let list = ran(Command::new("find").arg(directory).args(["-mindepth", "1", "-type", kind]));
    let mut paths: Vec<_> = list
        .lines()
        .map(|path| Path::new(path).strip_prefix(directory).unwrap().to_owned())
        .collect();
    paths.sort();
    paths
}
