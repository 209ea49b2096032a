//! The server's end of a scripted connection.

use std::collections::VecDeque;

use crate::net::proxy::{self, Parsed};

use super::ServerBehavior;

/// One connection from the server's side.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "what has happened to it, each by itself")]
pub(in crate::load) struct Wire {
    pub(in crate::load) key: usize,
    pub(in crate::load) dialled: u64,
    /// When the connect succeeds or is refused.
    pub(in crate::load) connected: u64,
    /// Bytes on their way back, with their arrival times.
    pub(in crate::load) back: VecDeque<(u64, u8)>,
    pub(in crate::load) received: usize,
    pub(in crate::load) kept: Vec<u8>,
    /// The PROXY header, once complete.
    pub(in crate::load) header: Vec<u8>,
    /// When the server's FIN or RST arrives.
    pub(in crate::load) fin: Option<u64>,
    pub(in crate::load) rst: Option<u64>,
    pub(in crate::load) saw_fin: bool,
    pub(in crate::load) saw_rst: bool,
    pub(in crate::load) closed: bool,
    pub(in crate::load) refused: bool,
    pub(in crate::load) connect_reported: bool,
    /// Arrivals up to this time have been reported.
    pub(in crate::load) reported: u64,
}

impl Wire {
    pub(super) fn next_event(&self) -> Option<u64> {
        if !self.connect_reported {
            return (self.connected != u64::MAX).then_some(self.connected);
        }
        let bytes = self.back.iter().map(|(at, _)| *at).find(|at| *at > self.reported);
        let ends = [self.fin, self.rst].into_iter().flatten().filter(|at| *at > self.reported);
        bytes.into_iter().chain(ends).min()
    }

    pub(super) fn take(&mut self, bytes: &[u8], behavior: ServerBehavior, at: u64) {
        if behavior == ServerBehavior::EchoBehindHeader && self.header.is_empty() {
            self.kept.extend_from_slice(bytes);
            if let Parsed::Header { bytes: length, .. } = proxy::parse(&self.kept) {
                let rest = self.kept.split_off(length);
                self.header = std::mem::take(&mut self.kept);
                self.take(&rest, behavior, at);
            }
            return;
        }
        for byte in bytes {
            let offset = self.received;
            self.received += 1;
            let mut send = |byte| self.back.push_back((at, byte));
            match behavior {
                ServerBehavior::Silence => {}
                ServerBehavior::EchoAtTheEnd => self.kept.push(*byte),
                ServerBehavior::Corrupt(wrong) if wrong == offset => send(byte ^ 0x10),
                ServerBehavior::Lose(wrong) if wrong == offset => {}
                ServerBehavior::Double(wrong) if wrong == offset => {
                    send(*byte);
                    send(*byte);
                }
                ServerBehavior::End(after) if offset >= after => self.fin = self.fin.or(Some(at)),
                ServerBehavior::Reset(after) if offset >= after => self.rst = self.rst.or(Some(at)),
                ServerBehavior::Echo
                | ServerBehavior::Greet(_)
                | ServerBehavior::EchoBehindHeader
                | ServerBehavior::Corrupt(_)
                | ServerBehavior::Lose(_)
                | ServerBehavior::Double(_)
                | ServerBehavior::End(_)
                | ServerBehavior::Reset(_) => send(*byte),
            }
        }
    }
}
