//! Real programs between the probe and the daemon: their results are in `docs/paths.md`,
//! and `make paths` measures it anew.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{Daemon, probe};
use crate::tools::have;

/// How long a program may take to listen.
const LIMIT: Duration = Duration::from_secs(20);

/// The questions of the table; the others need other means.
const ASKED: &str = "half-close-ours,half-close-theirs,data-after-half-close,reset-ours,\
                     reset-theirs,fin-at-once,sizes,bytes,pipelining,urgent,greeting,\
                     back-pressure,address";

/// A program that stands between client and server.
struct Middle {
    name: &'static str,
    program: &'static str,
    /// The file in its directory, with PORT and SERVER, and its arguments with the same.
    file: &'static str,
    arguments: &'static [&'static str],
}

const NGINX: &str = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; error_log stderr; pid nginx.pid;
events { }
stream { server { listen 127.0.0.1:PORT; proxy_pass SERVER; } }
";

const NGINX_HALF_CLOSE: &str = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; error_log stderr; pid nginx.pid;
events { }
stream { server { listen 127.0.0.1:PORT; proxy_pass SERVER; proxy_half_close on; } }
";

const HAPROXY: &str = "defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen middle
    bind 127.0.0.1:PORT
    server server SERVER
";

const XINETD: &str = "service middle
{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    user = root
    wait = no
    bind = 127.0.0.1
    port = PORT
    redirect = HOST SERVERPORT
}
";

const MIDDLES: [Middle; 7] = [
    Middle { name: "none", program: "", file: "", arguments: &[] },
    Middle {
        name: "HAProxy",
        program: "haproxy",
        file: HAPROXY,
        arguments: &["-db", "-f", "FILE"],
    },
    Middle {
        name: "nginx",
        program: "nginx",
        file: NGINX,
        arguments: &["-p", "DIRECTORY", "-c", "FILE"],
    },
    Middle {
        name: "nginx, `proxy_half_close`",
        program: "nginx",
        file: NGINX_HALF_CLOSE,
        arguments: &["-p", "DIRECTORY", "-c", "FILE"],
    },
    Middle {
        name: "socat",
        program: "socat",
        file: "",
        arguments: &["TCP-LISTEN:PORT,bind=127.0.0.1,fork,reuseaddr", "TCP:SERVER"],
    },
    Middle {
        name: "ncat",
        program: "ncat",
        file: "",
        arguments: &["-l", "-k", "127.0.0.1", "PORT", "--sh-exec", "ncat HOST SERVERPORT"],
    },
    Middle {
        name: "xinetd",
        program: "xinetd",
        file: XINETD,
        arguments: &[
            "-dontfork",
            "-f",
            "FILE",
            "-pidfile",
            "DIRECTORY/pid",
            "-filelog",
            "DIRECTORY/log",
        ],
    },
];

/// A running program, ended when dropped.
struct Running {
    process: Option<Child>,
    _directory: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // In its group are the processes that it made.
            let group = process.id().to_string();
            Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).status().unwrap();
            process.wait().unwrap();
        }
    }
}

/// Starts the program in front of `server`; returns where it listens.
fn start(middle: &Middle, server: SocketAddr) -> (SocketAddr, Running) {
    let directory = TempDir::new().unwrap();
    if middle.program.is_empty() {
        return (server, Running { process: None, _directory: directory });
    }
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let file = directory.path().join("configuration");
    let filled = |text: &str| filled(text, address, server, &file);
    fs::write(&file, filled(middle.file)).unwrap();
    let process = Command::new("setsid")
        .arg(middle.program)
        .args(middle.arguments.iter().map(|argument| filled(argument)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running { process: Some(process), _directory: directory };
    let since = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(since.elapsed() < LIMIT, "{} does not listen", middle.name);
        thread::park_timeout(Duration::from_millis(10));
    }
    (address, running)
}

fn filled(text: &str, address: SocketAddr, server: SocketAddr, file: &Path) -> String {
    text.replace("SERVERPORT", &server.port().to_string())
        .replace("SERVER", &server.to_string())
        .replace("HOST", &server.ip().to_string())
        .replace("PORT", &address.port().to_string())
        .replace("DIRECTORY", file.parent().unwrap().to_str().unwrap())
        .replace("FILE", file.to_str().unwrap())
}

/// Asks all questions of one middle: the names, and the answers.
fn answers(middle: &Middle) -> Vec<(String, String)> {
    let daemon = Daemon::start("127.0.0.1:0", &["--service", "probe", "--banner", "{host}"]);
    let (address, _running) = start(middle, daemon.address.parse().unwrap());
    let address = address.to_string();
    let (_, _, summary) = probe(&["path", &address, "--timeout", "3s", "--only", ASKED]);
    let questions = summary["questions"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    questions.iter().map(|answer| (text(&answer["name"]), text(&answer["result"]))).collect()
}

/// The table of `docs/paths.md`: a row for each question, a column for each middle.
fn table() -> String {
    let all: Vec<_> = thread::scope(|scope| {
        let asked: Vec<_> =
            MIDDLES.iter().map(|middle| scope.spawn(move || answers(middle))).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let names = MIDDLES.iter().map(|middle| middle.name).collect::<Vec<_>>().join(" | ");
    let mut table = format!("| question | {names} |\n|---{}|\n", "|---".repeat(MIDDLES.len()));
    for (row, (question, _)) in all[0].iter().enumerate() {
        let cells: Vec<_> = all.iter().map(|answers| answers[row].1.as_str()).collect();
        writeln!(table, "| `{question}` | {} |", cells.join(" | ")).unwrap();
    }
    table
}

#[test]
fn the_page_tells_what_real_programs_let_through() {
    if !have(&["haproxy", "nginx", "socat", "ncat", "xinetd"]) {
        return;
    }
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/paths.md");
    let page = fs::read_to_string(&place).unwrap();
    let (before, rest) = page.split_once("<!-- what passes -->\n").unwrap();
    let (found, after) = rest.split_once("<!-- end of what passes -->").unwrap();
    let table = format!("\n{}\n", table());
    if std::env::var_os("WRITE").is_some() {
        let page =
            format!("{before}<!-- what passes -->\n{table}<!-- end of what passes -->{after}");
        fs::write(place, page).unwrap();
    } else {
        assert!(found == table, "docs/paths.md differs; `make paths` writes:\n{table}");
    }
}
