//! The kernel's figures about a connection, in its closing line.

use std::os::unix::net::UnixStream;

use tempfile::TempDir;

use super::support::Builder;

/// The value of a `name=value` pair of a log line.
fn pair<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

#[test]
fn o13_closing_lines_of_tcp_have_round_trip_time_and_retransmissions_also_after_a_reset() {
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("socket");
    let daemon = Builder::new(&["--fault", "slice=100%"])
        .listen("127.0.0.1:0")
        .listen(&format!("unix:{}", socket.display()))
        .start();
    let [mut finished, mut reset] = [daemon.connect(), daemon.connect()];
    let addresses = [finished.address(), reset.address()];
    finished.echo(b"a line\n");
    reset.echo(b"a line\n");
    drop(finished);
    reset.reset();
    for address in addresses {
        let line = daemon.wait_for_log(&format!("closed peer={address} "));
        let rtt = pair(&line, "rtt_us").unwrap().parse::<u64>().unwrap();
        assert!(rtt > 0 && line.ends_with(" retransmits=0"), "{line}");
    }
    drop(UnixStream::connect(&socket).unwrap());
    let line = daemon.wait_for_log("closed peer=unix:");
    assert_eq!((pair(&line, "rtt_us"), pair(&line, "retransmits")), (None, None), "{line}");
    daemon.epilogue();
}
