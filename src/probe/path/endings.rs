//! Questions about the end of a connection: half-close, FIN and RST.

use std::thread;
use std::time::{Duration, Instant};

use super::link::{Moved, Seen};
use super::{Asked, Found, Needs, PathQuestion};

pub(super) static QUESTIONS: &[PathQuestion] = &[
    PathQuestion {
        name: "half-close-ours",
        expected: "after our FIN, the rest of the echo comes, and then the server's FIN",
        needs: Needs::Echo,
        ask: half_close_ours,
    },
    PathQuestion {
        name: "half-close-theirs",
        expected: "after the server's FIN, our lines still reach it",
        needs: Needs::Ours,
        ask: half_close_theirs,
    },
    PathQuestion {
        name: "data-after-half-close",
        expected: "a line that the server sends a second after our FIN arrives",
        needs: Needs::Ours,
        ask: data_after_half_close,
    },
    PathQuestion {
        name: "reset-ours",
        expected: "our RST arrives as RST",
        needs: Needs::Ours,
        ask: reset_ours,
    },
    PathQuestion {
        name: "reset-theirs",
        expected: "the server's RST arrives as RST",
        needs: Needs::Ours,
        ask: reset_theirs,
    },
    PathQuestion {
        name: "fin-at-once",
        expected: "our FIN arrives at once, and the server's comes back at once",
        needs: Needs::Echo,
        ask: fin_at_once,
    },
];

/// A FIN that is passed on at once is back within this time, beside the round trip.
const AT_ONCE: Duration = Duration::from_millis(500);

/// The time in which a middle ends both directions after it has passed FIN on.
const SETTLED: Duration = Duration::from_millis(200);

fn half_close_ours(asked: &Asked) -> Moved<Found> {
    let mut link = asked.connect()?;
    link.send(b"one\ntwo")?;
    link.half_close();
    link.expect(b"one\ntwo")?;
    let took = link.expect_end()?;
    Ok(Found::Yes(format!("the echo came, and FIN {} after it", ms(took))))
}

fn half_close_theirs(asked: &Asked) -> Moved<Found> {
    let name = new_name();
    let mut link = asked.connect()?;
    link.ask(&format!("probe name {name}"))?;
    link.send(b"probe close\n")?;
    link.expect_end()?;
    // A middle that ends the other direction with this one does so now.
    thread::park_timeout(SETTLED);
    let before = fate(asked, &name, |fate| fate.word == "open")?.bytes;
    let sent = b"three lines\nafter\nthe FIN\n";
    link.send(sent)?;
    // A middle that does not know half-close answers with RST.
    let arrived = |fate: &Fate| fate.word != "open" || fate.bytes >= before + sent.len();
    let fate = fate(asked, &name, arrived)?;
    if fate.bytes < before + sent.len() {
        return Err(Seen(format!("the server's end is {}, without our lines", fate.word)));
    }
    Ok(Found::Yes(format!("{} bytes arrived after the server's FIN", sent.len())))
}

fn data_after_half_close(asked: &Asked) -> Moved<Found> {
    let mut link = asked.connect()?;
    link.send(b"probe later 1000 late\n")?;
    link.half_close();
    let since = Instant::now();
    link.expect(b"late\n")?;
    let waited = since.elapsed();
    link.expect_end()?;
    Ok(Found::Yes(format!("the line came {} after our FIN, then FIN", ms(waited))))
}

fn reset_ours(asked: &Asked) -> Moved<Found> {
    let name = new_name();
    let mut link = asked.connect()?;
    link.ask(&format!("probe name {name}"))?;
    link.reset();
    let fate = fate(asked, &name, |fate| fate.word != "open")?;
    match fate.word.as_str() {
        "reset" | "broken-pipe" => Ok(Found::Yes("RST arrived".to_owned())),
        "open" => Err(Seen(format!("nothing arrived within {:?}", asked.timeout))),
        "finished" => Err(Seen("FIN arrived in place of RST".to_owned())),
        word => Err(Seen(format!("the server's end is {word}"))),
    }
}

fn reset_theirs(asked: &Asked) -> Moved<Found> {
    let mut link = asked.connect()?;
    link.ask("a line first")?;
    link.send(b"probe reset\n")?;
    link.expect_reset()?;
    Ok(Found::Yes("RST came".to_owned()))
}

fn fin_at_once(asked: &Asked) -> Moved<Found> {
    let mut link = asked.connect()?;
    let since = Instant::now();
    link.ask("a line first")?;
    let round_trip = since.elapsed();
    link.half_close();
    let took = link.expect_end()?;
    if took > round_trip * 4 + AT_ONCE {
        return Err(Seen(format!("FIN came back only after {}", ms(took))));
    }
    Ok(Found::Yes(format!("FIN was back after {}", ms(took))))
}

/// The fate of a named connection, as the server tells it.
struct Fate {
    /// `open`, or the cause of its end.
    word: String,
    /// The bytes that the server has read.
    bytes: usize,
}

/// Asks for the fate of a connection until it is as wanted, or the time is over; returns the last.
fn fate(asked: &Asked, name: &str, wanted: impl Fn(&Fate) -> bool) -> Moved<Fate> {
    let deadline = Instant::now() + asked.timeout;
    let mut link = asked.connect()?;
    loop {
        let answer = link.ask(&format!("probe fate {name}"))?;
        let mut words = answer.split(' ').skip(3);
        let word = words.next().unwrap_or_default().to_owned();
        let bytes = words.find_map(|pair| pair.strip_prefix("bytes_in=")?.parse().ok());
        let fate = Fate { word, bytes: bytes.unwrap_or(0) };
        if wanted(&fate) || Instant::now() >= deadline {
            return Ok(fate);
        }
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// A name that no other probe uses.
fn new_name() -> String {
    format!("probe-{:016x}", fastrand::u64(..))
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
