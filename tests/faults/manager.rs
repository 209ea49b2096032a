//! The daemon's messages to a service manager (`sd_notify(3)`).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::process::Signal;

use super::support::{Builder, LIMIT};

/// The next message that the manager receives.
fn message(manager: &UnixDatagram) -> String {
    let mut message = [0; 4096];
    manager.set_read_timeout(Some(LIMIT)).unwrap();
    let length = manager.recv(&mut message).expect("a message to the manager");
    String::from_utf8(message[..length].to_vec()).unwrap()
}

/// The sandbox is on, and must not deny the messages.
#[test]
fn s01_the_manager_gets_ready_watchdog_reloading_and_stopping_messages() {
    let builder = Builder::new(&[]);
    let path = builder.directory().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let daemon = builder
        .env("NOTIFY_SOCKET", path.to_str().unwrap())
        .env("WATCHDOG_USEC", "100000")
        .listen("127.0.0.1:0")
        .listen("127.0.0.1:0")
        .start();
    let [one, other] = daemon.addresses() else { panic!("two addresses") };
    assert_eq!(message(&manager), format!("READY=1\nSTATUS=listening on {one}, {other}"));
    let mut peer = daemon.connect();
    for _ in 0..3 {
        assert_eq!(message(&manager), "WATCHDOG=1");
        peer.echo(b"beside\n");
    }
    daemon.signal(Signal::HUP);
    let mut others = (0..1000).map(|_| message(&manager)).filter(|one| one != "WATCHDOG=1");
    let reloading = others.next().unwrap();
    let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_default();
    assert!(since.parse::<u64>().is_ok(), "{reloading}");
    assert_eq!(others.next().unwrap(), "READY=1");
    daemon.terminate();
    let end = (0..1000).map(|_| message(&manager)).find(|message| message != "WATCHDOG=1");
    assert_eq!(end.unwrap(), "STOPPING=1\nSTATUS=draining, for at most 4s");
    peer.wait_for_end();
    drop(peer);
    daemon.epilogue_ended(0);
}

/// The socket has an abstract name, and the watchdog is off.
#[test]
fn s01_the_manager_may_listen_in_the_abstract_namespace() {
    let name = format!("tcpechod-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = UnixDatagram::bind_addr(&address).unwrap();
    let daemon = Builder::new(&[]).env("NOTIFY_SOCKET", &format!("@{name}")).start();
    assert!(message(&manager).starts_with("READY=1\n"));
    daemon.terminate();
    assert!(message(&manager).starts_with("STOPPING=1\n"));
    daemon.epilogue_ended(0);
}

/// The manager's queue is full after ten to a few hundred messages.
#[test]
fn s02_a_manager_that_does_not_read_delays_no_connection() {
    let builder = Builder::new(&[]);
    let path = builder.directory().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let builder = builder.env("NOTIFY_SOCKET", path.to_str().unwrap());
    let daemon = builder.env("WATCHDOG_USEC", "2000").start();
    daemon.wait_for_log("cannot notify the service manager of [Watchdog]");
    for _ in 0..20 {
        daemon.connect().echo(b"a line\n");
    }
    daemon.terminate();
    daemon.epilogue_ended(0);
    drop(manager);
}

#[test]
fn s02_a_missing_manager_is_one_warning() {
    let daemon = Builder::new(&[]).env("NOTIFY_SOCKET", "/nowhere/notify").start();
    let line = daemon.wait_for_log(" WARN ");
    assert!(line.contains("cannot notify the service manager that the daemon is ready"), "{line}");
    daemon.epilogue();
}
