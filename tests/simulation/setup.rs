//! Derives the simulation and the daemon's options from a seed.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use fastrand::Rng;
use tcpecho::clock::MonotonicMs;
use tcpecho::connection::{Peer as Name, Timeouts};
use tcpecho::net::access::Access;
use tcpecho::net::proxy::{self, HeaderPolicy, Version};
use tcpecho::reactor::Banner;
use tcpecho::reactor::{ListenerOptions, Options, OverLimit, PeerLimit};
use tcpecho::service::{DISCARD, ECHO, RAW, SUM};

use super::environment::{Environment, TurnRecord, Verbosity};
use super::fault_profile::FaultProfile;
use super::peer::{Ending, Mood, Peer, Reads};
use super::queue::Queue;
use super::traffic::Talk;
use super::wire::{Sizes, Wire};

/// Number of peer addresses: few, so that the limits per peer matter.
const HOSTS: u16 = 3;

/// Draws the daemon's options, most of which are off in most seeds, and its limit of connections.
pub(super) fn options(rng: &mut Rng) -> (Options, usize) {
    let mut sometimes = |one_in: u32| rng.u32(0..one_in) == 0;
    let [sums, greets, limits, times] = [sometimes(6), sometimes(4), sometimes(5), sometimes(4)];
    let [exec, proxied, few] = [sometimes(16), sometimes(6), sometimes(3)];
    let seconds = |rng: &mut Rng| rng.bool().then(|| Duration::from_millis(rng.u64(50..4000)));
    let timeouts = if times {
        Timeouts { idle: seconds(rng), line: seconds(rng), stall: seconds(rng) }
    } else {
        Timeouts::default()
    };
    let over_limit = [OverLimit::Wait, OverLimit::Refuse, OverLimit::Evict];
    let demand = if rng.bool() { HeaderPolicy::Required } else { HeaderPolicy::Optional };
    let service = if sums { SUM } else { ECHO };
    let banner = (greets && !exec).then(|| Banner::parse("welcome, {peer}").unwrap());
    let line_bytes_max = if sums { 256 } else { [16, 300, 4096, 65_536][rng.usize(0..4)] };
    let connections_max = if few { rng.usize(1..8) } else { 100 };
    let listeners = (0..rng.usize(1..4)).map(|_| ListenerOptions {
        address: String::new(),
        service: if sums { SUM } else { [ECHO, ECHO, RAW, DISCARD][rng.usize(0..4)] },
        proxy_header: proxied.then_some(demand),
    });
    let options = Options {
        service,
        listeners: listeners.collect(),
        banner,
        exec,
        line_bytes_max,
        // Only a child knows whether its connection is idle.
        over_limit: over_limit[rng.usize(0..if exec { 2 } else { 3 })],
        access: Access::default(),
        metrics_access: Access::default(),
        proxy_header: proxied.then_some(demand),
        per_peer_max: limits.then(|| PeerLimit::of(rng.usize(1..5))),
        timeouts,
        drain: Duration::from_millis(rng.u64(200..8000)),
        drain_grace: Duration::from_millis(rng.u64(0..2000)),
    };
    (options, connections_max)
}

/// Draws the simulation around those options.
pub(super) fn environment(mut rng: Rng, options: &Options, verbosity: Verbosity) -> Environment {
    let fault_profile = FaultProfile::roll(&mut rng);
    let mut environment = Environment {
        fault_profile,
        mood: Mood::Own,
        now: MonotonicMs(rng.u64(0..1 << 40)),
        wires: Vec::new(),
        peers: Vec::new(),
        names: HashMap::new(),
        addresses: Vec::new(),
        listeners: options.listeners.iter().map(|_| Queue::default()).collect(),
        listeners_closed: false,
        drain_began: None,
        second_signal: false,
        stopped: Duration::ZERO,
        admin: Queue::default(),
        children: Vec::new(),
        children_ended: VecDeque::new(),
        signals: Vec::new(),
        streams: 0,
        accepted: 0,
        faults: 0,
        peer_steps_max: [0, 2, 8, 40][rng.usize(0..4)],
        turn: TurnRecord::default(),
        violation: None,
        verbosity,
        rng: Rng::with_seed(rng.u64(..)),
    };
    let peers = [1, 2, 5, 12, 30, 200][weighted(&mut rng, &[8, 8, 8, 8, 8, 1])];
    for number in 0..peers {
        add_peer(&mut environment, &mut rng, options, number);
    }
    for number in peers..peers + rng.u16(0..6).saturating_sub(3) {
        add_admin_peer(&mut environment, &mut rng, number);
    }
    environment
}

