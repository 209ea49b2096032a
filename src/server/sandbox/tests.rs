use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use landlock::{RestrictionStatus, RulesetStatus};
use nix::libc;
use rustix::net::{AddressFamily, SendFlags, SocketType};
use rustix::process::{Pid, PidfdFlags, Resource};
use socket2::{Domain, Protocol, Socket, Type};
use tempfile::TempDir;

use super::{Named, calls, files};

/// `MSG_FASTOPEN` (tcp(7)): connects and sends at once.
const FAST_OPEN: SendFlags = SendFlags::from_bits_retain(0x2000_0000);

/// Runs `inside` in a thread that `restrict` has restricted for good; returns none if the kernel
/// can't do that.
fn restricted<T: Send>(
    restrict: impl FnOnce() -> Result<(), String> + Send,
    inside: impl FnOnce() -> T + Send,
) -> Option<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| match restrict() {
            Ok(()) => Some(inside()),
            Err(lacks) => {
                assert!(std::env::var_os("CI").is_none(), "CI leaves nothing out: {lacks}");
                writeln!(io::stderr(), "SKIPPED: {lacks}").unwrap();
                None
            }
        });
        thread.join().unwrap()
    })
}

fn files_restricted(named: &Named<'_>) -> Result<(), String> {
    let status: RestrictionStatus = files::restrict(named).unwrap();
    assert!(status.no_new_privs && rustix::thread::no_new_privs().unwrap());
    let whole = status.ruleset == RulesetStatus::FullyEnforced;
    if whole { Ok(()) } else { Err(format!("needs Landlock ABI 6: {status:?}")) }
}

/// Restricts calls as for a daemon that uses no file by name.
fn no_calls() -> Result<(), String> {
    calls::restrict(&Named::default())
}

#[track_caller]
fn assert_denied<T>(what: &str, result: Result<T, impl Into<io::Error>>) {
    let error = result.err().map_or_else(|| panic!("{what} is not forbidden"), Into::into);
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{what}: {error}");
}

/// Descriptors that were opened before the sandbox, and have to work in it.
struct Open {
    file: File,
    listener: TcpListener,
    peer: TcpStream,
}

impl Open {
    fn new(directory: &Path) -> Self {
        let path = directory.join("file");
        fs::write(&path, "there before").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Self { file: File::open(&path).unwrap(), listener, peer }
    }

    fn assert_serves(mut self) {
        let mut text = String::new();
        self.file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "there before");
        let (mut accepted, _) = self.listener.accept().unwrap();
        accepted.write_all(b"line").unwrap();
        rustix::net::send(&accepted, b"sent", SendFlags::NOSIGNAL).unwrap();
        let mut line = [0; 8];
        self.peer.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"linesent");
    }
}

#[test]
fn o08_landlock_alone_refuses_files_ports_and_signals() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let open = Open::new(directory.path());
    let address = open.listener.local_addr().unwrap();
    let name = std::os::unix::net::SocketAddr::from_abstract_name(format!(
        "tcpechod-outside-{}",
        std::process::id()
    ))
    .unwrap();
    let _abstract = UnixListener::bind_addr(&name).unwrap();
    restricted(
        || files_restricted(&Named::default()),
        || {
            assert_denied("to open", File::open(&path));
            assert_denied("to make", File::create(directory.path().join("new")));
            assert_denied("to list", fs::read_dir(directory.path()));
            assert_denied("to remove", fs::remove_file(&path));
            assert_denied("to execute", Command::new("/bin/true").spawn());
            assert_denied("to connect", TcpStream::connect(address));
            assert_denied("to bind", TcpListener::bind("127.0.0.1:0"));
            assert_denied("an abstract socket", UnixStream::connect_addr(&name));
            let parent = rustix::process::getppid().unwrap();
            assert_denied("a signal", rustix::process::test_kill_process(parent));
            open.assert_serves();
        },
    );
}

#[test]
fn o08_files_are_removed_only_where_that_is_allowed() {
    let allowed = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    for directory in [&allowed, &other] {
        fs::write(directory.path().join("socket"), "").unwrap();
    }
    restricted(
        || files_restricted(&Named { removed: vec![allowed.path()], ..Named::default() }),
        || {
            fs::remove_file(allowed.path().join("socket")).unwrap();
            assert_denied("to remove", fs::remove_file(other.path().join("socket")));
            assert_denied("to make", File::create(allowed.path().join("new")));
        },
    );
}

