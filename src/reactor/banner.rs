//! The greeting that the daemon sends to each peer.

use std::fmt::{Display, Write};

/// A line with placeholders for the host's name, the process id and the peer's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Peer,
}

impl Banner {
    /// Parses a template: `{host}`, `{pid}` and `{peer}` are replaced, `{{` and `}}` are braces.
    ///
    /// # Errors
    ///
    /// The expected form, for the command line.
    pub fn parse(template: &str) -> Result<Self, String> {
        let expected = "the placeholders are {host}, {pid} and {peer}; {{ and }} are braces";
        let mut parts = vec![Piece::Text(String::new())];
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (text, from) = rest.split_at(at);
            push(&mut parts, text);
            rest = if let Some(rest) = from.strip_prefix("{{") {
                push(&mut parts, "{");
                rest
            } else if let Some(rest) = from.strip_prefix("}}") {
                push(&mut parts, "}");
                rest
            } else {
                let placeholder = from.strip_prefix('{').and_then(|from| from.split_once('}'));
                let (name, rest) = placeholder.ok_or_else(|| expected.to_owned())?;
                match name {
                    "host" => push(&mut parts, &host()),
                    "pid" => push(&mut parts, &std::process::id().to_string()),
                    "peer" => parts.push(Piece::Peer),
                    _ => return Err(format!("{{{name}}}: {expected}")),
                }
                rest
            };
        }
        push(&mut parts, rest);
        Ok(Self(parts))
    }

    /// Returns the line for this peer, its newline included.
    pub fn line(&self, peer: &dyn Display) -> String {
        let mut line = String::new();
        for part in &self.0 {
            let written = match part {
                Piece::Text(text) => line.write_str(text),
                Piece::Peer => write!(line, "{peer}"),
            };
            debug_assert!(written.is_ok(), "a String takes everything");
        }
        line.push('\n');
        line
    }
}

fn push(parts: &mut Vec<Piece>, text: &str) {
    match parts.last_mut() {
        Some(Piece::Text(before)) => before.push_str(text),
        Some(Piece::Peer) | None => parts.push(Piece::Text(text.to_owned())),
    }
}

/// The host's name from uname(2).
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced() {
        let banner = Banner::parse("{peer} at {host}, {{{pid}}}").unwrap();
        let expected = format!("me at {}, {{{}}}\n", host(), std::process::id());
        assert_eq!(banner.line(&"me"), expected);
        assert_eq!(Banner::parse("").unwrap().line(&"me"), "\n");
        assert_eq!(Banner::parse("{peer}{peer}").unwrap().line(&1), "11\n");
    }

    #[test]
    fn an_unknown_placeholder_is_an_error() {
        for wrong in ["{", "}", "{peer", "peer}", "{}", "{user}", "{ peer }"] {
            assert!(Banner::parse(wrong).is_err(), "{wrong}");
        }
    }
}
