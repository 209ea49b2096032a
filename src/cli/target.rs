//! The server arguments, shared by the client and the load generator.

use clap::error::ErrorKind;
use clap::{Args, CommandFactory};

use crate::client::{Family, Server};
use crate::net::address::{self, Address};

#[derive(Debug, Args)]
pub(super) struct Target {
    /// Server: a name or an address, with or without its port (HOST:PORT, `[ip6]:PORT`, PORT on
    /// this machine), `tcp://HOST:PORT`, `unix:/path`, or unix:@name
    #[arg(value_name = "HOST", required = true)]
    host: Option<Address>,

    /// Server port, a number or a name from /etc/services [default: 9877]
    #[arg(value_name = "PORT", value_parser = address::port)]
    port: Option<u16>,

    /// Server port, like the argument PORT
    #[arg(short = 'p', value_name = "PORT", id = "port_option", value_parser = address::port,
          conflicts_with = "port")]
    port_option: Option<u16>,

    /// Use only IPv4 addresses
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,

    /// Use only IPv6 addresses
    #[arg(short = '6')]
    ipv6: bool,
}

impl Target {
    /// Rejects a port where there is none, or a second one.
    pub(super) fn check<A: CommandFactory>(&self) -> Result<(), clap::Error> {
        let port = self.port.or(self.port_option);
        let conflict = match &self.host {
            Some(Address::Unix(_)) if port.is_some() => "a Unix socket has no port".to_owned(),
            Some(host @ Address::Internet { port: Some(_), .. }) if port.is_some() => {
                format!("{host} has a port already")
            }
            Some(Address::Internet { port: Some(0), .. }) => NO_PORT.to_owned(),
            _ if port == Some(0) => NO_PORT.to_owned(),
            _ => return Ok(()),
        };
        Err(A::command().error(ErrorKind::ArgumentConflict, conflict))
    }

    pub(super) const fn is_unix(&self) -> bool {
        matches!(self.host, Some(Address::Unix(_)))
    }
}

const NO_PORT: &str = "0 is no port to connect to: expected a number from 1 to 65535";

impl From<Target> for Server {
    fn from(target: Target) -> Self {
        let family = match (target.ipv4, target.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            (false, false) => Family::Any,
        };
        let beside = target.port.or(target.port_option).unwrap_or(super::PORT);
        let (name, port) = match target.host {
            Some(Address::Unix(path)) => return Self::Path(path),
            Some(Address::Internet { host, port }) => (host, port.unwrap_or(beside)),
            None => (None, beside),
        };
        Self::Host { name: name.unwrap_or_else(|| "localhost".to_owned()), port, family }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        target: Target,
    }

    fn server(words: &str) -> Result<String, String> {
        let words = ["program"].into_iter().chain(words.split(' '));
        let program = Program::try_parse_from(words).map_err(|error| error.to_string())?;
        program.target.check::<Program>().map_err(|error| error.to_string())?;
        Ok(match program.target.into() {
            Server::Host { name, port, .. } => format!("{name} {port}"),
            Server::Path(path) => path.display().to_string(),
        })
    }

    #[test]
    fn a_server_is_named_in_every_form() {
        for (words, expected) in [
            ("::1", "::1 9877"),
            ("[::1]", "::1 9877"),
            ("[::1] 7", "::1 7"),
            ("[::1]:7", "::1 7"),
            ("localhost echo", "localhost 7"),
            ("-p 9 localhost", "localhost 9"),
            ("9", "localhost 9"),
            (":discard", "localhost 9"),
            ("tcp://example.org:7", "example.org 7"),
            ("unix:/run/echo", "/run/echo"),
            ("unix:@echo", "@echo"),
        ] {
            assert_eq!(server(words).as_deref(), Ok(expected), "{words}");
        }
    }

    #[test]
    fn a_port_too_many_or_none_at_all_is_an_error() {
        for (words, advice) in [
            ("localhost:7 8", "localhost:7 has a port already"),
            ("7 8", "*:7 has a port already"),
            ("-p 8 localhost:7", "has a port already"),
            ("-p 8 localhost 7", "cannot be used with"),
            ("unix:/run/echo 7", "a Unix socket has no port"),
            ("localhost 0", "0 is no port"),
            ("localhost:0", "0 is no port"),
            ("[localhost]", "no IPv6 address"),
            ("unix:", "expected a path"),
        ] {
            let error = server(words).unwrap_err();
            assert!(error.contains(advice), "{words}: {error}");
        }
    }
}
