//! Any number of the JSON report, by its dotted name: `connections.failed`, `latency_us.p99`.

use std::fmt;
use std::sync::LazyLock;

use serde_json::Value;

use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::report::{Found, Report, Statistic, Times};

/// The schema of the report.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../docs/load-report.schema.json"))
        .unwrap_or_default()
});

/// Fields that count losses or failures.
const ABOUT_LOSS: [&str; 4] =
    ["answered_share", "connections.failed", "errors_by_phase.", "unsent"];

/// Local resources that may run out, by errno.
const SHORTAGES: [&str; 6] =
    ["EADDRINUSE", "EADDRNOTAVAIL", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

/// Prefixes of times, which are null where their answers were lost.
const TIMES: [(&str, Times); 3] =
    [("latency_us.", Times::Latency), ("connect_us.", Times::Connect), ("late_us.", Times::Late)];

/// A number of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field(String);

impl Field {
    /// Parses a name; none if the report has no such number.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let mut rule = &*SCHEMA;
        for key in name.split('.') {
            if let Some(link) = rule.get("$ref").and_then(Value::as_str) {
                rule = SCHEMA.pointer(link.trim_start_matches('#'))?;
            }
            let described = rule.get("properties").and_then(|fields| fields.get(key));
            // In a map, such as errors by phase, every key is valid.
            let any = rule.get("additionalProperties").filter(|any| any.is_object());
            rule = described.or_else(|| any.filter(|_| !key.is_empty()))?;
        }
        let is_number = |kind: &Value| kind == "number" || kind == "integer";
        let kind = rule.get("type")?;
        let number =
            is_number(kind) || kind.as_array().is_some_and(|kinds| kinds.iter().any(is_number));
        (number && is_known_key(name)).then(|| Self(name.to_owned()))
    }

    /// Returns its value in a report.
    pub(super) fn found(&self, report: &Report) -> Found {
        let Self(name) = self;
        let time = TIMES.iter().find_map(|(prefix, times)| {
            Some((*times, Statistic::by_name(name.strip_prefix(prefix)?)?))
        });
        if let Some((times, share)) = time {
            return report.time(times, share);
        }
        let pointer = format!("/{}", name.replace('.', "/"));
        let report = serde_json::to_value(report).unwrap_or_default();
        match report.pointer(&pointer) {
            // A map has no key for an error that did not occur.
            None => Found::Value(0.0),
            Some(value) => value.as_f64().map_or(Found::NotMeasured, Found::Value),
        }
    }

    /// True if it counts losses or failures.
    pub(super) fn is_about_loss(&self) -> bool {
        ABOUT_LOSS.iter().any(|prefix| self.0.starts_with(prefix))
    }
}

/// True if the report may have this key. A map lists only errors that occurred, so a misspelt key
/// would count as zero.
fn is_known_key(name: &str) -> bool {
    if let Some(rest) = name.strip_prefix("errors_by_phase.") {
        return rest.split_once('.').is_some_and(|(place, word)| {
            ErrorPhase::ALL.iter().any(|one| one.name() == place)
                && RunError::kinds().any(|one| one == word)
        });
    }
    if let Some(word) = name.strip_prefix("errors.") {
        return RunError::kinds().any(|one| one == word);
    }
    name.strip_prefix("local_errors.").is_none_or(|errno| SHORTAGES.contains(&errno))
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::load::report::sample;

    use super::*;

    #[test]
    fn every_number_of_the_report_has_a_dotted_name() {
        let report = sample::report();
        let table = [
            ("connections.failed", Found::Value(7.0)),
            ("connections.established", Found::Value(48.0)),
            ("latency_us.p99", Found::Value(1930.0)),
            ("latency_us.count", Found::Value(512_340.0)),
            ("late_us.p99", Found::NotMeasured),
            ("answered_share", Found::Value(1.0)),
            ("errors_by_phase.read.reset", Found::Value(4.0)),
            ("errors_by_phase.close.reset", Found::Value(0.0)),
            ("local_errors.EADDRNOTAVAIL", Found::Value(12.0)),
            ("local_errors.EMFILE", Found::Value(0.0)),
            ("settings.rate", Found::NotMeasured),
            ("duration_s", Found::Value(10.0)),
        ];
        for (name, value) in table {
            assert_eq!(Field::parse(name).unwrap().found(&report), value, "{name}");
        }
        let mut lossy = Report { answered_share: Some(0.9), ..report };
        lossy.latency_us.p99 = None;
        assert_eq!(Field::parse("latency_us.p99").unwrap().found(&lossy), Found::Lost);
        for wrong in [
            "",
            ".",
            "connections",
            "server",
            "seconds",
            "seconds.0",
            "local_errors.",
            "a.b",
            "errors_by_phase.raed.reset",
            "errors_by_phase.read.rest",
            "errors.rest",
            "local_errors.EMFIL",
        ] {
            assert_eq!(Field::parse(wrong), None, "{wrong}");
        }
    }
}
