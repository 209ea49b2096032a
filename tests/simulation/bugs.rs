//! Bugs to plant, one at a time, each of a kind that reactors have had. The simulation must find
//! every one.

/// A bug: replaces one text in a file.
#[derive(Debug)]
pub(super) struct Bug {
    /// The wrong behavior, in one sentence.
    pub(super) what: &'static str,
    pub(super) file: &'static str,
    pub(super) right: &'static str,
    pub(super) wrong: &'static str,
}

pub(super) const BUGS: &[Bug] = &[
    Bug {
        what: "readiness is lost: a short read counts as an empty socket, although FIN is near",
        file: "src/connection/serve.rs",
        right: "if filled < spare.len() && !self.ready.contains(Ready::READ_TO_EAGAIN) {",
        wrong: "if filled < spare.len() {",
    },
    Bug {
        what: "readiness is lost: an interrupted read counts as would-block",
        file: "src/connection/serve.rs",
        right: "if errno::would_block(&error) {\n            self.ready.read_would_block();",
        wrong: "if errno::would_block(&error) || errno::is_interrupted(&error) {\n            \
                self.ready.read_would_block();",
    },
    Bug {
        what: "readiness is stale: would-block on a read does not clear it",
        file: "src/connection/readiness.rs",
        right: "self.remove(Self::READABLE);",
        wrong: "",
    },
    Bug {
        what: "readiness is lost: an interrupted write is not retried",
        file: "src/connection/output.rs",
        right: "self.ready.insert(Ready::WRITABLE);",
        wrong: "self.ready.remove(Ready::WRITABLE);",
    },
    Bug {
        what: "accept is not retried after descriptors ran out",
        file: "src/reactor/accept.rs",
        right: "self.accept_failed(listener, &error)?;",
        wrong: "self.accept_failed(listener, &error)?;\n                    \
                self.admission.mark_empty(listener);",
    },
    Bug {
        what: "connections behind the first in the accept queue are forgotten",
        file: "src/reactor/accept.rs",
        right: "if self.os.queue_is_empty(listener) {",
        wrong: "if true {",
    },
    Bug {
        what: "the rest of a short write is dropped",
        file: "src/connection/output.rs",
        right: "self.queue(rest, now);",
        wrong: "let _rest = (rest, now);",
    },
    Bug {
        what: "FIN closes the connection although output is pending",
        file: "src/connection/serve.rs",
        right: "Phase::Open | Phase::Draining(Cause::Drained) if self.owes() => {",
        wrong: "Phase::Open | Phase::Draining(Cause::Drained) if false => {",
    },
    Bug {
        what: "a connection identified and closed in one turn is reaped twice",
        file: "src/reactor/slots.rs",
        right: ".find(|key| self.slab.contains(*key)) else",
        wrong: ".find(|_| true) else",
    },
    Bug {
        what: "a connection that has used up its budget is not queued again",
        file: "src/reactor/slots.rs",
        right: "else { self.requeued.push(key) }",
        wrong: "else { drop(key) }",
    },
    Bug {
        what: "a reused key is still in the run queue",
        file: "src/reactor/slots.rs",
        right: "self.queued_removed |= connection.is_queued();",
        wrong: "self.queued_removed = false;",
    },
    Bug {
        what: "an error reported by the event only is not read: reset after FIN counts as finished",
        file: "src/connection/serve.rs",
        right: "if !self.ready.contains(Ready::ERROR) {\n            return Ok(());",
        wrong: "if true {\n            return Ok(());",
    },
    Bug {
        what: "a postponed deadline is not scheduled again",
        file: "src/reactor/expire.rs",
        right: "if step != NextStep::Identified {\n            self.arm_deadline(key);",
        wrong: "if false {\n            self.arm_deadline(key);",
    },
    Bug {
        what: "a deadline closes a connection without a final read",
        file: "src/connection/deadline.rs",
        right: "let step = self.catch_up(shared);\n        if matches",
        wrong: "let step = NextStep::Idle;\n        if matches",
    },
    Bug {
        what: "after a stop of the daemon, a drain cuts connections without a final read",
        file: "src/reactor/drain.rs",
        right: "let step = connection.catch_up(&mut self.shared);",
        wrong: "let step = crate::connection::NextStep::Idle;",
    },
    Bug {
        what: "the grace of a drain ends connections between two lines, quiet or not",
        file: "src/connection/deadline.rs",
        right: "self.active.after(pause) <= now",
        wrong: "self.active <= now.after(pause)",
    },
    Bug {
        what: "a drain closes at once instead of lingering",
        file: "src/connection/serve.rs",
        right: "self.enter(Phase::Lingering(cause));",
        wrong: "return self.end(cause);",
    },
    Bug {
        what: "a half-closed peer gets FIN while output is pending",
        file: "src/connection/mod.rs",
        right: "drop(self.stream.close_with_reset());",
        wrong: "let _stream = &self.stream;",
    },
    Bug {
        what: "a peer cut at three quarters of a drain gets FIN",
        file: "src/connection/serve.rs",
        right: "Ok(self.linger(Cause::Cut, shared.now))",
        wrong: "Ok(self.send_fin(Cause::Cut, shared.now))",
    },
    Bug {
        what: "a readiness hint cuts a peer that has sent everything",
        file: "src/connection/serve.rs",
        right: "return self.final_read(shared);",
        wrong: "return Ok(self.linger(Cause::Cut, shared.now));",
    },
    Bug {
        what: "a drain keeps reading after its final reply",
        file: "src/connection/serve.rs",
        right: "pending.final_reply = !shared.service(self.listener).reply.is_echo();",
        wrong: "pending.final_reply = false;",
    },
    Bug {
        what: "processes that outlive their child are not terminated",
        file: "src/reactor/exec.rs",
        right: "if !self.os.is_over(id) {",
        wrong: "if !self.os.is_over(id) && self.is_done() {",
    },
];
