//! The options of the socket: their effect at the server, and their errors.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use socket2::SockRef;

use crate::servers::Server;
use crate::support::{Client, Finished, TCPECHO, run};

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs all of 127.0.0.0/8")]
fn the_server_sees_the_source_that_was_given() {
    let server = Server::start(|mut peer| {
        let address = peer.stream().peer_addr().unwrap();
        peer.echo(1);
        address
    });
    let port = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap().port();
    let source = format!("127.0.0.2:{port}");
    run(&["--source", &source], server.port, b"one\n").echoed("one\n");
    assert_eq!(server.join().to_string(), source);
}

#[test]
fn the_server_sends_segments_of_the_size_that_was_given() {
    let server = Server::start(|mut peer| {
        peer.echo(1);
        SockRef::from(peer.stream()).tcp_mss().unwrap()
    });
    let options = ["--mss", "500", "--ttl", "9", "--dscp", "af41", "--send-buffer", "16k"];
    run(&options, server.port, b"one\n").echoed("one\n");
    let segment = server.join();
    assert!((400..=500).contains(&segment), "{segment}");
}

#[test]
fn a_source_of_another_family_or_machine_is_an_error() {
    let end = run(&["--source", "::1"], 9, b"");
    end.failed(1, "failed", "the server has no address of the family of --source");
    let end = run(&["--source", "192.0.2.1"], 9, b"");
    end.failed(1, "failed", "--source 192.0.2.1: Cannot assign requested address");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux has these options")]
fn an_option_that_the_kernel_rejects_is_named_with_the_remedy() {
    let end = run(&["--interface", "eth777"], 9, b"");
    end.failed(1, "failed", "--interface: no interface eth777");
    let end = run(&["--congestion", "nonesuch"], 9, b"");
    end.failed(1, "failed", "--congestion: no algorithm nonesuch; the kernel has ");
}

/// Runs a script in a network namespace of its own, with this value of `net.ipv4.tcp_fastopen` and
/// a daemon on port 9877; none if that is not permitted.
fn with_fast_open(value: &str, script: &str) -> Option<Finished> {
    let daemon = env!("CARGO_BIN_EXE_tcpechod");
    let setup = format!(
        "ip link set lo up && echo {value} >/proc/sys/net/ipv4/tcp_fastopen || exit 77
         directory=$(mktemp -d) || exit 77
         {daemon} --listen 127.0.0.1:9877 --port-file $directory/port 2>/dev/null &
         until [ -s $directory/port ]; do :; done
         tcpecho='{TCPECHO} --fast-open 127.0.0.1'
         {script}
         status=$?; kill $!; rm -r $directory; exit $status"
    );
    let mut command = Command::new("unshare");
    command.args(["-rn", "sh", "-c", &setup]).stdin(Stdio::null()).stdout(Stdio::piped());
    let ran = Client::spawn(&mut command).finish();
    if ran.status.code() == Some(77) || ran.stderr.starts_with("unshare: ") {
        println!("SKIPPED TCP Fast Open: needs a network namespace of its own");
        assert!(std::env::var_os("CI").is_none(), "nothing is skipped in CI: {ran:?}");
        return None;
    }
    Some(ran)
}

/// The first connection asks for a cookie; in the others, the first data goes with the SYN. Without
/// data there is none to go with.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux has this option")]
fn the_first_data_goes_with_the_syn_and_an_empty_input_is_no_error() {
    // 1 for clients, 2 for servers, and 1024 for servers that have not asked for it.
    let script = r#"echo one | $tcpecho && echo two | $tcpecho && $tcpecho </dev/null &&
         awk 'NR == 1 { split($0, names) }
              NR == 2 { for (i in names) if (names[i] == "TCPFastOpenActive") print $i }' \
             /proc/net/netstat"#;
    let Some(ran) = with_fast_open("1027", script) else { return };
    ran.echoed("one\ntwo\n1\n");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux has this option")]
fn fast_open_that_is_switched_off_is_an_error_with_the_remedy() {
    let Some(ran) = with_fast_open("0", "echo one | $tcpecho") else { return };
    let said = "--fast-open: Operation not supported: needs net.ipv4.tcp_fastopen=1";
    ran.failed(1, "failed", said);
}
