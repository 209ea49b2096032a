//! Timers, and pauses of this process.

use std::cmp::Reverse;
use std::io;
use std::time::Duration;

use crate::clock::MonotonicNs;
use crate::os::errno;
use crate::sys::{Dial, DialEvent};

use super::Ping;
use crate::probe::pause;
use crate::probe::record::Record;

impl<D: Dial> Ping<'_, D> {
    /// Waits for events, and marks their connections.
    pub(super) fn poll(&mut self) -> io::Result<()> {
        let before = self.now;
        let next = self.timers.peek().map_or(MonotonicNs::NEVER, |Reverse((at, _))| *at);
        let limit = self.config.deadline.filter(|_| !self.ending);
        let until = next.min(limit.map_or(MonotonicNs::NEVER, |limit| self.start.after(limit)));
        let mut interrupted = false;
        let (trips, marked) = (&mut self.trips, &mut self.marked);
        let polled = self.dial.poll(until, |event| match event {
            DialEvent::Stream(key, ready) => {
                if let Some(trip) = trips.get_mut(key) {
                    trip.mark(ready);
                    marked.push(key);
                }
            }
            DialEvent::Interrupt => interrupted = true,
        });
        self.now = self.dial.now();
        if let Some(pause) = pause(before, until, self.now, self.config.timeout) {
            self.excuse(pause);
        }
        if interrupted {
            self.over = self.ending;
            self.ending = true;
        }
        match polled {
            Err(error) if !errno::is_interrupted(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Puts off every deadline: a pause of this process is no failure of a host.
    fn excuse(&mut self, pause: Duration) {
        self.paused += pause;
        self.channels.iter_mut().for_each(|channel| channel.excuse(pause));
        self.trips.iter_mut().for_each(|(_, trip)| trip.excuse(pause));
        (0..self.channels.len()).for_each(|number| self.schedule(number));
        let text = format!("this process was stopped for {:.3} s", pause.as_secs_f64());
        let t_s = self.seconds(self.now);
        self.records.push(Record { t_s, event: "paused", text, ..Record::default() });
    }

    /// Sets the timer of a channel.
    pub(super) fn schedule(&mut self, number: usize) {
        let wake = self.wake(number);
        if let Some(channel) = self.channels.get_mut(number)
            && channel.scheduled != wake
        {
            channel.scheduled = wake;
            self.timers.push(Reverse((wake, number)));
        }
    }

    /// Returns when a channel has something to do, if no event comes.
    fn wake(&self, number: usize) -> MonotonicNs {
        let Some(channel) = self.channels.get(number) else { return MonotonicNs::NEVER };
        let timeout = self.config.timeout;
        let more = self.config.count.is_none_or(|count| channel.number < count) && !self.ending;
        let due = if more { channel.next_due } else { MonotonicNs::NEVER };
        let attempt = channel.attempt.filter(|_| channel.trips.len() < 2);
        let trips = channel.trips.iter().filter_map(|key| self.trips.get(*key));
        let first = trips.map(|trip| {
            let probe = trip.in_time().next().map_or(MonotonicNs::NEVER, |probe| probe.sent);
            if trip.connected.is_none() { probe.min(trip.dialled) } else { probe }
        });
        let unsent = channel.unsent.front().map(|probe| probe.sent);
        let first = first.chain(unsent).min().unwrap_or(MonotonicNs::NEVER);
        let expires = if first == MonotonicNs::NEVER { first } else { first.after(timeout) };
        due.min(expires).min(attempt.unwrap_or(MonotonicNs::NEVER))
    }
}
