//! Bugs to be planted, one at a time, each of a kind that reactors have had: what is worth its
//! time finds every one of them.

/// A bug: in that file, one text in place of another.
#[derive(Debug)]
pub(super) struct Bug {
    /// What it does, in a sentence.
    pub(super) what: &'static str,
    pub(super) file: &'static str,
    pub(super) right: &'static str,
    pub(super) wrong: &'static str,
}

pub(super) const BUGS: &[Bug] = &[
    Bug {
        what: "readiness is forgotten: a short read means an empty socket, though the end is near",
        file: "src/connection/serve.rs",
        right: "if fresh < room.len() && !self.ready.contains(Ready::READ_TO_EAGAIN) {",
        wrong: "if fresh < room.len() {",
    },
    Bug {
        what: "readiness is forgotten: an interrupted read counts as would-block",
        file: "src/connection/serve.rs",
        right: "if errno::would_block(&error) {\n            self.ready.remove(Ready::READABLE",
        wrong: "if errno::would_block(&error) || errno::is_interrupted(&error) {\n            \
                self.ready.remove(Ready::READABLE",
    },
    Bug {
        what: "readiness is stale: would-block on a read disproves nothing",
        file: "src/connection/serve.rs",
        right: "self.ready.remove(Ready::READABLE.union(Ready::READ_TO_EAGAIN));",
        wrong: "self.ready.remove(Ready::READ_TO_EAGAIN);",
    },
    Bug {
        what: "readiness is forgotten: an interrupted write is not tried again",
        file: "src/connection/output.rs",
        right: "self.ready.insert(Ready::WRITABLE);",
        wrong: "self.ready.remove(Ready::WRITABLE);",
    },
    Bug {
        what: "the gate does not try again when descriptors have run out",
        file: "src/reactor/accept.rs",
        right: "self.accept_failed(fault, &error)?;",
        wrong: "self.accept_failed(fault, &error)?;\n                        \
                self.admission.mark_empty(listener);",
    },
    Bug {
        what: "whoever waits behind the first in a queue is forgotten",
        file: "src/reactor/accept.rs",
        right: "if questions.next().is_some() && self.os.queue_is_empty(listener) {",
        wrong: "if questions.next().is_some() {",
    },
    Bug {
        what: "the rest of a short write is dropped",
        file: "src/connection/output.rs",
        right: "self.queue(rest, now);",
        wrong: "let _rest = (rest, now);",
    },
    Bug {
        what: "the connection is closed at FIN although something is owed",
        file: "src/connection/serve.rs",
        right: "Phase::Open | Phase::Draining(Cause::Drained) if self.has_output() => {",
        wrong: "Phase::Open | Phase::Draining(Cause::Drained) if false => {",
    },
    Bug {
        what: "who is introduced and ends in one turn is reaped twice",
        file: "src/reactor/slots.rs",
        right: ".find(|key| self.slab.contains(*key)) else",
        wrong: ".find(|_| true) else",
    },
    Bug {
        what: "a budget is used up, and nobody remembers who wants another",
        file: "src/reactor/slots.rs",
        right: "() => self.requeued.push(key),",
        wrong: "() => {}",
    },
    Bug {
        what: "a key that is given again still stands in the queue",
        file: "src/reactor/slots.rs",
        right: "self.queued_removed |= connection.is_queued();",
        wrong: "self.queued_removed = false;",
    },
    Bug {
        what: "an error that only the event has told is not asked for: reset after FIN is finished",
        file: "src/connection/serve.rs",
        right: "if !self.ready.contains(Ready::ERROR) {\n            return Ok(());",
        wrong: "if true {\n            return Ok(());",
    },
    Bug {
        what: "a deadline that was put off is not looked at again",
        file: "src/reactor/expire.rs",
        right: "if step != NextStep::Identified {\n            self.arm_deadline(key);",
        wrong: "if false {\n            self.arm_deadline(key);",
    },
    Bug {
        what: "a deadline ends a connection before its socket is looked at",
        file: "src/connection/deadline.rs",
        right: "let step = self.catch_up(shared);\n        if matches",
        wrong: "let step = NextStep::Idle;\n        if matches",
    },
    Bug {
        what: "input that came in time is cut by a drain, because the daemon was stopped",
        file: "src/reactor/drain.rs",
        right: "let step = connection.catch_up(&mut self.shared);",
        wrong: "let step = crate::connection::NextStep::Idle;",
    },
    Bug {
        what: "a drain closes at once in place of lingering",
        file: "src/connection/serve.rs",
        right: "self.enter(Phase::Lingering(cause));",
        wrong: "return self.end(cause);",
    },
    Bug {
        what: "who has half-closed and is owed something is sent FIN",
        file: "src/connection/mod.rs",
        right: "drop(self.stream.close_with_reset());",
        wrong: "let _stream = &self.stream;",
    },
    Bug {
        what: "who is cut at three quarters of a drain is sent FIN",
        file: "src/connection/serve.rs",
        right: "Ok(self.linger(Cause::Cut, shared.now))",
        wrong: "Ok(self.send_fin(Cause::Cut, shared.now))",
    },
    Bug {
        what: "who has sent everything is cut, because a hint says that there may be more",
        file: "src/connection/serve.rs",
        right: "return self.final_read(shared);",
        wrong: "return Ok(self.linger(Cause::Cut, shared.now));",
    },
    Bug {
        what: "a drain reads on after its last answer",
        file: "src/connection/serve.rs",
        right: "pending.final_reply = !shared.service.reply.is_echo();",
        wrong: "pending.final_reply = false;",
    },
    Bug {
        what: "what a child leaves behind when it ends is not told to end",
        file: "src/reactor/exec.rs",
        right: "if !self.os.is_over(id) {",
        wrong: "if !self.os.is_over(id) && self.is_done() {",
    },
];
