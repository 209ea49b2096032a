//! The names that peers of the service probe have given to their connections, and the fates of
//! these.

use std::collections::VecDeque;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::connection::Connection;
use crate::service::{ProbeName, ProbeQuestion};

use super::{Os, Reactor};

/// The names that are kept, the newest: some 100 KB, and a search takes microseconds.
const NAMES_MAX: usize = 1024;

/// The names, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Names(VecDeque<(ProbeName, Fate)>);

/// The fate of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is open, under that key.
    Open(usize),
    Ended {
        cause: Cause,
        bytes_in: u64,
        at: MonotonicMs,
    },
}

impl Names {
    /// Names the open connection with that key. A name that was used before means the new one.
    fn insert(&mut self, name: &ProbeName, key: usize) {
        self.0.retain(|(other, _)| other != name);
        if self.0.len() == NAMES_MAX {
            self.0.pop_front();
        }
        self.0.push_back((name.clone(), Fate::Open(key)));
    }

    /// Notes the end of a connection, under all of its names: its key will be used again.
    pub(super) fn end(&mut self, key: usize, cause: Cause, bytes_in: u64, at: MonotonicMs) {
        for (_, fate) in self.0.iter_mut().filter(|(_, fate)| *fate == Fate::Open(key)) {
            *fate = Fate::Ended { cause, bytes_in, at };
        }
    }

    fn get(&self, name: &ProbeName) -> Option<Fate> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, fate)| *fate)
    }
}

impl<O: Os> Reactor<O> {
    /// Answers the request of a connection about names.
    #[cold]
    pub(super) fn answer_question(&mut self, key: usize) {
        let asked = self.slots.open(key).and_then(|connection| connection.question().cloned());
        let answer = match asked {
            None => return,
            Some(ProbeQuestion::Name(name)) => {
                self.names.insert(&name, key);
                format!("probe named {name}\n")
            }
            Some(ProbeQuestion::Fate(name)) => format!("probe fate {name} {}\n", self.fate(&name)),
        };
        if let Some(connection) = self.slots.open(key) {
            let step = connection.answer_question(&answer, &mut self.shared);
            self.slots.apply(key, step);
            self.arm_deadline(key);
        }
    }

    /// Describes the fate of the connection with that name.
    fn fate(&mut self, name: &ProbeName) -> String {
        match self.names.get(name) {
            None => "unknown".to_owned(),
            Some(Fate::Ended { cause, bytes_in, at }) => {
                let age_ms = self.shared.now.since(at).as_millis();
                format!("{cause} bytes_in={bytes_in} age_ms={age_ms}")
            }
            Some(Fate::Open(key)) => {
                let open = self.slots.open(key).map(|one| &*one);
                let bytes_in = open.map_or(0, |one| one.traffic().bytes_in);
                let ended = open.is_some_and(Connection::input_has_ended);
                format!("open bytes_in={bytes_in} input={}", if ended { "fin" } else { "open" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::ProbeRequest;

    fn name(number: usize) -> ProbeName {
        match ProbeRequest::parse(format!("probe name n{number}\n").as_bytes()) {
            Ok(ProbeRequest::Ask(ProbeQuestion::Name(name))) => name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_oldest_name_leaves_and_a_key_is_used_again() {
        let mut names = Names::default();
        names.insert(&name(0), 7);
        names.end(7, Cause::Reset, 5, MonotonicMs(3));
        names.insert(&name(1), 7);
        let ended = Fate::Ended { cause: Cause::Reset, bytes_in: 5, at: MonotonicMs(3) };
        assert_eq!(names.get(&name(0)), Some(ended));
        assert_eq!(names.get(&name(1)), Some(Fate::Open(7)));
        (2..NAMES_MAX).for_each(|number| names.insert(&name(number), number));
        names.insert(&name(1), 8);
        assert_eq!(names.get(&name(0)), Some(ended), "a name that is used again takes no place");
        names.insert(&name(NAMES_MAX), 9);
        assert_eq!(names.get(&name(0)), None);
        assert_eq!(names.get(&name(1)), Some(Fate::Open(8)));
        assert_eq!(names.0.len(), NAMES_MAX);
    }
}
