//! The loop around the reactor's turn: signals, the watchdog, and the end.

use log::{error, info, warn};

use crate::cause::Cause;
use crate::reactor::{AdminHandler, FaultCounts, Os, Reactor, Signal, Wakeups};

use super::admin::AdminResponses;
use super::notify::{self, Manager};
use super::reload::Reload;
use super::socket_file::SocketFile;
use super::{ExitReason, status};

/// Where the daemon reports its state.
pub(super) struct Reporting {
    pub responses: AdminResponses,
    pub manager: Manager,
    pub faults: FaultCounts,
    /// They are removed at the end, unless the next daemon has their listeners.
    pub socket_files: Vec<SocketFile>,
}

/// Separate from the start, whose frame would take registers from the loop.
#[inline(never)]
pub(super) fn begin<O: Os>(
    mut reactor: Reactor<O>,
    reload: &Reload<'_>,
    Reporting { mut responses, manager, faults, socket_files }: Reporting,
) -> anyhow::Result<ExitReason> {
    let counts = faults.clone();
    reactor.set_admin_handler(AdminHandler::new(move |reactor, request| {
        responses.response(reactor, &counts, request)
    }));
    let mut handed_over = false;
    let outcome = serve(&mut reactor, reload, &manager, &faults, &mut handed_over);
    if handed_over {
        socket_files.into_iter().for_each(SocketFile::leave);
    }
    outcome
}

#[expect(clippy::inline_always, reason = "in one frame with the reactor it is 8 instructions less")]
#[inline(always)]
fn serve<O: Os>(
    reactor: &mut Reactor<O>,
    reload: &Reload<'_>,
    manager: &Manager,
    faults: &FaultCounts,
    handed_over: &mut bool,
) -> anyhow::Result<ExitReason> {
    if let Some(interval) = notify::interval() {
        reactor.watchdog_every(interval);
    }
    let mut broken = None;
    while !reactor.is_done() {
        let signals = match reactor.turn() {
            Ok(wakeups) if wakeups.is_empty() => continue,
            Ok(wakeups) => handle(reactor, manager, wakeups),
            // A listener breaks once, so this is the poll. Connections with pending output get RST.
            Err(error) if broken.is_some() => {
                cut(reactor, faults);
                return Err(error.into());
            }
            Err(error) => {
                error!("{error}; draining");
                broken = Some(error);
                if reactor.is_draining() { Vec::new() } else { vec![Signal::Terminate] }
            }
        };
        for signal in signals {
            if signal == Signal::Terminate && reactor.is_draining() {
                warn!("a second signal: ending now");
                return Ok(cut(reactor, faults));
            }
            *handed_over |= signal == Signal::HandedOver;
            on_signal(signal, reactor, reload, manager, faults);
        }
    }
    let outcome = match reactor.counters().of(Cause::Cut) {
        0 => ExitReason::Drained,
        cut => ExitReason::Cut(cut),
    };
    let outcome = report(reactor, faults, outcome);
    broken.map_or(Ok(outcome), |error| Err(error.into()))
}

#[cold]
fn on_signal<O: Os>(
    signal: Signal,
    reactor: &mut Reactor<O>,
    reload: &Reload<'_>,
    manager: &Manager,
    faults: &FaultCounts,
) {
    match signal {
        Signal::HandedOver if reactor.is_draining() => {}
        Signal::Terminate | Signal::HandedOver => {
            if signal == Signal::HandedOver {
                info!("hand-over: the next daemon serves");
                reactor.leave_listeners();
            }
            let limit = humantime::format_duration(reload.config.options.drain);
            let status = format!("draining, for at most {limit}");
            info!("{status}");
            manager.stopping(&status);
            reactor.drain();
        }
        Signal::Child => reactor.reap_children(),
        Signal::Status => status::log(reactor, faults),
        Signal::Unused => info!("SIGUSR2: it has no meaning here"),
        Signal::Hangup => reload.all(reactor, manager),
    }
}

/// Handles the events of a turn, and returns its signals.
#[cold]
fn handle<O: Os>(reactor: &mut Reactor<O>, manager: &Manager, wakeups: Wakeups) -> Vec<Signal> {
    if wakeups.contains(Wakeups::WATCHDOG) {
        manager.watchdog();
    }
    if wakeups.contains(Wakeups::SIGNALS) { reactor.signals() } else { Vec::new() }
}

/// Closes every connection at once.
#[cold]
fn cut<O: Os>(reactor: &mut Reactor<O>, faults: &FaultCounts) -> ExitReason {
    reactor.cut();
    report(reactor, faults, ExitReason::Cut(reactor.counters().of(Cause::Cut)))
}

/// Logs the last status and the outcome.
fn report<O: Os>(reactor: &Reactor<O>, faults: &FaultCounts, outcome: ExitReason) -> ExitReason {
    status::log(reactor, faults);
    match outcome {
        ExitReason::Drained => info!("drained"),
        ExitReason::Cut(cut) => warn!("ended with connections cut: {cut}"),
    }
    outcome
}
