//! Compares JSON with its schema, for the tests of the reports.

use serde_json::{Map, Value};

/// Lists the differences between a value and its schema, with their path. Supports only the
/// keywords that our schemas use, and complains about all others, so that no rule goes
/// unchecked.
pub(crate) fn disagreements(
    schema: &Value,
    rule: &Value,
    value: &Value,
    path: &str,
) -> Vec<String> {
    let rule = match rule.get("$ref").and_then(Value::as_str) {
        Some(link) => schema.pointer(link.trim_start_matches('#')).unwrap(),
        None => rule,
    };
    if let Some(rules) = rule.get("anyOf").and_then(Value::as_array) {
        let each = rules.iter().map(|rule| disagreements(schema, rule, value, path));
        return each.min_by_key(Vec::len).unwrap();
    }
    let mut wrong = Vec::new();
    let known = [
        "$schema",
        "$defs",
        "title",
        "description",
        "type",
        "additionalProperties",
        "required",
        "properties",
        "items",
        "minimum",
        "maximum",
        "enum",
    ];
    for key in rule.as_object().unwrap().keys() {
        if !known.contains(&key.as_str()) {
            wrong.push(format!("{path}: this test does not know {key}"));
        }
    }
    // A type, or a list of types. An integer is also a number.
    let found = kind(value);
    let allowed = |name: &str| {
        let types = &rule["type"];
        types == name || types.as_array().is_some_and(|types| types.iter().any(|one| one == name))
    };
    let fits = allowed(found) || (found == "integer" && allowed("number"));
    if !fits {
        wrong.push(format!("{path}: {found}, not {}", rule["type"]));
    }
    if rule.get("enum").is_some_and(|values| !values.as_array().unwrap().contains(value)) {
        wrong.push(format!("{path}: {value} is not one of {}", rule["enum"]));
    }
    let bound = |name: &str| rule.get(name).and_then(Value::as_f64);
    if value.as_f64().is_some_and(|number| {
        bound("minimum").is_some_and(|least| number < least)
            || bound("maximum").is_some_and(|most| number > most)
    }) {
        wrong.push(format!("{path}: {value} is out of bounds"));
    }
    match value {
        Value::Array(items) => wrong.extend(
            items.iter().flat_map(|item| disagreements(schema, &rule["items"], item, path)),
        ),
        Value::Object(fields) => wrong.extend(in_object(schema, rule, fields, path)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    wrong
}

fn in_object(schema: &Value, rule: &Value, fields: &Map<String, Value>, path: &str) -> Vec<String> {
    let none = Map::new();
    let described = rule.get("properties").map_or(&none, |rules| rules.as_object().unwrap());
    let mut wrong = Vec::new();
    for (name, value) in fields {
        let path = format!("{path}.{name}");
        match (described.get(name), &rule["additionalProperties"]) {
            (Some(rule), _) => wrong.extend(disagreements(schema, rule, value, &path)),
            (None, Value::Object(rule)) => {
                let rule = Value::Object(rule.clone());
                wrong.extend(disagreements(schema, &rule, value, &path));
            }
            (None, _) => wrong.push(format!("{path}: not in the schema")),
        }
    }
    let required = rule.get("required").and_then(Value::as_array).into_iter().flatten();
    let missing = required.filter_map(Value::as_str).filter(|name| !fields.contains_key(*name));
    wrong.extend(missing.map(|name| format!("{path}.{name}: missing")));
    wrong
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
