//! Invariants after each turn, and of each closed connection.

use std::collections::HashMap;
use std::time::Duration;

use tcpecho::clock::MonotonicMs;
use tcpecho::connection::{LINGER, Timeouts};
use tcpecho::line::READ_BYTES_MAX;
use tcpecho::net::proxy::{self, HeaderPolicy};
use tcpecho::reactor::{Options, OverLimit, Reactor};

use super::environment::Environment;
use super::ledger;
use super::os::Simulated;
use super::peer::Peer;
use super::traffic::Answers;
use super::wire::Wire;

/// Most connections accepted in one turn; while draining, as many as a queue holds.
const ACCEPTS_PER_TURN: usize = 64;
const LAST_ACCEPTS: usize = 4096;

/// Most reads of one connection in one turn: its own and a bulk read, or four of an admin
/// connection; with deadlines, also those of the final read.
const READS_PER_TURN: usize = 4;
const LAST_READS: usize = 16;

/// Most turns in a row without progress; more means that the loop spins.
const IDLE_TURNS_MAX: usize = 16;

/// How many connections over the limit may be open for a moment, during eviction.
const EVICTED_AT_ONCE: usize = 16;

/// State kept from turn to turn.
#[derive(Debug)]
pub(super) struct Checks {
    connections_max: usize,
    /// The cause of each close.
    pub(super) causes: HashMap<usize, String>,
    idle_turns: usize,
}

impl Checks {
    pub(super) fn new(connections_max: usize) -> Self {
        Self { connections_max, causes: HashMap::new(), idle_turns: 0 }
    }

    /// Checks a turn. `state_before` is the listener state before it.
    pub(super) fn after_turn(
        &mut self,
        reactor: &Reactor<Simulated>,
        options: &Options,
        state_before: &str,
        environment: &mut Environment,
    ) {
        let open = reactor.descriptors() + reactor.children();
        let counters = reactor.counters();
        let peers = open - reactor.admin_connections();
        if counters.accepted != counters.closed_total() + u64::try_from(peers).unwrap() {
            let (accepted, closed) = (counters.accepted, counters.closed_total());
            environment
                .violated(|| format!("accepted {accepted} is not open {peers} + closed {closed}"));
        }
        if environment.accepted != counters.accepted {
            environment.violated(|| format!("accepted {} is wrong", counters.accepted));
        }
        if environment.streams != reactor.descriptors() {
            let streams = environment.streams;
            environment.violated(|| format!("{streams} streams, not {}", reactor.descriptors()));
        }
        let evicts = options.over_limit == OverLimit::Evict;
        if peers > self.connections_max + if evicts { EVICTED_AT_ONCE } else { 0 } {
            environment.violated(|| format!("{peers} connections are open"));
        }
        self.budgets(options, environment);
        if environment.turn.slept_on_queue && state_before == "open" && !options.exec {
            environment.violated(|| "a listener forgets its queue: no event is due".to_owned());
        }
        if !environment.turn.stopped {
            deadlines(&options.timeouts, environment);
        }
        for (name, cause) in ledger::closed() {
            self.closed(&name, &cause, options, environment);
        }
    }

    /// Checks for bounded work in a turn, bounded memory, and no spinning.
    fn budgets(&mut self, options: &Options, environment: &mut Environment) {
        let accepts = environment.turn.accepts;
        if accepts > if environment.drains() { LAST_ACCEPTS } else { ACCEPTS_PER_TURN } {
            environment.violated(|| format!("{accepts} accepts in one turn"));
        }
        // A drain discards input, so it holds none.
        let drains = environment.drains();
        let deadlines =
            drains || options.proxy_header.is_some() || options.timeouts != Timeouts::default();
        let reads_max = READS_PER_TURN + if deadlines { LAST_READS } else { 0 };
        for number in 0..environment.wires.len() {
            let wire = &mut environment.wires[number];
            let reads = std::mem::take(&mut wire.reads);
            let answered = wire.talk.answers != Answers::Nothing;
            let held = if answered { wire.read.saturating_sub(wire.written) } else { 0 };
            if reads > reads_max {
                environment.violated(|| format!("{reads} reads of peer {number} in one turn"));
            } else if held > READ_BYTES_MAX + options.line_bytes_max + wire.talk.header && !drains {
                environment.violated(|| format!("{held} bytes of peer {number} are held"));
            }
        }
        self.idle_turns = if environment.turn.moved { 0 } else { self.idle_turns + 1 };
        if self.idle_turns > IDLE_TURNS_MAX {
            environment.violated(|| format!("{IDLE_TURNS_MAX} turns without progress"));
        }
    }

