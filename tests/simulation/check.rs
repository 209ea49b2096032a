//! What must be so after each turn, and of each connection that has ended.

use std::collections::HashMap;
use std::time::Duration;

use tcpecho::clock::MonotonicMs;
use tcpecho::connection::{LINGER, Timeouts};
use tcpecho::line::READ_BYTES_MAX;
use tcpecho::net::proxy::{self, HeaderPolicy};
use tcpecho::reactor::{Options, OverLimit, Reactor};

use super::kernel::Simulated;
use super::ledger;
use super::peer::Peer;
use super::talk::Answers;
use super::wire::Wire;
use super::world::World;

/// How many connections are taken from queues in one turn, at most; while draining, as many as a
/// queue holds.
const ACCEPTS_PER_TURN: usize = 64;
const LAST_ACCEPTS: usize = 4096;

/// How many reads one connection has in one turn, at most: its own and that of a stream, or a
/// visitor's four; and where there are deadlines, those of a last look.
const READS_PER_TURN: usize = 4;
const LAST_READS: usize = 16;

/// How many turns in a row may come without anything that happens, or the loop spins.
const IDLE_TURNS_MAX: usize = 16;

/// How many more connections than the limit may be open for a moment, while some are evicted.
const EVICTED_AT_ONCE: usize = 16;

/// What is remembered from turn to turn.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// Why each connection has ended.
    pub(super) causes: HashMap<usize, String>,
    idle_turns: usize,
}

impl Checks {
    /// Judges a turn. The gate's word is the one from before it.
    pub(super) fn after_turn(
        &mut self,
        reactor: &Reactor<Simulated>,
        options: &Options,
        gate_word: &str,
        world: &mut World,
    ) {
        let open = reactor.descriptors() + reactor.children();
        let counters = reactor.counters();
        let peers = open - reactor.admin_connections();
        if counters.accepted != counters.closed_total() + u64::try_from(peers).unwrap() {
            let (accepted, closed) = (counters.accepted, counters.closed_total());
            world.violated(|| format!("accepted {accepted} is not open {peers} + closed {closed}"));
        }
        if world.accepted != counters.accepted {
            world.violated(|| format!("accepted {} is not counted", counters.accepted));
        }
        if world.streams != reactor.descriptors() {
            let streams = world.streams;
            world.violated(|| format!("{streams} streams for {}", reactor.descriptors()));
        }
        let evicts = options.over_limit == OverLimit::Evict;
        if peers > options.connections_max + if evicts { EVICTED_AT_ONCE } else { 0 } {
            world.violated(|| format!("{peers} connections are open"));
        }
        self.budgets(options, world);
        if world.asked.slept_on_queue && gate_word == "open" && !options.exec {
            world.violated(|| "somebody waits before an open gate, and no event comes".to_owned());
        }
        if !world.asked.stopped {
            deadlines(&options.timeouts, world);
        }
        for (name, cause) in ledger::closed() {
            self.closed(&name, &cause, options, world);
        }
    }

    /// Bounded work in a turn, bounded memory, and no turn for nothing, for long.
    fn budgets(&mut self, options: &Options, world: &mut World) {
        let accepts = world.asked.accepts;
        if accepts > if world.drains() { LAST_ACCEPTS } else { ACCEPTS_PER_TURN } {
            world.violated(|| format!("{accepts} accepts in one turn"));
        }
        // What a drain throws away is not held.
        let drains = world.drains();
        let deadlines =
            drains || options.proxy_header.is_some() || options.timeouts != Timeouts::default();
        let reads_max = READS_PER_TURN + if deadlines { LAST_READS } else { 0 };
        for number in 0..world.wires.len() {
            let wire = &mut world.wires[number];
            let reads = std::mem::take(&mut wire.reads);
            let held = wire.read.saturating_sub(wire.written);
            if reads > reads_max {
                world.violated(|| format!("{reads} reads of peer {number} in one turn"));
            } else if held > READ_BYTES_MAX + options.line_bytes_max + wire.talk.header && !drains {
                world.violated(|| format!("{held} bytes of peer {number} are held"));
            }
        }
        self.idle_turns = if world.asked.moved { 0 } else { self.idle_turns + 1 };
        if self.idle_turns > IDLE_TURNS_MAX {
            world.violated(|| format!("{IDLE_TURNS_MAX} turns in which nothing happened"));
        }
    }

