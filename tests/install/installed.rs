//! `make install` and `make uninstall`, with a directory in place of the root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{below, make, ran};

const DOCUMENTS: &str = "usr/local/share/doc/tcpecho";

fn destination(root: &Path) -> String {
    format!("DESTDIR={}", root.display())
}

/// Every file of `docs` except the inputs of the package.
fn documents() -> Vec<PathBuf> {
    let mut files = below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs"), "f");
    files.retain(|path| !path.starts_with("deploy/debian"));
    files
}

#[test]
fn every_file_is_installed_in_its_place_with_its_mode() {
    let root = TempDir::new().unwrap();
    make("install", &[destination(root.path())]);
    let mut expected: Vec<PathBuf> = [
        "bin/tcpecho",
        "bin/tcpecho-load",
        "bin/tcpecho-exam",
        "bin/tcpecho-probe",
        "sbin/tcpechod",
        "share/man/man1/tcpecho.1",
        "share/man/man1/tcpecho-load.1",
        "share/man/man1/tcpecho-exam.1",
        "share/man/man1/tcpecho-probe.1",
        "share/man/man8/tcpechod.8",
        "share/bash-completion/completions/tcpecho",
        "share/bash-completion/completions/tcpecho-load",
        "share/bash-completion/completions/tcpecho-exam",
        "share/bash-completion/completions/tcpecho-probe",
        "share/bash-completion/completions/tcpechod",
        "share/zsh/site-functions/_tcpecho",
        "share/zsh/site-functions/_tcpecho-load",
        "share/zsh/site-functions/_tcpecho-exam",
        "share/zsh/site-functions/_tcpecho-probe",
        "share/zsh/site-functions/_tcpechod",
        "share/fish/vendor_completions.d/tcpecho.fish",
        "share/fish/vendor_completions.d/tcpecho-load.fish",
        "share/fish/vendor_completions.d/tcpecho-exam.fish",
        "share/fish/vendor_completions.d/tcpecho-probe.fish",
        "share/fish/vendor_completions.d/tcpechod.fish",
        "lib/systemd/system/tcpechod.service",
        "lib/systemd/system/tcpechod.socket",
        "lib/systemd/system/tcpechod@.service",
    ]
    .map(|path| Path::new("usr/local").join(path))
    .into();
    let top = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
    let licences = ["LICENSE-MIT", "LICENSE-APACHE"];
    expected.extend(top.into_iter().chain(licences).map(|name| Path::new(DOCUMENTS).join(name)));
    expected.extend(documents().iter().map(|path| Path::new(DOCUMENTS).join(path)));
    expected.push(Path::new(DOCUMENTS).join(".directories"));
    expected.sort();
    assert_eq!(below(root.path(), "f"), expected);
    for path in expected {
        let mode = fs::metadata(root.path().join(&path)).unwrap().permissions().mode() & 0o777;
        let program = path.starts_with("usr/local/bin") || path.starts_with("usr/local/sbin");
        assert_eq!(mode, if program { 0o755 } else { 0o644 }, "{}", path.display());
    }
}

#[test]
fn installed_programs_run() {
    let root = TempDir::new().unwrap();
    make("install", &[destination(root.path())]);
    for program in ["tcpecho", "tcpecho-load", "tcpecho-exam", "tcpecho-probe", "tcpechod"] {
        let directory = if program == "tcpechod" { "sbin" } else { "bin" };
        let path = root.path().join("usr/local").join(directory).join(program);
        let said = ran(Command::new(&path).arg("--version"));
        assert_eq!(said, format!("{program} {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn the_units_name_the_daemon_and_its_documents_as_installed() {
    let root = TempDir::new().unwrap();
    make("install", &[destination(root.path()), "prefix=/opt/echo".to_owned()]);
    let units = root.path().join("opt/echo/lib/systemd/system");
    for name in ["tcpechod.service", "tcpechod@.service"] {
        let unit = fs::read_to_string(units.join(name)).unwrap();
        assert!(unit.contains("\nExecStart=/opt/echo/sbin/tcpechod"), "{unit}");
        let page = "\nDocumentation=file:///opt/echo/share/doc/tcpecho/operations.md\n";
        assert!(unit.contains(page) && !unit.contains("/usr/"), "{unit}");
    }
    for name in ["README.md", "SECURITY.md"] {
        let document = root.path().join("opt/echo/share/doc/tcpecho").join(name);
        let text = fs::read_to_string(document).unwrap();
        assert!(text.contains("](operations.md") && !text.contains("](docs/"), "{text}");
    }
}

/// Installs into a root with some existing directories and, in the end, a foreign file; twice, as
/// an upgrade does.
#[test]
fn uninstall_leaves_only_foreign_files_and_directories() {
    let root = TempDir::new().unwrap();
    let bin = root.path().join("usr/local/bin");
    fs::create_dir_all(&bin).unwrap();
    let foreign = root.path().join("usr/local/share/man/man1/other.1");
    let before = below(root.path(), "d");
    make("install", &[destination(root.path())]);
    make("install", &[destination(root.path())]);
    make("uninstall", &[destination(root.path())]);
    assert_eq!(below(root.path(), "f"), Vec::<PathBuf>::new());
    assert_eq!(below(root.path(), "d"), before);

    make("install", &[destination(root.path())]);
    fs::write(&foreign, "").unwrap();
    make("uninstall", &[destination(root.path())]);
    let foreign = foreign.strip_prefix(root.path()).unwrap().to_owned();
    assert_eq!(below(root.path(), "f"), [foreign]);
}
