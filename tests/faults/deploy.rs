//! `docs/deploy/kubernetes.yaml` and `compose.yaml`: they are consistent, and the daemon accepts
//! their arguments.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::{BINARY, have};

const KUBERNETES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deploy/kubernetes.yaml");
const COMPOSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deploy/compose.yaml");

/// Every document of the file, parsed by Python's `yaml`.
fn documents(path: &str) -> Vec<Value> {
    let script = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";
    let file = std::fs::File::open(path).unwrap();
    let output = Command::new("python3").args(["-c", script]).stdin(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    documents.iter().find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

fn arguments<'a>(container: &'a Value, key: &str) -> Vec<&'a str> {
    container[key].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

/// Asserts that the daemon accepts these arguments, and that the image is that of this version.
fn check(container: &Value, arguments: &[&str]) {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TCPECHOD_")) {
        command.env_remove(name);
    }
    let output = command.arg("--check").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let image = container["image"].as_str().unwrap();
    let name = format!("/tcpecho:{}", env!("CARGO_PKG_VERSION"));
    assert!(image.ends_with(&name), "{image} is not of this version");
}

fn argument<'a>(container: &'a Value, name: &str) -> &'a str {
    let mut all = arguments(container, "args").into_iter();
    all.find_map(|one| one.strip_prefix(&format!("--{name}="))).unwrap_or_else(|| panic!("{name}"))
}

fn port(container: &Value, name: &str) -> u64 {
    let ports = container["ports"].as_array().unwrap();
    ports.iter().find(|port| port["name"] == name).unwrap()["containerPort"].as_u64().unwrap()
}

#[test]
fn the_documented_deployment_has_arguments_that_the_daemon_takes() {
    if !have(&["python3"]) {
        return;
    }
    let documents = documents(KUBERNETES);
    let pod = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    check(container, &arguments(container, "args"));

    for (name, option) in [("echo", "listen"), ("metrics", "metrics")] {
        let (_, bound) = argument(container, option).rsplit_once(':').unwrap();
        assert_eq!(bound.parse(), Ok(port(container, name)));
    }
    for (probe, path) in [("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")] {
        assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "metrics"}));
    }
}

#[test]
fn the_documented_deployment_waits_longer_than_the_drain_timeout() {
    if !have(&["python3"]) {
        return;
    }
    let documents = documents(KUBERNETES);
    let pod = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let drain = humantime::parse_duration(argument(container, "drain-timeout")).unwrap();
    let before = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(drain + Duration::from_secs(before) < Duration::from_secs(grace), "SIGKILL too early");
}

#[test]
fn the_documented_service_and_budget_select_the_deployment() {
    if !have(&["python3"]) {
        return;
    }
    let documents = documents(KUBERNETES);
    let deployment = &of_kind(&documents, "Deployment")["spec"];
    let labels = &deployment["template"]["metadata"]["labels"];
    assert_eq!(&deployment["selector"]["matchLabels"], labels);
    let service = &of_kind(&documents, "Service")["spec"];
    assert_eq!(
        (&service["selector"], &service["ports"][0]["targetPort"]),
        (labels, &json!("echo"))
    );
    let budget = &of_kind(&documents, "PodDisruptionBudget")["spec"];
    assert_eq!(&budget["selector"]["matchLabels"], labels);
    assert!(budget["minAvailable"].as_u64() < deployment["replicas"].as_u64(), "or no eviction");
}

#[test]
fn the_documented_compose_file_has_arguments_and_a_health_check_that_the_daemon_takes() {
    if !have(&["python3"]) {
        return;
    }
    let documents = documents(COMPOSE);
    let service = &documents[0]["services"]["tcpechod"];
    check(service, &arguments(service, "command"));
    let check = json!(["CMD", "/usr/sbin/tcpechod", "--health", "9878"]);
    assert_eq!(service["healthcheck"]["test"], check);
    let words = arguments(service, "command");
    let value = |name| words.iter().find_map(|word| word.strip_prefix(name)).unwrap();
    assert_eq!(value("--metrics="), "*:9878", "the port of the health check");
    let drain = humantime::parse_duration(value("--drain-timeout=")).unwrap();
    let grace = humantime::parse_duration(service["stop_grace_period"].as_str().unwrap()).unwrap();
    assert!(drain < grace, "SIGKILL too early");
}