    /// Checks replies that a close destroyed in transit: only a peer that ignored the daemon's FIN
    /// for the whole linger time, or one cut from `cut_from` on, may lose bytes.
    pub(super) fn after_the_end(
        &self,
        environment: &Environment,
        cut_from: MonotonicMs,
    ) -> Result<(), String> {
        let mut ended = self.causes.iter().filter(|(_, cause)| *cause == "drained");
        let lost = ended.find(|(number, _)| {
            let wire = &environment.wires[**number];
            let patient =
                wire.half_closed.is_some() && wire.closed_at.since(wire.half_closed_at) >= LINGER;
            wire.destroyed > 0 && !wire.faulted && !patient && wire.closed_at < cut_from
        });
        lost.map_or(Ok(()), |(number, _)| {
            let bytes = environment.wires[*number].destroyed;
            Err(format!("the drain destroyed {bytes} undelivered bytes of peer {number}"))
        })
    }

    fn closed(
        &mut self,
        name: &str,
        cause: &str,
        options: &Options,
        environment: &mut Environment,
    ) {
        let Some(number) = environment.names.get(name).copied() else {
            environment.violated(|| format!("a closing line for {name}, an unknown peer"));
            return;
        };
        if let Some(before) = self.causes.insert(number, cause.to_owned()) {
            environment.violated(|| format!("peer {number} was closed twice: {before}, {cause}"));
        }
        if let Some(wrong) = judge(environment, number, cause, options) {
            environment.violated(|| format!("peer {number} was closed as {cause}: {wrong}"));
        }
    }
}

/// Checks that no connection stays open beyond a deadline.
fn deadlines(timeouts: &Timeouts, environment: &mut Environment) {
    // A drain may linger without FIN where it cuts.
    let more = if environment.drains() { LINGER } else { Duration::ZERO };
    // The time of a stop, and of the wait before it, does not count.
    let more = more
        + if environment.stopped.is_zero() {
            environment.stopped
        } else {
            environment.stopped * 2 + LINGER
        };
    let over = |limit: Option<Duration>, since| {
        limit.is_some_and(|limit| environment.now.since(since) >= limit + more)
    };
    let late = |(_, (peer, wire)): &(usize, (&Peer, &Wire))| {
        let waits = wire.half_closed.is_none();
        peer.listener.is_some()
            && wire.key.is_some()
            && (over(timeouts.idle.filter(|_| waits), wire.moved_at)
                || over(timeouts.stall.filter(|_| waits && wire.blocked), wire.pending_since)
                || over(Some(LINGER).filter(|_| !waits), wire.half_closed_at))
    };
    let late = environment.peers.iter().zip(&environment.wires).enumerate().find(late);
    if let Some(number) = late.map(|(number, _)| number) {
        environment.violated(|| format!("peer {number} is still open after its deadline"));
    }
}

/// Returns the reason why the cause of a close is wrong, if it is.
fn judge(
    environment: &Environment,
    number: usize,
    cause: &str,
    options: &Options,
) -> Option<String> {
    let wire = &environment.wires[number];
    // A half-closed peer takes the daemon's FIN for a complete reply. Exceptions: a drain, which
    // cannot know the input in transit; a refused connection; and a Unix socket, which cannot send
    // RST.
    let fin = wire.fin && !wire.reset_sent && !wire.dead && wire.read > 0 && !wire.unix;
    if fin
        && !["drained", "refused"].contains(&cause)
        && let Some(missing) = incomplete(wire, wire.sent, options)
    {
        return Some(format!("FIN was sent, but {missing}"));
    }
    if let Some(missed) = missed(wire, cause, environment) {
        return Some(missed);
    }
    let Timeouts { idle, line, stall } = options.timeouts;
    // The daemon does not notice a stop shorter than its longest wait, a quarter of a timeout.
    let stopped = !environment.stopped.is_zero();
    let since = |moment| environment.now.since(moment);
    let passed = |moment, limit: Duration| {
        let early = if stopped { limit / 4 + Duration::from_millis(60) } else { Duration::ZERO };
        since(moment) + early >= limit
    };
    let without_reason = |may_be: bool| (!may_be).then(|| "without a reason".to_owned());
    match cause {
        "finished" if wire.error.is_some() && wire.error_told => {
            Some("the socket had a pending error".to_owned())
        }
        "finished" => incomplete(wire, wire.sent, options),
        "drained" if !environment.drains() => Some("no drain was requested".to_owned()),
        "drained" => unquiet(environment, wire, options)
            .or_else(|| incomplete(wire, wire.half_closed.unwrap_or(wire.sent), options)),
        "reset" | "broken-pipe" | "timed-out" | "unreachable" | "aborted" | "error" => {
            without_reason(wire.faulted)
        }
        "idle" => without_reason(idle.is_some_and(|limit| passed(wire.read_at, limit))),
        "line-timeout" => {
            let header = options.proxy_header.map(|_| proxy::HEADER_TIMEOUT);
            let soonest = line.into_iter().chain(header).min();
            without_reason(soonest.is_some_and(|limit| passed(wire.accepted_at, limit)))
        }
        // A banner is pending for some turns before the first attempt to write it.
        "stalled" => {
            let slack = Duration::from_millis(50);
            without_reason(
                stall.is_some_and(|limit| passed(wire.pending_since, limit.saturating_sub(slack))),
            )
        }
        "evicted" => without_reason(options.over_limit == OverLimit::Evict),
        "refused" => without_reason(
            options.per_peer_max.is_some() || options.over_limit == OverLimit::Refuse,
        ),
        "protocol" => without_reason(
            options.proxy_header == Some(HeaderPolicy::Required)
                && wire.fin
                && wire.read < wire.talk.header,
        ),
        "cut" => cut_without_reason(environment, wire, options),
        "exec" => without_reason(options.exec),
        other => Some(format!("{other} is not a cause")),
    }
}

