//! Runs one seed: a phase of faults, then a calm phase or the end.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use tcpecho::http::{self, Response};
use tcpecho::reactor::{AdminHandler, Capacity, Options, Reactor, Signal, Wakeups};

use super::check::Checks;
use super::environment::{Environment, TurnRecord, Verbosity};
use super::fault_profile::FaultProfile;
use super::os::Simulated;
use super::peer::Mood;
use super::traffic::VISIT;
use super::wire::Seen;
use super::{ledger, setup};

/// Most turns of the fault phase; and most turns of the calm phase until every peer is served, with
/// an allowance for each peer, because the limit may admit only one at a time.
const STORM_TURNS_MAX: usize = 400;
const CALM_TURNS_MAX: usize = 1000;
const CALM_TURNS_EACH: usize = 500;

/// How much a drain may overrun its deadline: some turns, of two milliseconds each.
const DRAIN_SLACK: Duration = Duration::from_millis(100);

/// The property that a run checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Under any faults, no violation occurs.
    Safety,
    /// When faults stop, every peer is served.
    Liveness,
}

impl Mode {
    /// Even seeds check safety, odd seeds liveness.
    pub(super) const fn of(seed: u64) -> Self {
        if seed.is_multiple_of(2) { Self::Safety } else { Self::Liveness }
    }
}

/// Totals of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Story {
    pub(super) turns: u64,
    pub(super) connections: u64,
    pub(super) bytes: u64,
    pub(super) faults: u64,
    pub(super) lasted: Duration,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { turns, connections, bytes, faults, lasted } = self;
        let hours = lasted.as_secs_f64() / 3600.0;
        write!(
            f,
            "{connections} connections, {bytes} bytes back, {faults} faults, {turns} turns in \
             {hours:.1} hours"
        )
    }
}

impl Story {
    pub(super) fn add(&mut self, other: &Self) {
        self.turns += other.turns;
        self.connections += other.connections;
        self.bytes += other.bytes;
        self.faults += other.faults;
        self.lasted += other.lasted;
    }
}

/// Runs a seed.
///
/// # Errors
///
/// The first violation.
pub(super) fn run(seed: u64, verbosity: Verbosity) -> Result<Story, String> {
    ledger::open();
    drop(ledger::closed());
    let ran = catch_unwind(AssertUnwindSafe(|| Run::new(seed, verbosity).finish()));
    ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panicked: {}", text.unwrap_or("no message")))
    })
}

struct Run {
    mode: Mode,
    options: Options,
    reactor: Reactor<Simulated>,
    environment: Rc<RefCell<Environment>>,
    checks: Checks,
    turns: u64,
    storm: usize,
}

