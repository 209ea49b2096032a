//! Questions about the connection itself: addresses, a closed port, many connections, options.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::client::FailureKind;
use crate::net::endpoint::Endpoint;
use crate::os::descriptors;
use crate::probe::errand::Errand;
use crate::probe::fleet::Fleet;
use crate::probe::room;
use crate::sys::Dialer;

use super::link::{Link, Moved, Seen, word};
use super::{Asked, Found, Needs, PathQuestion};

pub(super) static QUESTIONS: &[PathQuestion] = &[
    PathQuestion {
        name: "address",
        expected: "the server sees our own address",
        needs: Needs::Ours,
        ask: address,
    },
    PathQuestion {
        name: "closed-port",
        expected: "a port where nothing listens is refused (--port-closed)",
        needs: Needs::Echo,
        ask: closed_port,
    },
    PathQuestion {
        name: "many",
        expected: "10,000 connections are open at once, and each echoes",
        needs: Needs::Echo,
        ask: many,
    },
    PathQuestion {
        name: "keepalive",
        expected: "the server's host itself answers a keep-alive probe",
        needs: Needs::Ours,
        ask: keepalive,
    },
    PathQuestion {
        name: "fast-open",
        expected: "data with the SYN is accepted, once the server has given a cookie",
        needs: Needs::Echo,
        ask: fast_open,
    },
    PathQuestion {
        name: "mptcp",
        expected: "a connection of Multipath TCP stays one",
        needs: Needs::Ours,
        ask: mptcp,
    },
];

/// The connections of `many`.
const MANY: usize = 10_000;

/// Each is silent for so long, so that all are open at once.
const HELD: Duration = Duration::from_secs(3);

fn address(asked: &Asked) -> Moved<Found> {
    let mut link = asked.connect()?;
    let local = link.local()?;
    let hello = link.ask("probe hello")?;
    let peer = hello.split(' ').find_map(|pair| pair.strip_prefix("peer="));
    match peer {
        Some(peer) if peer == local.to_string() => Ok(Found::Yes(local.to_string())),
        peer => {
            Err(Seen(format!("we are {local}, and the server sees {}", peer.unwrap_or("nothing"))))
        }
    }
}

fn closed_port(asked: &Asked) -> Moved<Found> {
    let Some(port) = asked.closed_port else {
        return Ok(Found::Unknown("name such a port with --port-closed".to_owned()));
    };
    let since = Instant::now();
    match TcpStream::connect_timeout(&SocketAddr::new(asked.server.ip(), port), asked.timeout) {
        Err(error) if FailureKind::of(&error) == FailureKind::Refused => {
            Ok(Found::Yes(format!("refused after {:?}", since.elapsed())))
        }
        Err(error) => Err(Seen(word(&error))),
        Ok(stream) => {
            let mut link = Link::of(stream, asked.timeout)?;
            let end = link.expect_end().map_or_else(|Seen(why)| why, |_| "FIN followed".to_owned());
            Err(Seen(format!("accepted, so a middle answers for it; {end}")))
        }
    }
}

/// A probe carries no data (RFC 9293, section 3.8.4), so no program sees it.
#[expect(clippy::unnecessary_wraps, reason = "as every question")]
fn keepalive(_asked: &Asked) -> Moved<Found> {
    let reason = "no program sees these probes; capture them at the server: tcpdump";
    Ok(Found::Unknown(reason.to_owned()))
}

/// The first connection asks for a cookie, the second one uses it. A server that offers no cookie
/// looks like a path that removes it.
fn fast_open(asked: &Asked) -> Moved<Found> {
    let mut asked = asked.clone();
    asked.dialing.socket.fast_open = true;
    let mut accepted = false;
    for _ in 0..2 {
        let mut link = asked.connect()?;
        link.ask("data with the SYN")?;
        accepted = link.handshake().is_some_and(|it| it.is_fast_open());
    }
    if accepted {
        return Ok(Found::Yes("the server took data with the SYN".to_owned()));
    }
    let reason = "no cookie came; does the server offer it (net.ipv4.tcp_fastopen)?";
    Ok(Found::Unknown(reason.to_owned()))
}

fn mptcp(asked: &Asked) -> Moved<Found> {
    let mut asked = asked.clone();
    asked.dialing.socket.mptcp = true;
    let mut link = match asked.connect() {
        Err(Seen(why)) => return Ok(Found::Unknown(why)),
        Ok(link) => link,
    };
    if link.ask("probe hello")?.contains(" mptcp=1") {
        return Ok(Found::Yes("the server sees Multipath TCP".to_owned()));
    }
    let reason = "the server sees plain TCP; does its listener offer more?";
    Ok(Found::Unknown(reason.to_owned()))
}

fn many(asked: &Asked) -> Moved<Found> {
    // Without it, fewer are tried.
    descriptors::raise().ok();
    let count = MANY.min(room());
    let errand = Errand {
        greeting: asked.greets,
        silence: HELD,
        echoes: 1,
        reset: true,
        ..Errand::default()
    };
    let dialer =
        Dialer::new(asked.dialing.socket.clone()).map_err(|error| Seen(error.to_string()))?;
    let mut fleet =
        Fleet::new(dialer, Endpoint::from(asked.server), asked.timeout).dialing(&asked.dialing);
    let outcomes = fleet
        .run(&vec![errand; count], count, |_| Ok(std::ops::ControlFlow::Continue(())))
        .map_err(|error| Seen(error.to_string()))?;
    if fleet.interrupted {
        return Ok(Found::Unknown("interrupted".to_owned()));
    }
    let failed: Vec<_> = outcomes.iter().filter_map(|one| one.failure.as_ref()).collect();
    if let Some((error, _)) = failed.first() {
        let (kind, details) = (error.kind.word(), &error.details);
        return Err(Seen(format!("{} of {count} failed: {kind}: {details}", failed.len())));
    }
    if count < MANY {
        return Ok(Found::Unknown(format!("{count} echo; this process may open no more")));
    }
    Ok(Found::Yes(format!("{count} connections")))
}
