//! Combinations of options that `tcpecho-load` rejects.

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::load::Mode;

use super::{Load, RunLoadArgs};

/// The maximum number of lines in flight on all connections; the time of each takes 16 bytes.
const IN_FLIGHT_MAX: usize = 100_000_000;

/// Returns the first conflict as an error.
pub(super) fn check(arguments: &RunLoadArgs) -> Result<(), clap::Error> {
    let conflict =
        |message: String| Err(RunLoadArgs::command().error(ErrorKind::ArgumentConflict, message));
    let load = &arguments.load;
    load.target.check::<RunLoadArgs>()?;
    if load.target.is_unix() {
        load.socket.check_for_unix::<RunLoadArgs>()?;
    }
    if load.mode == Mode::Idle && (load.lines.is_some() || load.rate.is_some()) {
        let message = "--mode idle can't be used with --lines or --rate: a connection sends one \
                       line, and is held";
        return conflict(message.to_owned());
    }
    if load.connections.saturating_mul(load.pipeline) > IN_FLIGHT_MAX {
        return conflict(format!(
            "--connections {} times --pipeline {} is more than {}m lines in flight",
            load.connections,
            load.pipeline,
            IN_FLIGHT_MAX / 1_000_000
        ));
    }
    if load.lines.is_some() && load.warmup.is_some_and(|warmup| !warmup.is_zero()) {
        let message = "--warmup cannot be used with --lines: all of the lines are measured";
        return conflict(message.to_owned());
    }
    if let Some(message) = load.verify_held.and_then(|held| no_second_line(held, load)) {
        return conflict(message);
    }
    Ok(())
}

/// Returns the reason if this many held connections can't be verified.
fn no_second_line(held: usize, load: &Load) -> Option<String> {
    if load.mode != Mode::Idle {
        return Some(
            "--verify-held can only be used with --mode idle: the others keep sending anyway"
                .into(),
        );
    }
    let Load { connections, .. } = load;
    (held > *connections)
        .then(|| format!("--verify-held {held}: there are {connections} connections"))
}