impl Run {
    fn new(seed: u64, verbosity: Verbosity) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (options, connections_max) = setup::options(&mut rng);
        let storm = rng.usize(0..STORM_TURNS_MAX);
        let environment = setup::environment(rng, &options, verbosity);
        environment.print_step(|| {
            format!("{:?} {options:?} {:?}", Mode::of(seed), environment.fault_profile)
        });
        let capacity = Capacity {
            listeners: environment.listeners.len(),
            listeners_inherited: 0,
            connections_max,
            descriptors: 0,
        };
        let environment = Rc::new(RefCell::new(environment));
        let mut reactor =
            Reactor::new(Simulated(Rc::clone(&environment)), capacity, options.clone());
        reactor.set_admin_handler(AdminHandler::new(|_, _| {
            Response::text(200, String::from_utf8_lossy(VISIT).trim_end())
        }));
        let checks = Checks::new(connections_max);
        Self { mode: Mode::of(seed), options, reactor, environment, checks, turns: 0, storm }
    }

    fn finish(mut self) -> Result<Story, String> {
        let began = self.environment.borrow().now;
        for _ in 0..self.storm {
            self.turn()?;
            if self.environment.borrow().turn.stuck {
                break;
            }
        }
        if self.mode == Mode::Liveness {
            self.calm()?;
        }
        self.drain()?;
        let environment = self.environment.borrow();
        let bytes = environment.wires.iter().map(|wire| u64::try_from(wire.written).unwrap()).sum();
        Ok(Story {
            turns: self.turns,
            connections: environment.accepted,
            bytes,
            faults: environment.faults,
            lasted: environment.now.since(began),
        })
    }

    /// Runs one turn, handles its wakeups as the server does, and checks the state after it.
    fn turn(&mut self) -> Result<(), String> {
        self.environment.borrow_mut().turn = TurnRecord::default();
        let state_before = self.reactor.listener_state();
        let wakeups = self.reactor.turn().map_err(|error| format!("the turn failed: {error}"))?;
        self.turns += 1;
        if wakeups.contains(Wakeups::SIGNALS) {
            for signal in self.reactor.signals() {
                match signal {
                    Signal::Child => self.reactor.reap_children(),
                    Signal::Terminate if self.reactor.is_draining() => self.reactor.cut(),
                    Signal::Terminate => {
                        self.reactor.drain();
                        let mut environment = self.environment.borrow_mut();
                        environment.drain_began = Some(environment.now);
                    }
                    Signal::Status | Signal::Hangup | Signal::Unused | Signal::HandedOver => {}
                }
            }
            self.environment.borrow_mut().turn.moved = true;
        }
        let mut environment = self.environment.borrow_mut();
        self.checks.after_turn(&self.reactor, &self.options, state_before, &mut environment);
        environment.violation.take().map_or(Ok(()), Err)
    }

    /// Stops all faults and makes all peers polite: every peer must be served soon.
    fn calm(&mut self) -> Result<(), String> {
        {
            let mut environment = self.environment.borrow_mut();
            let levels_told = environment.fault_profile.levels_told;
            environment.fault_profile = FaultProfile { levels_told, ..FaultProfile::CALM };
            environment.mood = Mood::Calm;
            environment.print_step(|| "calm".to_owned());
        }
        let turns = CALM_TURNS_MAX + CALM_TURNS_EACH * self.environment.borrow().peers.len();
        for _ in 0..turns {
            self.turn()?;
            let environment = self.environment.borrow();
            if environment
                .peers
                .iter()
                .zip(&environment.wires)
                .all(|(peer, wire)| peer.is_over(wire))
            {
                break;
            }
            if environment.turn.stuck {
                return Err(unserved(&environment, "will never be served"));
            }
        }
        let environment = self.environment.borrow();
        let waits = unserved(&environment, "was not served in time");
        if !waits.is_empty() {
            return Err(waits);
        }
        for number in 0..environment.peers.len() {
            self.judge_service(number, &environment)?;
        }
        Ok(())
    }

    /// Checks that a peer without faults and without a violation of the rules got the whole reply.
    fn judge_service(&self, number: usize, environment: &Environment) -> Result<(), String> {
        let (peer, wire) = (&environment.peers[number], &environment.wires[number]);
        let finished = self.checks.causes.get(&number).is_some_and(|cause| cause == "finished");
        let undisturbed = !wire.faulted && !wire.raw && !peer.gone && !peer.lost;
        if peer.listener.is_none() {
            let quick = wire.closed_at.since(wire.accepted_at) < http::REQUEST_TIMEOUT;
            if undisturbed && quick && !wire.said.ends_with(VISIT) {
                return Err(format!("admin client {number} got no answer"));
            }
            return Ok(());
        }
        if finished && undisturbed {
            // A daemon that waits for PROXY headers need not greet a peer that sends nothing.
            let probe = self.options.proxy_header.is_some() && wire.sent == 0 && wire.taken == 0;
            let all = wire.taken == wire.talk.reply.len() || probe;
            let all = all && wire.sent == wire.talk.input.len();
            if !all || wire.seen != Seen::Fin {
                return Err(format!(
                    "peer {number} got {} of {} bytes and saw {:?}",
                    wire.taken,
                    wire.talk.reply.len(),
                    wire.seen
                ));
            }
        }
        Ok(())
    }

    /// Sends SIGTERM, sometimes twice: the drain ends in time, and nothing is left open.
    fn drain(&mut self) -> Result<(), String> {
        let second_signal = {
            let mut environment = self.environment.borrow_mut();
            environment.signals.push(Signal::Terminate);
            environment.print_step(|| "SIGTERM".to_owned());
            environment.rng.u32(0..8) == 0
        };
        let began = self.environment.borrow().now;
        let stopped = self.environment.borrow().stopped;
        for turn in 0.. {
            if self.reactor.is_done() {
                break;
            }
            if second_signal && turn == 7 {
                let mut environment = self.environment.borrow_mut();
                environment.signals.push(Signal::Terminate);
                environment.second_signal = true;
            }
            self.turn()?;
            let environment = self.environment.borrow();
            if environment.turn.stuck && !self.reactor.is_done() {
                return Err("the drain never ends".to_owned());
            }
            // Time spent stopped does not count; the last quarter begins after it.
            let stopped = environment.stopped.saturating_sub(stopped);
            let more = if stopped.is_zero() { Duration::ZERO } else { self.options.drain / 4 };
            if environment.now > began.after(self.options.drain + DRAIN_SLACK + stopped + more) {
                return Err("the drain exceeds its deadline".to_owned());
            }
        }
        let open = self.environment.borrow().streams - self.reactor.admin_connections();
        if open > 0 {
            return Err(format!("{open} streams are left after the end"));
        }
        let environment = self.environment.borrow();
        if !environment.children.is_empty() {
            return Err(format!("{} children are left after the end", environment.children.len()));
        }
        let cut_from = if second_signal { began } else { began.after(self.options.drain) };
        self.checks.after_the_end(&environment, cut_from)?;
        let mut accepted =
            environment.peers.iter().enumerate().filter(|(_, peer)| peer.is_counted());
        let unlogged = accepted.find(|(number, _)| !self.checks.causes.contains_key(number));
        unlogged.map_or(Ok(()), |(number, _)| Err(format!("no closing line for peer {number}")))
    }
}

/// Lists the peers that are not over; empty if there are none.
fn unserved(environment: &Environment, how: &str) -> String {
    let waits = environment.peers.iter().zip(&environment.wires).enumerate();
    let waits: Vec<_> = waits
        .filter(|(_, (peer, wire))| !peer.is_over(wire))
        .map(|(number, (_, wire))| {
            format!(
                "peer {number} {how}: sent {}, read {}, written {}, taken {}, fin {}, seen {:?}",
                wire.sent, wire.read, wire.written, wire.taken, wire.fin, wire.seen
            )
        })
        .collect();
    waits.join("; ")
}
