//! The effects of a connection's events: answers, failures, expired probes.

use std::io;

use crate::client::FailureKind;
use crate::clock::MonotonicNs;
use crate::num;
use crate::sys::Dial;

use super::Ping;
use super::channel::Kind;
use super::report::ms;
use crate::probe::trip::{Probe, READ_AND_WRITE, Trip, TripError, TripEvent};

impl<D: Dial> Ping<'_, D> {
    /// Moves the bytes of a connection, and acts on its events.
    pub(super) fn serve(&mut self, key: usize) {
        self.serve_once(key);
        // An event may have queued a probe.
        if self.trips.get(key).is_some_and(Trip::can_write) {
            self.serve_once(key);
        }
    }

    fn serve_once(&mut self, key: usize) {
        let mut events = Vec::new();
        let Some(trip) = self.trips.get_mut(key) else { return };
        let number = trip.channel;
        let served = trip.serve(self.now, &mut events);
        for event in events {
            match event {
                TripEvent::Connected => self.connected(number, key),
                TripEvent::Banner(text) => self.greeted(number, &text),
                TripEvent::Answered(probe) => self.answered(number, key, probe, "reply"),
                TripEvent::Late(probe) => self.answered(number, key, probe, "late"),
            }
        }
        if let Err(error) = served {
            self.failed(number, key, &error);
        }
        self.schedule(number);
    }

    fn connected(&mut self, number: usize, key: usize) {
        let Some(trip) = self.trips.get_mut(key) else { return };
        let took = self.now.ns_since(trip.dialled);
        let Some(channel) = self.channels.get_mut(number) else { return };
        channel.figures.connect.add(took);
        // The first connect of all is no part of an echo.
        let first = !channel.ledger.ever_answered() && !channel.ledger.is_out();
        channel.unsent.drain(..).for_each(|probe| {
            trip.send(Probe { sent: if first { self.now } else { probe.sent }, ..probe });
        });
        if channel.ledger.connected(self.now) {
            let text = format!("connected again, after {} ms", ms(took));
            self.record(number, "connected", &text, |record| {
                record.connect_us = Some(num::to_f64(took) / 1e3);
            });
        }
    }

    fn greeted(&mut self, number: usize, text: &str) {
        let Some(channel) = self.channels.get_mut(number) else { return };
        let before = channel.banner.replace(text.to_owned());
        if before.as_deref() != Some(text) {
            let change = match before {
                Some(before) => format!("who answers has changed: {before:?} before, {text:?} now"),
                None => format!("{text:?} answers"),
            };
            self.record(number, "banner", &change, |_| {});
        }
    }

    /// Takes an answer: a reply in time, or a late one.
    fn answered(&mut self, number: usize, key: usize, probe: Probe, event: &'static str) {
        let in_time = event == "reply";
        let rtt = self.now.ns_since(probe.sent);
        let Some(channel) = self.channels.get_mut(number) else { return };
        channel.works();
        if in_time {
            channel.figures.answered(rtt);
        }
        let outage = channel.ledger.answered(self.now).cloned();
        let connect = self.trips.get(key).filter(|_| channel.kind == Kind::New);
        let connect = connect.and_then(|trip| Some(trip.connected?.ns_since(trip.dialled)));
        let phases = connect.map(|took| {
            let reply = rtt.saturating_sub(took);
            format!(" connect={} ms reply={} ms", ms(took), ms(reply))
        });
        let late = if in_time { "" } else { ", too late" };
        let text =
            format!("seq={} rtt={} ms{}{late}", probe.number, ms(rtt), phases.unwrap_or_default());
        self.record(number, event, &text, |record| {
            record.seq = Some(probe.number);
            record.rtt_us = Some(num::to_f64(rtt) / 1e3);
            record.connect_us = connect.map(|took| num::to_f64(took) / 1e3);
        });
        if let Some(outage) = outage {
            self.recovered(number, &outage);
        }
        self.keep_only(number, key);
    }

    /// The connection that answered is kept, and its rivals are closed. A new connection has
    /// fulfilled its purpose.
    fn keep_only(&mut self, number: usize, key: usize) {
        let Some(channel) = self.channels.get_mut(number) else { return };
        if channel.kind == Kind::New {
            channel.trips.retain(|trip| *trip != key);
            self.trips.try_remove(key);
            return;
        }
        let rivals: Vec<_> = channel.trips.iter().filter(|trip| **trip != key).copied().collect();
        for rival in rivals {
            let Some(trip) = self.trips.try_remove(rival) else { continue };
            trip.reset();
            let Some(channel) = self.channels.get_mut(number) else { continue };
            channel.trips.retain(|trip| *trip != rival);
            // Asked again here: the host answers, and no probe is lost for our own choice.
            if let Some(kept) = self.trips.get_mut(key) {
                trip.in_time().for_each(|probe| kept.send(probe));
            }
        }
    }

    /// A connect that failed at once.
    pub(super) fn not_dialled(&mut self, number: usize, error: &io::Error) {
        let error = TripError::of(error);
        self.next_address(number);
        self.broke(number, &error);
    }

    /// A connection that failed: its probes are lost, and a kept one is made anew.
    fn failed(&mut self, number: usize, key: usize, error: &TripError) {
        let Some(trip) = self.trips.try_remove(key) else { return };
        trip.reset();
        if let Some(channel) = self.channels.get_mut(number) {
            channel.trips.retain(|trip| *trip != key);
            channel.word = error.kind;
            trip.connected.into_iter().for_each(|at| channel.ledger.disconnected(at));
        }
        trip.in_time().for_each(|probe| self.lose(number, probe));
        if trip.connected.is_none() {
            self.next_address(number);
        }
        self.broke(number, error);
    }

    /// The host's next address is tried from now on.
    fn next_address(&mut self, number: usize) {
        let Some(channel) = self.channels.get(number) else { return };
        if let Some(host) = self.hosts.get_mut(channel.host) {
            host.next = host.next.wrapping_add(1);
        }
    }

    fn broke(&mut self, number: usize, error: &TripError) {
        let Some(channel) = self.channels.get_mut(number) else { return };
        channel.word = error.kind;
        if channel.kind == Kind::New {
            return;
        }
        channel.plan_attempt(self.now);
        if let Some(outage) = channel.ledger.broke(self.now, error.kind).cloned() {
            self.out(number, &outage, &error.details);
        }
        if self.config.re_resolve {
            self.resolve_again(number);
        }
    }

    /// Looks the name up again, and tells if its addresses have changed.
    fn resolve_again(&mut self, number: usize) {
        let Some(host) =
            self.channels.get(number).and_then(|channel| self.hosts.get_mut(channel.host))
        else {
            return;
        };
        // While the name has no address, the ones of before are tried.
        let Ok(addresses) = (self.resolve)(&host.target.server) else { return };
        if addresses == host.addresses {
            return;
        }
        let list = |all: &[_]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let text =
            format!("the address has changed: {}, now {}", list(&host.addresses), list(&addresses));
        (host.addresses, host.next) = (addresses, 0);
        self.record(number, "address", &text, |_| {});
    }

    /// Gives up all that has waited too long, after a last look at each connection.
    pub(super) fn expire(&mut self, number: usize) {
        let since = self.now.before(self.config.timeout);
        let Some(channel) = self.channels.get(number) else { return };
        for key in channel.trips.clone() {
            let overdue = |trip: &Trip<D::Stream>| {
                trip.in_time().next().is_some_and(|probe| probe.sent <= since)
                    || (trip.connected.is_none() && trip.dialled <= since)
            };
            if self.trips.get(key).is_some_and(overdue) {
                if let Some(trip) = self.trips.get_mut(key) {
                    trip.mark(READ_AND_WRITE);
                }
                self.serve(key);
                self.give_up(number, key, since);
            }
        }
        while let Some(channel) = self.channels.get_mut(number)
            && let Some(probe) = channel.unsent.front().copied().filter(|one| one.sent <= since)
        {
            channel.unsent.pop_front();
            self.lose(number, probe);
        }
    }

    /// Gives up the probes of a connection that are overdue; the connection too, if it has not been
    /// established, or was made for one probe.
    fn give_up(&mut self, number: usize, key: usize, since: MonotonicNs) {
        let Some(trip) = self.trips.get(key) else { return };
        let is_new = self.channels.get(number).is_some_and(|channel| channel.kind == Kind::New);
        let overdue = trip.in_time().next().is_some_and(|probe| probe.sent <= since);
        if (trip.connected.is_none() && trip.dialled <= since) || (is_new && overdue) {
            let details = "no answer in time".to_owned();
            self.failed(number, key, &TripError { kind: FailureKind::TimedOut, details });
            return;
        }
        while let Some(probe) = self.trips.get_mut(key).and_then(|trip| trip.give_up(since)) {
            if let Some(channel) = self.channels.get_mut(number) {
                channel.word = FailureKind::TimedOut;
                channel.plan_attempt(self.now);
            }
            self.lose(number, probe);
        }
    }

    /// Counts a probe as lost.
    pub(super) fn lose(&mut self, number: usize, probe: Probe) {
        let Some(channel) = self.channels.get_mut(number) else { return };
        channel.figures.lost += 1;
        let word = channel.word;
        let outage = channel.ledger.lost(probe.sent, self.now, word).cloned();
        let text = format!("seq={} {}", probe.number, word.word());
        self.record(number, "lost", &text, |record| {
            record.seq = Some(probe.number);
            record.word = Some(word.word());
        });
        if let Some(outage) = outage {
            self.out(number, &outage, "");
        }
    }
}
