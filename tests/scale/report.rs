//! The report of a load generator.

use serde_json::Value;

/// Lists the fields that differ from their expected value; errors and local errors must be empty.
pub(crate) fn complaints(
    report: &Value,
    due: impl IntoIterator<Item = (&'static str, u64)>,
) -> impl Iterator<Item = String> {
    let counted = due.into_iter().filter_map(|(place, due)| {
        let found = report.pointer(place).and_then(Value::as_u64);
        (found != Some(due)).then(|| format!("{place} is {found:?}, not {due}"))
    });
    let empty = ["/errors", "/local_errors"].into_iter().filter_map(|place| {
        let found = report.pointer(place).unwrap_or(&Value::Null);
        let none = found.as_object().is_some_and(serde_json::Map::is_empty);
        (!none).then(|| format!("{place}: {found}"))
    });
    counted.chain(empty)
}
