//! The container image of `make image`: its configuration, and its files as the root of a daemon.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustix::process::geteuid;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::standalone::{echoes, programs, variables, within};
use crate::tools::{have, lacks};
use crate::{below, make, ran};

/// Builds the image, and returns its configuration; unpacks its layers into `root`.
fn build(directory: &Path, root: &Path) -> Value {
    let [storage, run, pushed] = ["storage", "run", "pushed"].map(|name| directory.join(name));
    // Storage of its own, without mounts: the machine's images stay as they are.
    let buildah = ["buildah", "--storage-driver", "vfs", "--root", storage.to_str().unwrap()];
    let buildah = [&buildah[..], &["--runroot", run.to_str().unwrap()]].concat();
    let name = "localhost/tcpecho:test";
    let mut variables = variables(&directory.join("static"));
    variables.push(format!("image_builder={}", buildah.join(" ")));
    variables.extend(["image_architecture=x86_64".to_owned(), format!("image_name={name}")]);
    make("image", &variables);
    let destination = format!("dir:{}", pushed.display());
    ran(Command::new("buildah").args(&buildah[1..]).args(["push", "--quiet", name, &destination]));

    let read = |name: &str| fs::read(pushed.join(name)).unwrap();
    let file = |digest: &Value| digest.as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let manifest: Value = serde_json::from_slice(&read("manifest.json")).unwrap();
    for layer in manifest["layers"].as_array().unwrap() {
        let layer = pushed.join(file(&layer["digest"]));
        ran(Command::new("tar").arg("-C").arg(root).arg("-xf").arg(layer));
    }
    serde_json::from_slice(&read(&file(&manifest["config"]["digest"]))).unwrap()
}

#[test]
fn the_image_has_only_the_daemon_which_runs_in_it_and_is_healthy() {
    if !have(&["buildah"]) {
        return;
    }
    if !geteuid().is_root() {
        lacks("root");
        return;
    }
    let Some(programs) = programs("x86_64") else { return };
    let directory = TempDir::new().unwrap();
    let root = directory.path().join("root");
    fs::create_dir(&root).unwrap();
    let image = build(directory.path(), &root);
    let files =
        ["sbin/tcpechod", "share/doc/tcpecho/LICENSE-APACHE", "share/doc/tcpecho/LICENSE-MIT"];
    assert_eq!(below(&root, "f"), files.map(|file| Path::new("usr").join(file)));
    let daemon = "/usr/sbin/tcpechod";
    let config = &image["config"];
    assert_eq!(image["architecture"], "amd64");
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], json!([daemon]));
    assert_eq!(config["Healthcheck"]["Test"], json!(["CMD", daemon, "--health", "9878"]));
    let environment = config["Env"].as_array().unwrap();
    assert!(environment.contains(&json!("TCPECHOD_METRICS=*:9878")), "{environment:?}");

    // For the port file; in the image, no directory is writable.
    let writable = root.join("written");
    fs::create_dir(&writable).unwrap();
    fs::set_permissions(&writable, Permissions::from_mode(0o777)).unwrap();
    let command = |program: &str| match program {
        "tcpechod" => within(&root, "usr/sbin/tcpechod"),
        client => Command::new(programs.join(client)),
    };
    echoes(command, Path::new("/written/port"), &writable.join("port"));
}
