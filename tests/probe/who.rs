//! `who`: every server behind one address is counted.

use serde_json::json;

use crate::daemon::{Daemon, probe};

#[test]
fn all_servers_of_a_shared_port_are_counted() {
    let options = ["--reuse-port", "--banner", "{pid}"];
    let first = Daemon::start("127.0.0.1:0", &options);
    let address = first.address.clone();
    let others = [Daemon::start(&address, &options), Daemon::start(&address, &options)];
    let (status, events, summary) = probe(&["who", &address, "-n", "200", "--expect", "3"]);
    assert_eq!((status, events.len()), (0, 200), "{summary}");
    let backends = summary["backends"].as_object().unwrap();
    assert_eq!(backends.len(), 3, "{summary}");
    assert_eq!(backends.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 200);
    drop(others);
    let (status, _, summary) = probe(&["who", &address, "-n", "20", "--expect", "3"]);
    assert_eq!((status, summary["backends"].as_object().unwrap().len()), (10, 1), "{summary}");
}

#[test]
fn a_server_that_greets_not_has_no_name() {
    let daemon = Daemon::start("127.0.0.1:0", &[]);
    let (status, _, summary) = probe(&["who", &daemon.address, "-n", "3", "--timeout", "100ms"]);
    assert_eq!((status, &summary["backends"]), (6, &json!({})));
    assert_eq!(summary["failed"], json!({ "timed-out": 3 }));
}