fn add_peer(environment: &mut Environment, rng: &mut Rng, options: &Options, number: u16) {
    let address = address(10, number);
    let unix = rng.u32(0..8) == 0;
    let name = if unix { Name::unix(u32::from(number) + 1) } else { Name::from(address) };
    let listener = rng.usize(0..options.listeners.len());
    let service = options.listeners[listener].service.name;
    let mut talk = if service == SUM.name {
        let lines = rng.usize(0..40);
        Talk::of_sums(rng, lines)
    } else {
        let bytes = [0, 1, 20, 300, 2000, 20_000, 150_000, 400_000];
        let bytes = bytes[weighted(rng, &[2, 2, 8, 12, 12, 6, 2, 1])];
        let bytes = rng.usize(bytes / 2..=bytes);
        Talk::of_bytes(rng, bytes)
    };
    if service == DISCARD.name {
        talk = talk.discarded();
    }
    let mut known = name;
    if let Some(demand) = options.proxy_header
        && (demand == HeaderPolicy::Required || rng.bool())
    {
        let version = if rng.bool() { Version::V1 } else { Version::V2 };
        let client = self::address(192, number);
        let named = rng.u32(0..4) > 0;
        talk = talk.introduced(proxy::header(version, named.then_some((client, address))), demand);
        known = if named { Name::from(client) } else { name };
    }
    if let Some(banner) = &options.banner {
        talk = talk.greeted(banner.line(&known).as_bytes());
    }
    environment.names.insert(name.to_string(), usize::from(number));
    environment.names.insert(known.to_string(), usize::from(number));
    add(environment, rng, talk, name, Some(listener));
    environment.wires[usize::from(number)].unix = unix;
}

fn add_admin_peer(environment: &mut Environment, rng: &mut Rng, number: u16) {
    add(environment, rng, Talk::of_a_visit(), Name::from(address(172, number)), None);
}

fn add(
    environment: &mut Environment,
    rng: &mut Rng,
    talk: Talk,
    name: Name,
    listener: Option<usize>,
) {
    let bytes = talk.input.len().max(talk.reply.len());
    let peer = manners(rng, talk.input.len(), listener);
    environment.wires.push(Wire::new(talk, sizes(rng, bytes)));
    environment.peers.push(peer);
    environment.addresses.push(name);
}

/// Draws buffers that are small for so many bytes, but large enough for progress.
fn sizes(rng: &mut Rng, bytes: usize) -> Sizes {
    let mut size = || {
        let size = [1, 16, 300, 4096, 70_000][rng.usize(0..5)];
        size.max(bytes / 50)
    };
    Sizes { receive: size(), send: size(), window: size() }
}

fn manners(rng: &mut Rng, bytes: usize, listener: Option<usize>) -> Peer {
    let at = rng.usize(0..=bytes);
    let ending =
        [Ending::HalfClose, Ending::Patient, Ending::Reset(at), Ending::Leave(at), Ending::Stay];
    let reads = [Reads::Always, Reads::Never, Reads::After(at)];
    Peer {
        listener,
        ending: ending[weighted(rng, &[4, 4, 2, 2, 2])],
        reads: reads[weighted(rng, &[6, 1, 2])],
        burst: [1, 30, 1500, 70_000][rng.usize(0..4)].max(bytes / 50),
        sip: [1, 30, 1500, 70_000][rng.usize(0..4)].max(bytes / 50),
        deaf: rng.u32(0..4) == 0,
        connected: false,
        accepted: false,
        refused: false,
        gone: false,
        lost: false,
    }
}

fn address(net: u8, number: u16) -> SocketAddr {
    let host = u8::try_from(number % HOSTS).unwrap() + 1;
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(net, 0, 0, host)), 1000 + number)
}

/// Draws an index, each as often as its weight says.
fn weighted(rng: &mut Rng, weights: &[u32]) -> usize {
    let mut left = rng.u32(0..weights.iter().sum());
    weights
        .iter()
        .position(|weight| {
            let here = left < *weight;
            left = left.saturating_sub(*weight);
            here
        })
        .unwrap_or_default()
}
