//! The documented ends of the daemon.

use std::process::ExitStatus;

use super::calls;
use super::plan::{Lasting, Point};
use super::trace::{Stage, Trace};

/// Checks that the daemon ended as documented: with an exit status, and a message that names the
/// error.
pub(crate) fn ended_as_documented(
    point: &Point,
    errno: &str,
    status: ExitStatus,
    trace: &Trace,
    log: &str,
) -> Result<(), String> {
    let last = log.lines().last().unwrap_or_default();
    if status.code() != Some(1) {
        return Err("an undocumented exit status".to_owned());
    }
    let ends = calls::swept(&point.call).and_then(|call| call.ends);
    if ends.is_some_and(|(errnos, words)| errnos.contains(&errno) && log.contains(words)) {
        return Ok(());
    }
    if point.stage == Stage::Start {
        // A daemon that cannot write cannot log.
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
            Err(format!("the final message does not name {errno}: {last}"))
        };
    }
    Err(format!("it must not end on {errno}: {last}"))
}

/// Returns the description of the error, as strace shows it.
fn text_of_error(line: &str) -> Option<&str> {
    line.rsplit_once(") (INJECTED)")?.0.rsplit_once('(').map(|(_, text)| text)
}
