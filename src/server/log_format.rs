//! A log record as one line: text for people, or a JSON object for programs.
//!
//! Both show the same data, the message and the key-value pairs of `log`: text appends the pairs to
//! the message as ` name=value`, JSON has them as members beside `time`, `level` and `message`. A
//! record is one line, even with newlines in its message, and no longer than one write to standard
//! error.

use std::fmt::{self, Write};
use std::time::SystemTime;

use humantime::{format_rfc3339_millis, format_rfc3339_seconds};
use log::kv::{Error, Key, Source, Value, VisitSource};
use log::{Level, Record};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::os::stderr::{self, LINE_BYTES_MAX};

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// `[2026-11-23T02:26:16Z INFO ] message name=value`.
    #[default]
    Text,
    /// `<6>message name=value`: the journal has the time, and takes the priority from the beginning
    /// of the line (sd-daemon(3)).
    Journal,
    /// One object per line.
    Json,
}

impl LogFormat {
    /// Returns this format as it suits standard error: for the journal, if it reads that.
    #[must_use]
    pub fn on_stderr(self) -> Self {
        if self == Self::Text && stderr::is_journal() { Self::Journal } else { self }
    }

    /// Returns the record as a line, including its newline.
    pub fn line(self, record: &Record<'_>) -> String {
        let now = SystemTime::now();
        match self {
            Self::Text => {
                let head = format!("[{} {:<5}] ", format_rfc3339_seconds(now), record.level());
                text(head, record)
            }
            Self::Journal => text(format!("<{}>", priority(record.level())), record),
            Self::Json => json(record, now),
        }
    }

    /// Returns the error that ends the daemon as a line. No filter of the log suppresses it.
    pub fn fatal_line(self, error: &anyhow::Error) -> String {
        match self {
            Self::Text => format!("tcpechod: {error:#}\n"),
            Self::Journal | Self::Json => self.error_line(error),
        }
    }

    pub(super) fn error_line(self, error: &anyhow::Error) -> String {
        self.line(&Record::builder().level(Level::Error).args(format_args!("{error:#}")).build())
    }
}

/// Returns the priority of syslog(3).
const fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

fn text(mut line: String, record: &Record<'_>) -> String {
    let mut rest = Escaped(&mut line);
    let written = write!(rest, "{}", record.args());
    debug_assert!(written.is_ok(), "a String takes everything");
    let written = record.key_values().visit(&mut TextPairs(rest));
    debug_assert!(written.is_ok(), "likewise");
    line.push('\n');
    line
}

/// A string that escapes control characters as `\n` or `\u{1b}`, so that they neither break a line
/// nor affect a terminal.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            if letter.is_control() {
                self.0.extend(letter.escape_default());
            } else {
                self.0.push(letter);
            }
        }
        Ok(())
    }
}

/// Returns the text with its control characters escaped.
pub(super) fn escaped(text: &str) -> String {
    let mut shown = String::new();
    let written = Escaped(&mut shown).write_str(text);
    debug_assert!(written.is_ok(), "a String takes everything");
    shown
}

struct TextPairs<'a>(Escaped<'a>);

impl<'kvs> VisitSource<'kvs> for TextPairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        match Number::of(&value) {
            // Seconds, to the millisecond.
            Some(Number::Float(number)) => write!(self.0, " {key}={number:.3}")?,
            _ => write!(self.0, " {key}={value}")?,
        }
        Ok(())
    }
}

/// Formats a record as JSON. A line that is too long is shortened in its message, so that it stays
/// a valid object.
fn json(record: &Record<'_>, now: SystemTime) -> String {
    let message = record.args().to_string();
    let (level, pairs) = (record.level(), record.key_values());
    let mut keep = message.len().min(LINE_BYTES_MAX);
    loop {
        let message = (0..=keep).rev().find_map(|end| message.get(..end)).unwrap_or_default();
        let line = Object { time: now, level, message, pairs }.line();
        let Some(excess) = line.len().checked_sub(LINE_BYTES_MAX).filter(|excess| *excess > 0)
        else {
            return line;
        };
        if message.is_empty() {
            // The pairs alone are too long; better a line without them than none.
            return Object { time: now, level, message, pairs: &NO_PAIRS }.line();
        }
        keep = message.len().saturating_sub(excess.div_ceil(ESCAPED_BYTES_MAX));
    }
}

/// The longest form of a byte in a JSON string: `\u001b`.
const ESCAPED_BYTES_MAX: usize = 6;

const NO_PAIRS: [(&str, u64); 0] = [];

struct Object<'a> {
    time: SystemTime,
    level: Level,
    message: &'a str,
    pairs: &'a dyn Source,
}

impl Object<'_> {
    fn line(&self) -> String {
        let written = serde_json::to_string(self);
        debug_assert!(written.is_ok(), "a String takes everything");
        written.unwrap_or_default() + "\n"
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &format_args!("{}", format_rfc3339_millis(self.time)))?;
        map.serialize_entry("level", self.level.as_str())?;
        map.serialize_entry("message", self.message)?;
        let mut pairs = JsonPairs { map, failed: None };
        let visited = self.pairs.visit(&mut pairs);
        debug_assert_eq!(visited.is_err(), pairs.failed.is_some(), "nothing else fails");
        match pairs.failed {
            Some(error) => Err(error),
            None => pairs.map.end(),
        }
    }
}

