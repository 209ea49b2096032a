//! The records of the events.

use crate::num;
use crate::sys::Dial;

use super::Ping;
use super::ledger::Outage;
use crate::probe::record::Record;

impl<D: Dial> Ping<'_, D> {
    /// The record of an outage that begins.
    pub(super) fn out(&mut self, number: usize, outage: &Outage, details: &str) {
        let last = outage.last_answer.map_or_else(
            || "no answer before".to_owned(),
            |at| format!("last answer at {:.3} s", self.seconds(at)),
        );
        let details = if details.is_empty() { String::new() } else { format!(" ({details})") };
        let text = format!(
            "OUTAGE since {:.3} s, noticed after {:.3} s: {}{details}; {last}",
            self.seconds(outage.began),
            outage.noticed.since(outage.began).as_secs_f64(),
            outage.word.word(),
        );
        let word = Some(outage.word.word());
        self.record(number, "outage", &text, |record| record.word = word);
    }

    /// The record of its end.
    pub(super) fn recovered(&mut self, number: usize, outage: &Outage) {
        let connected = outage.connected.unwrap_or(self.now);
        let text = format!(
            "ANSWERS again, after {:.3} s; connecting worked after {:.3} s; {} lost",
            self.now.since(outage.began).as_secs_f64(),
            connected.since(outage.began).as_secs_f64(),
            outage.lost,
        );
        self.record(number, "recovered", &text, |_| {});
    }

    /// Adds a record about a channel. The text for people begins with the host.
    pub(super) fn record(
        &mut self,
        number: usize,
        event: &'static str,
        text: &str,
        fill: impl FnOnce(&mut Record),
    ) {
        let Some(channel) = self.channels.get(number) else { return };
        let host = self.hosts.get(channel.host).map(|host| host.target.name.clone());
        let host = host.unwrap_or_default();
        let connection = channel.kind.name();
        let text = format!("{host} {connection}: {text}");
        let t_s = self.seconds(self.now);
        let mut record = Record { t_s, event, host, connection, text, ..Record::default() };
        fill(&mut record);
        self.records.push(record);
    }
}

/// Nanoseconds as milliseconds, to the microsecond.
pub(super) fn ms(ns: u64) -> String {
    format!("{:.3}", num::to_f64(ns) / 1e6)
}
