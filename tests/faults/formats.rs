//! Requests for metrics: formats, targets, and methods.

use std::time::{SystemTime, UNIX_EPOCH};

use super::admin::{answer_to, curl, daemon};
use super::support::{LIMIT, have};

#[test]
fn m09_metrics_come_in_the_accepted_format_and_in_a_fixed_order() {
    if !have(&["curl"]) {
        return;
    }
    let (daemon, address) = daemon(&[]);
    let plain = curl(address, "/metrics", &["--header", "Accept: text/plain"]).1;
    assert!(plain.contains("# TYPE tcpechod_lines_total counter\n"), "{plain}");
    assert!(!plain.contains("# EOF"), "{plain}");
    let open = curl(address, "/metrics", &[]).1;
    assert!(
        open.contains("# TYPE tcpechod_lines counter\n") && open.ends_with("# EOF\n"),
        "{open}"
    );
    let order = |text: &str| -> Vec<String> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    };
    assert_eq!(order(&plain), order(&open));
    let phases: Vec<_> =
        order(&open).into_iter().filter(|one| one.starts_with("tcpechod_connections{")).collect();
    assert!(phases.len() > 3 && phases.is_sorted(), "{phases:?}");
    let value = |name: &str| -> f64 {
        let line = open.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    assert!(value("process_cpu_seconds_total") > 0.0);
    let resident = daemon.resident_bytes();
    let reported = value("process_resident_memory_bytes");
    let close = f64::from(u32::try_from(resident).unwrap());
    assert!((reported / close - 1.0).abs() < 0.2, "{reported} of {resident}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let started = value("process_start_time_seconds");
    assert!(started <= now && now - started < LIMIT.as_secs_f64(), "{started} at {now}");
    daemon.epilogue();
}

#[test]
fn m10_the_root_is_a_page_with_links_and_a_whole_url_is_a_target() {
    if !have(&["curl"]) {
        return;
    }
    let (daemon, address) = daemon(&[]);
    let (status, page) = curl(address, "/", &[]);
    assert_eq!(status, "200");
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert!(page.contains(&format!("<a href=\"{path}\">")), "{page}");
    }
    let url = format!("GET http://{address}/healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let answer = answer_to(address, url.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let head = answer_to(address, b"HEAD /healthz HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 400 ") && head.ends_with("\r\n\r\n"), "{head}");
    daemon.epilogue();
}