struct JsonPairs<M: SerializeMap> {
    map: M,
    failed: Option<M::Error>,
}

impl<'kvs, M: SerializeMap> VisitSource<'kvs> for JsonPairs<M> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let written = match Number::of(&value) {
            Some(Number::Count(number)) => self.map.serialize_entry(key.as_str(), &number),
            Some(Number::Float(number)) => self.map.serialize_entry(key.as_str(), &number),
            None => self.map.serialize_entry(key.as_str(), &format_args!("{value}")),
        };
        written.map_err(|error| {
            self.failed = Some(error);
            Error::msg("a pair could not be written")
        })
    }
}

/// A value that is a number.
enum Number {
    Count(u64),
    Float(f64),
}

impl Number {
    fn of(value: &Value<'_>) -> Option<Self> {
        value.to_u64().map(Self::Count).or_else(|| value.to_f64().map(Self::Float))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(message: &str, pairs: &[(&str, Value<'_>)]) -> (usize, serde_json::Value) {
        let line = LogFormat::Json
            .line(&Record::builder().args(format_args!("{message}")).key_values(&pairs).build());
        assert_eq!(line.find('\n'), Some(line.len() - 1), "one line: {line}");
        (line.len(), serde_json::from_str(&line).unwrap())
    }

    fn text_of(message: &str, pairs: &[(&str, Value<'_>)]) -> String {
        let line = LogFormat::Text
            .line(&Record::builder().args(format_args!("{message}")).key_values(&pairs).build());
        line.split_once("INFO ] ").unwrap().1.to_owned()
    }

    #[test]
    fn text_and_json_have_the_same_pairs() {
        let pairs = [
            ("peer", Value::from("127.0.0.1:7")),
            ("bytes_in", 11_u64.into()),
            ("duration", 0.25.into()),
        ];
        assert_eq!(
            text_of("closed", &pairs),
            "closed peer=127.0.0.1:7 bytes_in=11 duration=0.250\n"
        );
        let (_, object) = json_of("closed", &pairs);
        assert_eq!((&object["level"], &object["message"]), (&"INFO".into(), &"closed".into()));
        assert_eq!(object["peer"], "127.0.0.1:7");
        assert_eq!(
            (object["bytes_in"].as_u64(), object["duration"].as_f64()),
            (Some(11), Some(0.25))
        );
        let time = object["time"].as_str().unwrap();
        assert!(
            humantime::parse_rfc3339(time).is_ok() && time.len() > "…T00:00:00.00Z".len(),
            "{time}"
        );
    }

    #[test]
    fn the_journal_gets_the_priority_and_no_time() {
        for (level, number) in Level::iter().zip([3, 4, 6, 7, 7]) {
            let record = Record::builder().level(level).args(format_args!("full")).build();
            assert_eq!(LogFormat::Journal.line(&record), format!("<{number}>full\n"));
        }
        let error = anyhow::anyhow!("in use").context("cannot listen");
        assert_eq!(LogFormat::Journal.fatal_line(&error), "<3>cannot listen: in use\n");
    }

    #[test]
    fn control_characters_break_no_line() {
        let odd = "a\nb\r\u{1b}[2J\u{7f}\u{9b}\0\u{e9}";
        let shown = "a\\nb\\r\\u{1b}[2J\\u{7f}\\u{9b}\\u{0}\u{e9}";
        assert_eq!(text_of(odd, &[("k", odd.into())]), format!("{shown} k={shown}\n"));
        let (_, object) = json_of(odd, &[("k", odd.into())]);
        assert_eq!((&object["message"], &object["k"]), (&odd.into(), &odd.into()));
    }

    #[test]
    fn a_line_of_json_is_never_too_long_and_always_an_object() {
        for (unit, pairs) in [("x", 0), ("\u{e9}\u{20ac}", 1), ("\n", 2)] {
            let pairs = &[("a", Value::from(1)), ("b", Value::from("c"))][..pairs];
            for count in [0, 1, 1300, 1999, 3990, 4000, 4010, 4020, 4096, 100_000] {
                let (bytes, object) = json_of(&unit.repeat(count), pairs);
                assert!(bytes <= LINE_BYTES_MAX, "{bytes} bytes of {count} times {unit:?}");
                let members = object.as_object().unwrap();
                assert_eq!(members.len(), 3 + pairs.len(), "no pair is left out");
                let kept = members["message"].as_str().unwrap();
                let whole = unit.repeat(count);
                assert!(whole.starts_with(kept));
                assert!(kept == whole || bytes > LINE_BYTES_MAX - 12, "too little is kept");
            }
        }
        let long = "x".repeat(5000);
        let (_, object) = json_of("the pairs are too long", &[("k", long.as_str().into())]);
        assert_eq!(object.as_object().unwrap().len(), 3);
    }

    #[test]
    fn the_fatal_line_has_the_format_of_the_log() {
        let error = anyhow::anyhow!("in use").context("cannot listen");
        assert_eq!(LogFormat::Text.fatal_line(&error), "tcpechod: cannot listen: in use\n");
        let line = LogFormat::Json.fatal_line(&error);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["level"], "ERROR");
        assert_eq!(object["message"], "cannot listen: in use");
    }
}
