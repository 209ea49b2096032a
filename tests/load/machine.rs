//! Missing local resources: reported with a hint, and as no error of the server.

use std::process::Command;

use serde_json::json;

use crate::support::{DAEMON, Daemon, LOAD, Ran, closed_port, finish, run};

#[test]
fn too_few_descriptors_are_an_error_before_the_run() {
    let mut load = Command::new("prlimit");
    load.args(["--nofile=64:64", LOAD, "127.0.0.1", "7", "-c", "100"]);
    let ran = finish(&mut load);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    let said = "100 connections need 132 descriptors, and this process may have 64: raise the hard";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

#[test]
fn a_source_of_another_machine_is_an_error_before_the_run() {
    let ran = run(closed_port(), &["--source", "192.0.2.1"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    let said = "--source 192.0.2.1: Cannot assign requested address (os error 99): no interface";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    let ran = run(closed_port(), &["--source", "::1"]);
    assert!(ran.stderr.contains("has no address of the family of --source"), "{}", ran.stderr);
}

/// Runs a script in its own network namespace, with this range of ephemeral ports; returns None if
/// that is not permitted.
fn with_ports(ports: &str, script: &str) -> Option<Ran> {
    let setup = format!(
        "ip link set lo up && echo {ports} >/proc/sys/net/ipv4/ip_local_port_range || exit 77
         directory=$(mktemp -d) || exit 77
         {DAEMON} --listen 127.0.0.1:9877 --port-file $directory/port 2>/dev/null &
         until [ -s $directory/port ]; do :; done
         {script}
         status=$?; kill $!; rm -r $directory; exit $status"
    );
    let ran = finish(Command::new("unshare").args(["-rn", "sh", "-c", &setup]));
    if ran.code == Some(77) || ran.stderr.starts_with("unshare: ") {
        println!("SKIPPED a test of ports: needs a network namespace of its own");
        assert!(std::env::var_os("CI").is_none(), "nothing is skipped in CI: {ran:?}");
        return None;
    }
    Some(ran)
}

#[test]
fn too_few_ports_are_an_error_before_the_run() {
    let script = format!("{LOAD} 127.0.0.1 -c 50 -n 50");
    let Some(ran) = with_ports("40000 40019", &script) else { return };
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    let said = "1 source address(es) have 20: give 3 or more (--source";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    let script = format!("{LOAD} 127.0.0.1 -c 50 -n 50 --source 127.0.0.2-127.0.0.4 -q");
    let Some(ran) = with_ports("40000 40019", &script) else { return };
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn ports_that_run_out_during_the_run_are_local_errors() {
    let script = format!("{LOAD} 127.0.0.1 --mode churn -c 4 -d 300ms --warmup 0s --format json");
    let Some(ran) = with_ports("40000 40019", &script) else { return };
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.report();
    assert_eq!(report["errors"], json!({}), "{report:#}");
    assert!(report["local_errors"]["EADDRNOTAVAIL"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(
        ran.stderr.matches("no free port: more source addresses").count(),
        1,
        "{}",
        ran.stderr
    );
}

#[test]
fn a_connection_to_itself_is_no_echo() {
    // The only ephemeral port is the destination, which has no listener.
    let script = format!("{LOAD} 127.0.0.1 40000 -c 1 -n 5 --format json");
    let Some(ran) = with_ports("40000 40000", &script) else { return };
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.report()["errors_by_phase"], json!({"connect": {"refused": 1}}));
}

/// A thousand million lines are due each second, and few of them can be sent.
#[test]
fn g10_an_unreachable_rate_takes_no_memory_and_ends_in_a_report() {
    let daemon = Daemon::start();
    let limited = |time: &str, interrupted: bool| {
        let options = "-r 1000m -c 1 --warmup 0s --timeout 300ms --format json";
        let load = format!("{LOAD} 127.0.0.1 {} {options} -d {time}", daemon.port);
        // The script waits for the first progress line, then interrupts the run.
        let script = if interrupted {
            format!(
                "ulimit -v 1000000 && {load} 2>progress & \
                 until [ -s progress ]; do kill -0 $! || exit 1; done; kill -INT $!; wait $!"
            )
        } else {
            format!("ulimit -v 1000000 && exec {load} -q")
        };
        let directory = tempfile::tempdir().unwrap();
        finish(Command::new("sh").args(["-c", &script]).current_dir(directory.path()))
    };
    for (time, interrupted, code) in [("200ms", false, 3), ("10m", true, 130)] {
        let ran = limited(time, interrupted);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        let report = ran.report();
        assert!(report["lines_total"].as_u64().unwrap() > 0, "{report:#}");
        let unsent = report["unsent"].as_u64().unwrap();
        assert!(unsent > 100_000_000, "{report:#}");
        let share = report["answered_share"].as_f64().unwrap();
        assert!(share < 0.01, "{report:#}");
    }
}

#[test]
fn a_wrong_option_of_the_socket_is_an_error_before_the_run() {
    let ran = run(closed_port(), &["--congestion", "nonesuch"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    let said = "tcpecho-load: --congestion: no algorithm nonesuch; the kernel has ";
    assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
}

#[test]
fn connections_take_the_ports_of_a_source_in_turn() {
    let script = format!(
        "{LOAD} 127.0.0.1 -c 3 -n 30 -q --source 127.0.0.2:5000-5004 >/dev/null || exit
         ss -Htn state time-wait src 127.0.0.2 | awk '{{ print $3 }}' | sort"
    );
    let Some(ran) = with_ports("40000 40019", &script) else { return };
    assert_eq!(ran.stdout, "127.0.0.2:5000\n127.0.0.2:5001\n127.0.0.2:5002\n", "{ran:?}");
    let script = format!("{LOAD} 127.0.0.1 -c 6 -n 30 -q --source 127.0.0.2:5000-5004");
    let Some(ran) = with_ports("40000 40019", &script) else { return };
    let said = "6 connections to 127.0.0.1:9877 need as many ports, and --source gives 5";
    assert!(ran.code == Some(1) && ran.stderr.contains(said), "{ran:?}");
    // More connections one after the other than there are ports.
    let options = "--mode churn -c 3 -n 50 -q --source 127.0.0.2:5000-5004";
    let Some(ran) = with_ports("40000 40019", &format!("{LOAD} 127.0.0.1 {options}")) else {
        return;
    };
    assert_eq!(ran.code, Some(0), "{ran:?}");
}