/// As SIGHUP does. The filter is off here, so that Landlock decides alone.
#[test]
fn o08_files_are_read_and_appended_only_where_that_is_allowed() {
    let [read, appended, other] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    for directory in [&read, &appended, &other] {
        fs::write(directory.path().join("file"), "there before").unwrap();
    }
    let append = |directory: &TempDir, name: &str| {
        let mut options = File::options();
        options.append(true).create(true).open(directory.path().join(name))
    };
    let named =
        Named { read: vec![read.path()], appended: vec![appended.path()], ..Named::default() };
    restricted(
        || files_restricted(&named),
        || {
            fs::read(read.path().join("file")).unwrap();
            append(&appended, "file").unwrap();
            append(&appended, "new").unwrap();
            assert_denied("to append", append(&read, "file"));
            assert_denied("to create", append(&read, "new"));
            assert_denied("to read", fs::read(appended.path().join("file")));
            assert_denied("to remove", fs::remove_file(appended.path().join("file")));
            assert_denied("to make", fs::create_dir(appended.path().join("directory")));
            assert_denied("to read", fs::read(other.path().join("file")));
            assert_denied("to append", append(&other, "new"));
        },
    );
}

#[test]
fn o08_the_filter_alone_refuses_every_way_to_a_new_socket() {
    let directory = tempfile::tempdir().unwrap();
    let open = Open::new(directory.path());
    let address = open.listener.local_addr().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = || rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    let (unconnected, unbound, fast) = (tcp(), tcp(), tcp());
    let datagram = UnixDatagram::unbound().unwrap();
    restricted(no_calls, || {
        assert_denied("a connection", TcpStream::connect(address));
        assert_denied("a listener", TcpListener::bind("127.0.0.1:0"));
        assert_denied("a datagram socket", UdpSocket::bind("127.0.0.1:0"));
        assert_denied("a Unix socket", UnixDatagram::unbound());
        assert_denied("a pair", UnixStream::pair());
        assert_denied("a raw socket", Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)));
        assert_denied("MPTCP", Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP)));
        assert_denied("netlink", Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, None));
        // The same for sockets that are already open, as an intruder might find them.
        assert_denied("connect", rustix::net::connect(&unconnected, &address));
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        assert_denied("bind", rustix::net::bind(&unbound, &any));
        assert_denied("listen", rustix::net::listen(&unbound, 1));
        assert_denied("Fast Open", rustix::net::sendto(&fast, b"x", FAST_OPEN, &address));
        assert_denied("a datagram", udp.send_to(b"x", address));
        assert_denied("a datagram to a path", datagram.send_to(b"x", directory.path()));
        open.assert_serves();
    });
}

#[test]
fn o08_the_filter_alone_refuses_files_processes_and_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let open = Open::new(directory.path());
    let file = File::open(&path).unwrap();
    let (own, parent) = (rustix::process::getpid(), rustix::process::getppid().unwrap());
    restricted(no_calls, || {
        assert_denied("to open", File::open(&path));
        assert_denied("chmod", fs::set_permissions(&path, fs::Permissions::from_mode(0o777)));
        assert_denied("fchmod", file.set_permissions(fs::Permissions::from_mode(0o777)));
        assert_denied("truncate", rustix::fs::ftruncate(&file, 0));
        assert_denied("rename", fs::rename(&path, directory.path().join("other")));
        assert_denied("link", fs::hard_link(&path, directory.path().join("other")));
        assert_denied("chdir", std::env::set_current_dir("/"));
        assert_denied("kill", rustix::process::test_kill_process(parent));
        assert_denied("kill init", rustix::process::test_kill_process(Pid::INIT));
        assert_denied("kill itself", rustix::process::test_kill_process(own));
        assert_denied("pidfd", rustix::process::pidfd_open(parent, PidfdFlags::empty()));
        assert_denied("priority", rustix::process::setpriority_process(None, 5));
        assert_denied("to execute", Command::new("/bin/true").spawn());
        assert_denied("a thread", thread::Builder::new().spawn(|| ()));
        assert_denied("a pipe", io::pipe());
        assert_denied("a descriptor", file.try_clone());
        let limit = rustix::process::getrlimit(Resource::Nofile);
        assert_denied("limits", rustix::process::setrlimit(Resource::Nofile, limit));
        open.assert_serves();
    });
}