    /// Judges what closing has done to replies that were on their way: only a peer that does not
    /// heed our FIN for so long may lose some, or one that is cut from then on.
    pub(super) fn after_the_end(&self, world: &World, cut_from: MonotonicMs) -> Result<(), String> {
        let mut ended = self.causes.iter().filter(|(_, cause)| *cause == "drained");
        let lost = ended.find(|(number, _)| {
            let wire = &world.wires[**number];
            let patient =
                wire.half_closed.is_some() && wire.closed_at.since(wire.half_closed_at) >= LINGER;
            wire.destroyed > 0 && !wire.faulted && !patient && wire.closed_at < cut_from
        });
        lost.map_or(Ok(()), |(number, _)| {
            let bytes = world.wires[*number].destroyed;
            Err(format!("the drain has destroyed {bytes} bytes on their way to peer {number}"))
        })
    }

    fn closed(&mut self, name: &str, cause: &str, options: &Options, world: &mut World) {
        let Some(number) = world.names.get(name).copied() else {
            world.violated(|| format!("a closing line for {name}, who is not known"));
            return;
        };
        if let Some(before) = self.causes.insert(number, cause.to_owned()) {
            world.violated(|| format!("peer {number} has ended twice: {before}, {cause}"));
        }
        if let Some(wrong) = judge(world, number, cause, options) {
            world.violated(|| format!("peer {number} has ended as {cause}: {wrong}"));
        }
    }
}

/// Nobody is left open beyond a deadline.
fn deadlines(timeouts: &Timeouts, world: &mut World) {
    // A drain may linger without FIN where it cuts.
    let more = if world.drains() { LINGER } else { Duration::ZERO };
    // A stop is nobody's time, nor is the wait before it.
    let more =
        more + if world.stopped.is_zero() { world.stopped } else { world.stopped * 2 + LINGER };
    let over = |limit: Option<Duration>, since| {
        limit.is_some_and(|limit| world.now.since(since) >= limit + more)
    };
    let late = |(_, (peer, wire)): &(usize, (&Peer, &Wire))| {
        let waits = wire.half_closed.is_none();
        peer.listener.is_some()
            && wire.key.is_some()
            && (over(timeouts.idle.filter(|_| waits), wire.moved_at)
                || over(timeouts.stall.filter(|_| waits && wire.blocked), wire.owed_at)
                || over(Some(LINGER).filter(|_| !waits), wire.half_closed_at))
    };
    let late = world.peers.iter().zip(&world.wires).enumerate().find(late);
    if let Some(number) = late.map(|(number, _)| number) {
        world.violated(|| format!("peer {number} is still there after its deadline"));
    }
}

