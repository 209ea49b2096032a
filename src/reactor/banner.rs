//! The greeting that the daemon sends to each peer.

use std::env::VarError;
use std::fmt::{Display, Write};

/// A line with placeholders for the host's name, the process id, the peer's address, and variables
/// of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Peer,
}

impl Banner {
    /// Parses a template: `{host}`, `{pid}`, `{peer}` and `{env:NAME}` are replaced, `{{` and `}}`
    /// are braces.
    ///
    /// # Errors
    ///
    /// The expected form, or the variable that is not set, for the command line.
    pub fn parse(template: &str) -> Result<Self, String> {
        let expected =
            "the placeholders are {host}, {pid}, {peer} and {env:NAME}; {{ and }} are braces";
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
                match (name, name.strip_prefix("env:")) {
                    ("host", _) => push(&mut parts, &host()),
                    ("pid", _) => push(&mut parts, &std::process::id().to_string()),
                    ("peer", _) => parts.push(Piece::Peer),
                    (_, Some(variable)) => push(&mut parts, &value_of(variable)?),
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

/// The value of an environment variable, at the start. An unset one is an
/// error, or a daemon would greet with half a line.
fn value_of(name: &str) -> Result<String, String> {
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_word || name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(format!("{{env:{name}}}: NAME is letters, digits and _, and no digit first"));
    }
    std::env::var(name).map_err(|error| match error {
        VarError::NotPresent => format!("the environment variable {name} is not set"),
        VarError::NotUnicode(_) => format!("the environment variable {name} is not UTF-8"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_of_the_environment_is_replaced_or_an_error() {
        let path = std::env::var("PATH").unwrap();
        let banner = Banner::parse("at {env:PATH}.").unwrap();
        assert_eq!(banner.line(&"me"), format!("at {path}.\n"));
        for (wrong, part) in [
            ("{env:NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE is not set"),
            ("{env:}", "{env:}: NAME is letters"),
            ("{env:1A}", "{env:1A}: NAME is letters"),
            ("{env:A=B}", "{env:A=B}: NAME is letters"),
            ("{env: PATH}", "{env: PATH}: NAME is letters"),
            ("{Env:PATH}", "the placeholders are"),
        ] {
            let error = Banner::parse(wrong).unwrap_err();
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }

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
