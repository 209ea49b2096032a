//! The programs with known results: the tasks that each of them loses.

/// A program and its result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    /// The first cell of its row in the table of `docs/exam.md`.
    pub(crate) name: &'static str,
    pub(crate) role: &'static str,
    pub(crate) program: Program,
    /// The tasks that it loses, in the order of the exam; all others give full marks.
    pub(crate) loses: &'static [&'static str],
    /// The tasks that it loses or not, depending on the moment.
    pub(crate) may_lose: &'static [&'static str],
}

/// How a program is made and started.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    /// A C file below `tests/`, compiled with these flags, and started with these arguments.
    C(&'static str, &'static [&'static str], &'static [&'static str]),
    /// A command of the system, or of this project; `TESTS` stands for this directory.
    Command(&'static [&'static str]),
    /// A command of the system that changes its user, and the script below `tests/` that starts it:
    /// its arguments are a new directory and the port.
    Script(&'static str, &'static str),
}

use Program::{C, Command, Script};

const SERVER: &str = "course/server.c";
const PLANTED_SERVER: &str = "exam/programs/server.c";
const PLANTED_CLIENT: &str = "exam/programs/client.c";

const fn server(name: &'static str, program: Program, loses: &'static [&'static str]) -> Subject {
    Subject { name, role: "server", program, loses, may_lose: &[] }
}

const fn client(name: &'static str, program: Program, loses: &'static [&'static str]) -> Subject {
    Subject { name, role: "client", program, loses, may_lose: &[] }
}

pub(crate) const SERVERS: &[Subject] = &[
    server("tcpechod", Command(&["tcpechod", "--listen", "127.0.0.1:{port}"]), &[]),
    server(
        "tcpechod --exec cat",
        Command(&[
            "tcpechod",
            "--max-connections",
            "2000",
            "--listen",
            "127.0.0.1:{port}",
            "--exec",
            "cat",
        ]),
        &[],
    ),
    server(
        "the course's server: waitpid, EINTR",
        C(SERVER, &["-DWAITPID", "-DNO_RESTART", "-DHANDLE_EINTR"], &[]),
        &[],
    ),
    server("the course's server: no SIGCHLD", C(SERVER, &["-DHANDLE_EINTR"], &[]), &["zombies"]),
    server(
        "the course's server: wait",
        C(SERVER, &["-DWAIT", "-DNO_RESTART", "-DHANDLE_EINTR"], &[]),
        &["zombies"],
    ),
    server(
        "the course's server: waitpid, SA_RESTART instead of EINTR",
        C(SERVER, &["-DWAITPID"], &[]),
        &["eintr"],
    ),
    server(
        "the course's server: the parent keeps the connection open",
        C(SERVER, &["-DWAITPID", "-DNO_RESTART", "-DHANDLE_EINTR", "-DNO_CLOSE"], &[]),
        &["half-close", "leaks"],
    ),
    server(
        "the course's server: one client after the other",
        C(SERVER, &["-DITERATIVE", "-DHANDLE_EINTR"], &[]),
        &[
            "five-clients",
            "many",
            "slow-reader",
            "reset",
            "reset-before-accept",
            "sigpipe",
            "leaks",
        ],
    ),
    server(
        "the course's server: select",
        C("course/server_select.c", &[], &[]),
        &["many", "slow-reader"],
    ),
    server(
        "Python: socketserver, a thread for each connection",
        Command(&["python3", "TESTS/exam/programs/server.py"]),
        &[],
    ),
    server("Python: asyncio", Command(&["python3", "TESTS/exam/programs/asyncio_server.py"]), &[]),
    server("Node: net", Command(&["node", "TESTS/exam/programs/server.mjs"]), &[]),
    server(
        "socat, a process and cat for each connection",
        Command(&["socat", "TCP-LISTEN:{port},fork,reuseaddr,backlog=128", "EXEC:cat"]),
        &[],
    ),
    Subject {
        // 10,000 connections with two processes each need most of the time of leaks.
        may_lose: &["slow-reader", "leaks"],
        ..server(
            "ncat, a process and cat for each connection",
            Command(&["ncat", "-l", "-k", "-e", "/bin/cat", "{port}"]),
            &["half-close", "many", "eintr"],
        )
    },
    server(
        "xinetd: its own echo, a process for each connection",
        Script("xinetd", "exam/programs/xinetd.sh"),
        &["many", "sigterm", "leaks"],
    ),
    server("no bug", C(PLANTED_SERVER, &[], &["none"]), &[]),
    server("cuts lines at 4,096 bytes", C(PLANTED_SERVER, &[], &["echo"]), &["echo"]),
    server("takes bytes for a string", C(PLANTED_SERVER, &[], &["bytes"]), &["bytes"]),
    server(
        "expects a line in at most five pieces",
        C(PLANTED_SERVER, &[], &["pieces"]),
        &["pieces"],
    ),
    server("answers FIN with RST", C(PLANTED_SERVER, &[], &["half-close"]), &["half-close"]),
    server(
        "drops a last line without newline",
        C(PLANTED_SERVER, &[], &["last-line"]),
        &["last-line"],
    ),
    server(
        "has one buffer for several clients",
        C(PLANTED_SERVER, &[], &["five-clients"]),
        &["five-clients"],
    ),
    server("has room for 900 connections", C(PLANTED_SERVER, &[], &["many"]), &["many"]),
    server("blocks in a write", C(PLANTED_SERVER, &[], &["slow-reader-blocks"]), &["slow-reader"]),
    server(
        "drops the rest of a short write",
        C(PLANTED_SERVER, &[], &["slow-reader-drops"]),
        &["slow-reader"],
    ),
    server(
        "reads on while output waits",
        C(PLANTED_SERVER, &[], &["slow-reader-memory"]),
        &["slow-reader"],
    ),
    server("exits after three resets in a row", C(PLANTED_SERVER, &[], &["reset"]), &["reset"]),
    server(
        "expects every accepted client to be there",
        C(PLANTED_SERVER, &[], &["reset-before-accept"]),
        &["reset-before-accept"],
    ),
    server("leaves SIGPIPE as it is", C(PLANTED_SERVER, &[], &["sigpipe"]), &["sigpipe"]),
    server("exits when read returns EINTR", C(PLANTED_SERVER, &[], &["eintr"]), &["eintr"]),
    server("ignores SIGTERM", C(PLANTED_SERVER, &[], &["sigterm"]), &["sigterm"]),
    server(
        "leaves reset connections open",
        C(PLANTED_SERVER, &[], &["leaks-descriptors"]),
        &["leaks"],
    ),
    server(
        "loses memory with each connection",
        C(PLANTED_SERVER, &[], &["leaks-memory"]),
        &["leaks"],
    ),
];

pub(crate) const CLIENTS: &[Subject] = &[
    client("tcpecho --timeout 3s", Command(&["tcpecho", "--timeout", "3s"]), &[]),
    client(
        "the course's client: fgets, then readline",
        C("course/client.c", &[], &[]),
        &["bytes", "server-fin", "silent"],
    ),
    client("the course's client: select", C("course/client_select.c", &[], &[]), &["silent"]),
    client(
        "Python: a thread for the input",
        Command(&["python3", "TESTS/exam/programs/client.py"]),
        &[],
    ),
    client(
        "socat",
        Command(&["socat", "-", "TCP:{host}:{port}"]),
        &["server-fin", "silent", "slow"],
    ),
    client("no bug", C(PLANTED_CLIENT, &[], &["none"]), &[]),
    client("takes an empty line for the end", C(PLANTED_CLIENT, &[], &["echo"]), &["echo"]),
    client("takes bytes for a string", C(PLANTED_CLIENT, &[], &["bytes"]), &["bytes"]),
    client(
        "does not wait for the last lines",
        C(PLANTED_CLIENT, &[], &["end-of-input"]),
        &["end-of-input"],
    ),
    client(
        "does not look at the socket at the prompt",
        C(PLANTED_CLIENT, &[], &["server-fin"]),
        &["server-fin"],
    ),
    client(
        "says nothing about a reset",
        C(PLANTED_CLIENT, &[], &["server-reset"]),
        &["server-reset"],
    ),
    client(
        "takes a killed server for an orderly end",
        C(PLANTED_CLIENT, &[], &["server-killed"]),
        &["server-killed"],
    ),
    client("waits for ever", C(PLANTED_CLIENT, &[], &["silent"]), &["silent"]),
    client("drops pieces without a newline", C(PLANTED_CLIENT, &[], &["pieces"]), &["pieces"]),
    client("waits for 600 ms", C(PLANTED_CLIENT, &[], &["slow"]), &["slow"]),
    client(
        "says nothing about a refused connection",
        C(PLANTED_CLIENT, &[], &["refused"]),
        &["refused"],
    ),
];