/// What is wrong with that cause of a connection's end, if anything is.
fn judge(world: &World, number: usize, cause: &str, options: &Options) -> Option<String> {
    let wire = &world.wires[number];
    // Who has half-closed takes our FIN for the end of everything; but for a drain, which cannot
    // know of what was on its way, and for who was never let in.
    // On a Unix socket there is no RST to tell with.
    let fin = wire.fin && !wire.reset_sent && !wire.dead && wire.read > 0 && !wire.unix;
    if fin
        && !["drained", "refused"].contains(&cause)
        && let Some(missing) = incomplete(wire, wire.sent, options)
    {
        return Some(format!("with FIN, as if all were well, and {missing}"));
    }
    if let Some(missed) = missed(wire, cause, world) {
        return Some(missed);
    }
    let Timeouts { idle, line, stall } = options.timeouts;
    // A stop that is shorter than the longest wait, a quarter of a timeout, is not noticed.
    let stopped = !world.stopped.is_zero();
    let since = |moment| world.now.since(moment);
    let passed = |moment, limit: Duration| {
        let early = if stopped { limit / 4 + Duration::from_millis(60) } else { Duration::ZERO };
        since(moment) + early >= limit
    };
    let without_reason = |may_be: bool| (!may_be).then(|| "without a reason".to_owned());
    match cause {
        "finished" if wire.error.is_some() && wire.error_told => {
            Some("the socket had an error to tell".to_owned())
        }
        "finished" => incomplete(wire, wire.sent, options),
        "drained" if !world.drains() => Some("nobody has asked for a drain".to_owned()),
        "drained" => incomplete(wire, wire.half_closed.unwrap_or(wire.sent), options),
        "reset" | "broken-pipe" | "timed-out" | "unreachable" | "aborted" | "error" => {
            without_reason(wire.faulted)
        }
        "idle" => without_reason(idle.is_some_and(|limit| passed(wire.read_at, limit))),
        "line-timeout" => {
            let header = options.proxy_header.map(|_| proxy::HEADER_TIMEOUT);
            let soonest = line.into_iter().chain(header).min();
            without_reason(soonest.is_some_and(|limit| passed(wire.accepted_at, limit)))
        }
        // A greeting is owed some turns before it is first tried.
        "stalled" => {
            let slack = Duration::from_millis(50);
            without_reason(
                stall.is_some_and(|limit| passed(wire.owed_at, limit.saturating_sub(slack))),
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
        "cut" => cut_without_reason(world, wire, options),
        "exec" => without_reason(options.exec),
        other => Some(format!("{other} is no cause")),
    }
}

/// What a last look at the socket would have found before that deadline: nothing happens between
/// the look and the end.
fn missed(wire: &Wire, cause: &str, world: &World) -> Option<String> {
    let patient = !(cause == "cut" && world.impatient);
    if wire.blocked && wire.room() > 0 && DEADLINES.contains(&cause) && patient {
        return Some(format!("its socket had room for {} bytes", wire.room()));
    }
    // While output waits for room, input is not read.
    // And where a header is only peeked at, an urgent byte hides what is behind it.
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
    missed.then(|| format!("{} bytes were unread, FIN {end_unread}", unread.len()))
}

/// The causes of an end that a deadline of the daemon's brings.
const DEADLINES: [&str; 4] = ["idle", "line-timeout", "stalled", "cut"];

/// Who may be cut, and never after FIN: anybody at the drain's end or the second signal, and
/// before that only who has sent more than was read when three quarters of the time were over.
fn cut_without_reason(world: &World, wire: &Wire, options: &Options) -> Option<String> {
    if wire.half_closed.is_some() {
        return Some("after our FIN".to_owned());
    }
    let drained_for = world.drain_began.map_or(Duration::ZERO, |began| world.now.since(began));
    if world.impatient || drained_for >= options.drain {
        return None;
    }
    let echoed = wire.talk.answers == Answers::Same && wire.written >= wire.talk.due(wire.read);
    let everything = wire.fin_read && echoed;
    match () {
        // The clock counts in whole milliseconds.
        () if drained_for + Duration::from_millis(1) < options.drain / 4 * 3 => {
            Some("too early".to_owned())
        }
        () if everything && !wire.raw => Some("and has everything".to_owned()),
        () => None,
    }
}

/// What is missing of the reply to the first `read` bytes, of which an orderly end may leave
/// nothing out.
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
    // Who is not introduced is neither greeted nor answered, nor is who says nothing to a daemon
    // that waits for headers.
    if read < wire.talk.header || (read == 0 && options.proxy_header.is_some()) {
        return None;
    }
    let due = wire.talk.due(read);
    if wire.written < due {
        return Some(format!("{} bytes of {due} were written", wire.written));
    }
    let late_input = wire.half_closed.is_some_and(|read| wire.sent > read);
    if wire.destroyed > 0 && !late_input && !wire.faulted {
        return Some(format!("the close has destroyed {} bytes", wire.destroyed));
    }
    None
}
