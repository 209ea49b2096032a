//! `path`: which uses of TCP pass on the way to the server, question by question.
//!
//! - `link`: a connection, and the moves on it
//! - `endings`: half-close, FIN and RST
//! - `data`: sizes, bytes, pipelining, the urgent byte, back-pressure
//! - `connects`: addresses, a closed port, many connections, options of the handshake

mod connects;
mod data;
mod endings;
mod link;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;

use self::link::{Link, Moved, Seen};
use super::config::{Dialing, PathConfig, Target};
use super::record::Output;
use super::{Verdict, server};

/// A question about the path.
pub struct PathQuestion {
    /// The name, for `--only`.
    pub name: &'static str,
    /// The answer of a path that changes nothing.
    pub expected: &'static str,
    /// The kind of server that it needs.
    needs: Needs,
    ask: fn(&Asked) -> Moved<Found>,
}

impl fmt::Debug for PathQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PathQuestion").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Any echo server.
    Echo,
    /// `tcpechod --service probe`.
    Ours,
}

/// A finding: the path is as expected, or it can't be told. Anything else is a [`Seen`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// As expected; the details.
    Yes(String),
    /// It can't be told, for this reason.
    Unknown(String),
}

/// The surroundings of a question.
#[derive(Clone, Debug)]
struct Asked {
    dialing: Dialing,
    server: SocketAddr,
    timeout: Duration,
    /// A port of the server's host where nothing listens.
    closed_port: Option<u16>,
    /// The server sends a line first.
    greets: bool,
}

/// The beginning of the answer to `probe hello`.
const OURS: &str = "probe tcpechod ";

impl Asked {
    /// Connects; the server's greeting is skipped when it comes.
    fn connect(&self) -> Moved<Link> {
        let link = Link::connect(&self.dialing, self.server, self.timeout)?;
        Ok(if self.greets { link.skip_greeting() } else { link })
    }

    /// Finds out whether the server greets, and whether it is ours; returns its own words then.
    fn hello(&mut self) -> Moved<Option<String>> {
        let mut link = self.connect()?;
        let mut answer = link.ask("probe hello")?;
        if answer != "probe hello" && !answer.starts_with(OURS) {
            self.greets = true;
            answer = link.line()?;
        }
        Ok(Some(answer).filter(|answer| answer.starts_with(OURS)))
    }
}

/// Every question, in the order in which they are asked.
static QUESTIONS: &[&[PathQuestion]] = &[endings::QUESTIONS, data::QUESTIONS, connects::QUESTIONS];

/// Returns all questions.
pub fn questions() -> impl Iterator<Item = &'static PathQuestion> {
    QUESTIONS.iter().copied().flatten()
}

/// The answers.
#[derive(Debug, Serialize)]
struct PathSummary {
    host: String,
    /// The other end answers requests for this program (`tcpechod --service probe`).
    ours: bool,
    /// The server's view of a connection: see the protocol of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    hello: Option<String>,
    /// What our own end has agreed on with the next end: a server, or a middle.
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake: Option<String>,
    questions: Vec<Answer>,
}

/// The answer to a question.
#[derive(Debug, Serialize)]
struct Answer {
    name: &'static str,
    /// `yes`, `no` or `unknown`.
    result: &'static str,
    expected: &'static str,
    seen: String,
}

/// Asks the questions one after the other.
pub(super) fn run(
    config: &PathConfig,
    dialing: &Dialing,
    target: &Target,
    output: &mut Output,
) -> anyhow::Result<Verdict> {
    let server = server(target, &dialing.socket, config.timeout)?;
    let Some(address) = server.tcp() else { bail!("{}: no path to a Unix socket", target.name) };
    let mut asked = Asked {
        dialing: dialing.clone(),
        server: address,
        timeout: config.timeout,
        closed_port: config.closed_port,
        greets: false,
    };
    let hello = match asked.hello() {
        Ok(hello) => hello,
        Err(Seen(why)) => bail!("{}: {why}", target.name),
    };
    let mut summary = PathSummary {
        host: target.name.clone(),
        ours: hello.is_some(),
        hello,
        handshake: asked.connect().ok().and_then(|link| link.handshake()).map(|it| it.to_string()),
        questions: Vec::new(),
    };
    let kind = if summary.ours { Needs::Ours } else { Needs::Echo };
    let wanted = |name| config.only.is_empty() || config.only.iter().any(|only| only == name);
    for question in questions().filter(|question| wanted(question.name)) {
        let answer = question.answer(&asked, kind);
        let mut record = output.begin(&target.name, "question");
        record.question = Some(answer.name);
        record.result = Some(answer.result);
        record.text = format!("{:23}{:9}{}", answer.name, answer.result, answer.seen);
        output.record(&record)?;
        output.flush()?;
        summary.questions.push(answer);
    }
    output.summary(&summary)?;
    let no = summary.questions.iter().any(|answer| answer.result == "no");
    Ok(if no { Verdict::Found } else { Verdict::Well })
}

impl PathQuestion {
    fn answer(&self, asked: &Asked, server: Needs) -> Answer {
        let found = if self.needs == Needs::Ours && server == Needs::Echo {
            Ok(Found::Unknown("the server is no tcpechod with --service probe".to_owned()))
        } else {
            (self.ask)(asked)
        };
        let (result, seen) = match found {
            Ok(Found::Yes(seen)) => ("yes", seen),
            Ok(Found::Unknown(reason)) => ("unknown", reason),
            Err(Seen(seen)) => ("no", seen),
        };
        Answer { name: self.name, result, expected: self.expected, seen }
    }
}

/// For people.
impl fmt::Display for PathSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |result| self.questions.iter().filter(|one| one.result == result).count();
        let Self { host, .. } = self;
        let [yes, no, unknown] = ["yes", "no", "unknown"].map(count);
        writeln!(f, "--- {host}: {yes} yes, {no} no, {unknown} unknown")?;
        if let Some(hello) = &self.hello {
            writeln!(f, "the server sees: {}", hello.trim_start_matches("probe "))?;
        }
        if let Some(handshake) = &self.handshake {
            writeln!(f, "our end sees: {handshake}")?;
        }
        for answer in self.questions.iter().filter(|answer| answer.result == "no") {
            writeln!(f, "{}: expected: {}", answer.name, answer.expected)?;
        }
        Ok(())
    }
}