/// Returns the bytes or the space that a final read or write would have found before that deadline:
/// nothing happens between it and the close.
fn missed(wire: &Wire, cause: &str, environment: &Environment) -> Option<String> {
    let patient = !(cause == "cut" && environment.second_signal);
    if wire.blocked && wire.room() > 0 && DEADLINES.contains(&cause) && patient {
        return Some(format!("its send queue had space for {} bytes", wire.room()));
    }
    // While output is pending, the daemon does not read. And where it only peeks for a header, an
    // urgent byte hides the bytes behind it.
    if wire.blocked || wire.faulted || wire.peeked > wire.read {
        return None;
    }
    let unread = &wire.talk.input[wire.read.min(wire.talk.input.len())..wire.sent];
    let end_unread = wire.fin && !wire.fin_read;
    let missed = match cause {
        "idle" => !unread.is_empty() || end_unread,
        "line-timeout" => unread.contains(&b'\n') || end_unread,
        _ => false,
    };
    missed.then(|| format!("{} bytes were unread, FIN unread: {end_unread}", unread.len()))
}

/// The causes brought by a deadline of the daemon.
const DEADLINES: [&str; 4] = ["idle", "line-timeout", "stalled", "cut"];

/// In the grace of a drain, only a connection that was quiet for a quarter of the grace gets FIN;
/// or one whose line came in that very turn.
fn unquiet(environment: &Environment, wire: &Wire, options: &Options) -> Option<String> {
    let grace = options.drain_grace.min(options.drain / 2);
    let graceful = environment.drain_began?.after(grace) > wire.half_closed_at;
    let quiet = wire.quiet_before_fin;
    // The daemon does not notice a stop shorter than its longest wait, a quarter of a step.
    let stopped = !environment.stopped.is_zero();
    let unnoticed = if stopped { grace / 16 + Duration::from_millis(60) } else { Duration::ZERO };
    let slack = Duration::from_millis(5) + unnoticed;
    (wire.half_closed.is_some() && graceful && slack < quiet && quiet + slack < grace / 4)
        .then(|| format!("in the grace, after {quiet:?} without a byte"))
}

/// A connection may be cut at the end of the drain or at the second signal, but never after FIN;
/// and from three quarters of the drain time on, if the peer had sent more than was read.
fn cut_without_reason(environment: &Environment, wire: &Wire, options: &Options) -> Option<String> {
    if wire.half_closed.is_some() {
        return Some("after the daemon's FIN".to_owned());
    }
    let drained_for =
        environment.drain_began.map_or(Duration::ZERO, |began| environment.now.since(began));
    if environment.second_signal || drained_for >= options.drain {
        return None;
    }
    let echoed = wire.talk.answers == Answers::Same && wire.written >= wire.talk.due(wire.read);
    let everything = wire.fin_read && echoed;
    match () {
        // The clock counts whole milliseconds.
        () if drained_for + Duration::from_millis(1) < options.drain / 4 * 3 => {
            Some("too early".to_owned())
        }
        () if everything && !wire.raw => Some("although it had the whole reply".to_owned()),
        () => None,
    }
}

/// Returns the missing part of the reply to the first `read` bytes; an orderly close leaves none.
fn incomplete(wire: &Wire, read: usize, options: &Options) -> Option<String> {
    if wire.read < read {
        return Some(format!("{} of {read} bytes were read", wire.read));
    }
    if wire.talk.answers == Answers::Sums && !wire.talk.is_whole(read) {
        return None;
    }
    if wire.raw {
        return None;
    }
    // Before its PROXY header is complete, a peer gets no banner and no reply; the same holds for a
    // peer that sends nothing to a daemon that waits for headers.
    if read < wire.talk.header || (read == 0 && options.proxy_header.is_some()) {
        return None;
    }
    let due = wire.talk.due(read);
    if wire.written < due {
        return Some(format!("{} bytes of {due} were written", wire.written));
    }
    let late_input = wire.half_closed.is_some_and(|read| wire.sent > read);
    if wire.destroyed > 0 && !late_input && !wire.faulted {
        return Some(format!("the close destroyed {} bytes", wire.destroyed));
    }
    None
}
