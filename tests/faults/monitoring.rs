//! `docs/deploy/alerts.yml` and `docs/deploy/grafana.json`: they are valid, and each metric in them
//! exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::admin::{curl, with_every_metric};
use super::support::have;

const ALERTS: &str = "docs/deploy/alerts.yml";
const DASHBOARD: &str = "docs/deploy/grafana.json";

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(place(name)).unwrap()
}

/// Returns the names of metrics in a text: words that begin as all of ours do.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("tcpechod_") || word.starts_with("process_")).collect()
}

#[test]
fn promtool_accepts_the_alerts_and_each_one_fires_when_it_should() {
    if !have(&["promtool"]) {
        return;
    }
    for (action, file) in [("check", ALERTS), ("test", "tests/faults/alerts.yml")] {
        let output = Command::new("promtool").args([action, "rules"]).arg(place(file)).output();
        let output = output.unwrap();
        let (told, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{action} {file}:\n{told}{errors}");
    }
    let tested = read("tests/faults/alerts.yml");
    let alerts = read(ALERTS);
    let alerts = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        assert!(tested.contains(&format!("alertname=\"{alert}\"")), "{alert} is not tested");
    }
}

#[test]
fn each_metric_of_the_alerts_and_the_dashboard_exists() {
    if !have(&["curl", "strace"]) {
        return;
    }
    let (daemon, address) = with_every_metric();
    let (_, scrape) = curl(address, "/metrics", &[]);
    let samples: BTreeSet<_> = scrape
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split([' ', '{']).next())
        .collect();
    for file in [ALERTS, DASHBOARD, "tests/faults/alerts.yml"] {
        let text = read(file);
        let named = metrics(&text);
        assert!(named.len() > 5, "{file}: {named:?}");
        let unknown: Vec<_> = named.difference(&samples).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}, which are not in:\n{scrape}");
    }
    daemon.epilogue();
}

#[test]
fn the_panels_of_the_dashboard_have_queries_and_places_of_their_own() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            assert!(!metrics(target["expr"].as_str().unwrap()).is_empty(), "{target}");
        }
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + w <= 24, "Grafana's grid has 24 columns: {panel}");
        for column in x..x + w {
            for row in y..y + h {
                assert!(cells.insert((column, row)), "two panels in one place: {panel}");
            }
        }
    }
}
