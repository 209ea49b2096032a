//! The ends that the operator is told of.

use std::process::ExitStatus;

use super::calls;
use super::plan::{Lasting, Point};
use super::trace::{Stage, Trace};

/// Whether the daemon ended as the operator is told that it does: with an exit status, and words
/// that name the error.
pub(crate) fn ended_as_documented(
    point: &Point,
    errno: &str,
    status: ExitStatus,
    trace: &Trace,
    log: &str,
) -> Result<(), String> {
    let last = log.lines().last().unwrap_or_default();
    if status.code() != Some(1) {
        return Err("an end that nobody has promised".to_owned());
    }
    let ends = calls::swept(&point.call).and_then(|call| call.ends);
    if ends.is_some_and(|(errnos, words)| errnos.contains(&errno) && log.contains(words)) {
        return Ok(());
    }
    if point.stage == Stage::Start {
        // Where nothing can be written, nothing can be said.
        if point.call == "write" && point.lasting == Lasting::FromThenOn {
            return Ok(());
        }
        let named =
            trace.injected().next().and_then(text_of_error).is_some_and(|text| last.contains(text));
        let in_use =
            calls::leaves_address_in_use(&point.call) && last.contains("Address already in use");
        return if last.starts_with("tcpechod: ") && (named || in_use) {
            Ok(())
        } else {
            Err(format!("its last words do not name {errno}: {last}"))
        };
    }
    Err(format!("it may not end by {errno}: {last}"))
}

/// What the error is called, as strace shows it.
fn text_of_error(line: &str) -> Option<&str> {
    line.rsplit_once(") (INJECTED)")?.0.rsplit_once('(').map(|(_, text)| text)
}
