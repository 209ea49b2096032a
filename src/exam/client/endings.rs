//! Tasks in which the server ends, or never answers. The input stays open.

use crate::exam::task::{Judged, Task};

use super::{Client, MOMENT, task};

/// The line that is echoed before the trouble.
const LINE: &str = "hello\n";

pub(super) const SERVER_FIN: Task = Task {
    did: "echoed a line and sent FIN, while the client waited for its next line of input",
    expected: "the client says so and ends, without another line of input",
    hint: "in which call does the client wait, and which of its two descriptors has news?",
    read: "docs/demonstrations/server-crash.md; UNP 5.12, 6.4",
    ..task("server-fin", 15, server_fin)
};

/// The pause lets the client print the echo and go back to its prompt, where FIN has to reach it.
fn server_fin(client: &mut Client) -> Judged {
    let mut peer = client.connected()?;
    client.type_in(LINE)?;
    peer.expect(LINE.as_bytes())?;
    peer.send(LINE.as_bytes())?;
    peer.hold(MOMENT);
    peer.half_close();
    client.says_why_and_ends(LINE)
}

pub(super) const SERVER_RESET: Task = Task {
    did: "echoed a line and reset the connection; then gave the client two more lines",
    expected: "the client says so and ends",
    hint: "which error does the next call on the socket return, and which calls can return one?",
    read: "docs/demonstrations/host-reboot.md; UNP 5.13, 5.15",
    ..task("server-reset", 10, server_reset)
};

/// A client that waits for a line notices the reset only when it writes: it gets lines to write,
/// and the first write already fails (UNP 5.13).
fn server_reset(client: &mut Client) -> Judged {
    let mut peer = client.connected()?;
    client.type_in(LINE)?;
    peer.expect(LINE.as_bytes())?;
    peer.send(LINE.as_bytes())?;
    peer.hold(MOMENT);
    peer.reset();
    type_two_lines(client)?;
    client.says_why_and_ends(LINE)
}

pub(super) const SERVER_KILLED: Task = Task {
    did: "read a line, and ended without an answer, as a killed server does: FIN, and RST for all \
          that comes after it; then gave the client two more lines",
    expected: "the client says so and ends, and no signal ends it",
    hint: "the first write after the server's end succeeds: what does the second one do?",
    read: "docs/demonstrations/sigpipe.md; UNP 5.12, 5.13",
    ..task("server-killed", 10, server_killed)
};

/// An echo is owed, so this is no orderly end. Each of the two lines may be a write after RST,
/// which raises SIGPIPE.
fn server_killed(client: &mut Client) -> Judged {
    let mut peer = client.connected()?;
    client.type_in(LINE)?;
    peer.expect(LINE.as_bytes())?;
    peer.close();
    type_two_lines(client)?;
    client.says_why_and_ends("")
}

/// The pauses let the answer to the first line, RST, arrive before the second.
fn type_two_lines(client: &mut Client) -> Result<(), crate::exam::task::Failure> {
    for line in ["after the end\n", "and once more\n"] {
        client.pause(MOMENT);
        client.type_in(line)?;
    }
    Ok(())
}

pub(super) const SILENT: Task = Task {
    did: "read a line, and never answered",
    expected: "the client gives up within the time limit of the task, says so and ends",
    hint: "how long would you wait for a server whose host is gone, and which option limits it?",
    read: "docs/demonstrations/host-crash.md; UNP 5.14, 14.2",
    ..task("silent", 10, silent)
};

/// No segment of the server tells the client anything: only a time limit of its own helps.
fn silent(client: &mut Client) -> Judged {
    let mut peer = client.connected()?;
    client.type_in(LINE)?;
    peer.expect(LINE.as_bytes())?;
    client.says_why_and_ends("")
}

pub(super) const REFUSED: Task = Task {
    did: "closed the listener before the client was started",
    expected: "the client says so and ends, with another exit status than 0",
    hint: "what does connect return if no process listens?",
    read: "docs/demonstrations/startup.md; UNP 4.3",
    ..task("refused", 5, refused)
};

/// The port was the listener's a moment ago, so no other program has it.
fn refused(client: &mut Client) -> Judged {
    client.close_listener();
    client.start()?;
    let said = client.says_why_and_ends("")?;
    client.failed()?;
    Ok(said)
}
