//! The compared servers, and the command of each.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use plotters::style::RGBColor;

use super::cases::Kind;

/// The parameters of a server's command.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The directory for the server's files.
    pub(crate) directory: &'a Path,
    /// A port that was free a moment ago, for servers that cannot choose a free port and report it.
    pub(crate) port: u16,
    pub(crate) kind: &'a Kind,
}

/// A server, and how to run it.
#[derive(Debug)]
pub(crate) struct Server {
    /// Its name on the command line, in the tables and in the plots.
    pub(crate) name: &'static str,
    /// A description for the page of results.
    pub(crate) about: &'static str,
    /// The path of the program.
    pub(crate) program: &'static str,
    pub(crate) arguments: fn(&Place<'_>) -> Vec<String>,
    /// True if it starts a process per connection, listens on a given port, and writes no port
    /// file.
    pub(crate) forks: bool,
}

/// The file to which a server writes its address.
pub(crate) const PORT_FILE: &str = "port";

/// The two servers that the goals compare.
pub(crate) const DAEMON: &str = "tcpechod";
pub(crate) const FLOOR: &str = "floor";

/// The path of a program built by `tests/bench/build.sh`.
macro_rules! built {
    ($name:literal) => {
        concat!(env!("CARGO_TARGET_TMPDIR"), "/../bench/", $name)
    };
}
pub(crate) use built;

/// The floor first: the others are compared with it. The last three are Debian packages.
pub(crate) const SERVERS: [Server; 8] = [
    Server {
        name: FLOOR,
        about: "a bare edge-triggered epoll loop in C, which stores nothing for a connection \
                without pending output",
        program: built!("floor"),
        arguments: port_file,
        forks: false,
    },
    Server {
        name: DAEMON,
        about: "the daemon as shipped, with its defaults",
        program: env!("CARGO_BIN_EXE_tcpechod"),
        arguments: daemon,
        forks: false,
    },
    Server {
        name: "libuv",
        about: "libuv in C, as its guide teaches",
        program: built!("libuv"),
        arguments: port_file,
        forks: false,
    },
    Server {
        name: "libevent",
        about: "libevent's bufferevents in C, as its book teaches",
        program: built!("libevent"),
        arguments: port_file,
        forks: false,
    },
    Server {
        name: "tokio",
        about: "tokio on one thread, one task per connection, with the 1 KiB buffer of its \
                documentation; 64 KiB in the case `stream`, for which 1 KiB is not meant",
        program: built!("tokio/release/tokio-echo"),
        arguments: tokio,
        forks: false,
    },
    Server {
        name: "socat",
        about: "socat, which runs one cat per connection",
        program: "/usr/bin/socat",
        arguments: socat,
        forks: true,
    },
    Server {
        name: "ncat",
        about: "ncat, which runs one cat per connection; short lines only, because longer input \
                than its pipes hold causes a deadlock",
        program: "/usr/bin/ncat",
        arguments: ncat,
        forks: true,
    },
    Server {
        name: "xinetd",
        about: "the built-in echo of xinetd, one process per connection",
        program: "/usr/sbin/xinetd",
        arguments: xinetd,
        forks: true,
    },
];

/// The colors of the servers: the daemon stands out, the floor is grey, and the others remain
/// distinct with red-green color blindness.
pub(crate) fn colour(server: &str) -> RGBColor {
    match server {
        DAEMON => RGBColor(213, 94, 0),
        FLOOR => RGBColor(110, 110, 110),
        "libuv" => RGBColor(0, 114, 178),
        "libevent" => RGBColor(86, 180, 233),
        "tokio" => RGBColor(0, 158, 115),
        "socat" => RGBColor(204, 121, 167),
        "ncat" => RGBColor(230, 159, 0),
        _ => RGBColor(190, 180, 20),
    }
}

/// The legend entries of servers.
pub(crate) fn legend(
    servers: impl IntoIterator<Item = &'static str>,
) -> Vec<(&'static str, RGBColor)> {
    servers.into_iter().map(|server| (server, colour(server))).collect()
}

impl Server {
    /// True if the program exists; a server that could not be built or installed is skipped.
    pub(crate) fn is_there(&self) -> bool {
        Path::new(self.program).is_file()
    }
}

fn port_file(place: &Place<'_>) -> Vec<String> {
    vec![place.file(PORT_FILE)]
}

/// No performance options: the comparison measures the defaults.
fn daemon(place: &Place<'_>) -> Vec<String> {
    let mut words = words("--listen 127.0.0.1:0 --port-file");
    words.push(place.file(PORT_FILE));
    words
}

/// Each connection of tokio has a buffer, so a large one would count as memory of idle connections.
fn tokio(place: &Place<'_>) -> Vec<String> {
    let mut words = port_file(place);
    if matches!(place.kind, Kind::Stream) {
        words.push((64 << 10).to_string());
    }
    words
}

/// `-t`: how long socat waits for cat after the peer's FIN; the default is half a second.
fn socat(place: &Place<'_>) -> Vec<String> {
    let port = place.port;
    let listen = format!("TCP-LISTEN:{port},bind=127.0.0.1,backlog=4096,nodelay,fork,reuseaddr");
    words(&format!("-t 30 {listen} EXEC:cat"))
}

/// Its default limit is 100 connections, and the readiness check needs one more.
fn ncat(place: &Place<'_>) -> Vec<String> {
    words(&format!("-4 -l -k -m 1024 --exec /bin/cat 127.0.0.1 {}", place.port))
}

/// Its limits on connections are lifted.
fn xinetd(place: &Place<'_>) -> Vec<String> {
    let mut text = String::from("service echo\n{\n");
    let port = place.port.to_string();
    for (name, value) in [
        ("type", "INTERNAL UNLISTED"),
        ("id", "echo-stream"),
        ("socket_type", "stream"),
        ("protocol", "tcp"),
        ("flags", "NODELAY"),
        ("user", "nobody"),
        ("wait", "no"),
        ("bind", "127.0.0.1"),
        ("port", &port),
        ("instances", "UNLIMITED"),
        ("per_source", "UNLIMITED"),
        ("cps", "1000000 1"),
    ] {
        writeln!(text, "    {name} = {value}").unwrap();
    }
    text.push_str("}\n");
    let configuration = place.file("xinetd.conf");
    fs::write(&configuration, text).unwrap();
    let mut words = words("-dontfork -stayalive -filelog /dev/null");
    words.extend(["-f".to_owned(), configuration, "-pidfile".to_owned(), place.file("pid")]);
    words
}

impl Place<'_> {
    fn file(&self, name: &str) -> String {
        self.directory.join(name).to_str().unwrap().to_owned()
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}
