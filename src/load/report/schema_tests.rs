//! The JSON report against its schema, which must describe every field and no other.

use serde_json::{Map, Value};

use super::sample;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/load-report.schema.json")).unwrap()
}

/// Lists the differences between a value and its schema, with their path. Supports only the
/// keywords that the report's schema uses, and complains about all others, so that no rule goes
/// unchecked.
fn disagreements(schema: &Value, rule: &Value, value: &Value, path: &str) -> Vec<String> {
    let rule = match rule.get("$ref").and_then(Value::as_str) {
        Some(link) => schema.pointer(link.trim_start_matches('#')).unwrap(),
        None => rule,
    };
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
    let number = value.as_f64().unwrap_or(0.0);
    if rule.get("minimum").is_some_and(|least| number < least.as_f64().unwrap())
        || rule.get("maximum").is_some_and(|most| number > most.as_f64().unwrap())
    {
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
    let missing = described.keys().filter(|name| !fields.contains_key(*name));
    wrong.extend(missing.map(|name| format!("{path}.{name}: not in the report")));
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

#[test]
fn a_report_has_the_fields_of_the_schema_and_no_others() {
    let schema = schema();
    for report in [sample::report(), sample::nothing()] {
        let value = serde_json::to_value(&report).unwrap();
        assert_eq!(disagreements(&schema, &schema, &value, "report"), [""; 0]);
    }
}

type Spoil = fn(&mut Value);

#[test]
fn absent_and_unknown_fields_are_found() {
    let schema = schema();
    let good = serde_json::to_value(sample::report()).unwrap();
    let table: [(&str, Spoil); 6] = [
        ("report.lines: not in the report", |report| {
            report.as_object_mut().unwrap().remove("lines");
        }),
        ("report.more: not in the schema", |report| report["more"] = Value::Null),
        ("report.lines: number", |report| report["lines"] = 1.5.into()),
        ("report.errors.reset: string", |report| report["errors"]["reset"] = "4".into()),
        ("report.first_mismatches.got: 256", |report| {
            report["first_mismatches"][0]["got"] = 256.into();
        }),
        ("report.settings.close: \"cut\"", |report| report["settings"]["close"] = "cut".into()),
    ];
    for (complaint, spoil) in table {
        let mut report = good.clone();
        spoil(&mut report);
        let wrong = disagreements(&schema, &schema, &report, "report");
        assert!(wrong.len() == 1 && wrong[0].starts_with(complaint), "{complaint}: {wrong:?}");
    }
}

/// Each object is closed, requires all of its fields, and describes them.
#[test]
fn the_schema_describes_every_field() {
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap().values();
    for object in definitions.chain([&schema]) {
        let fields = object["properties"].as_object().unwrap();
        let required = object["required"].as_array().unwrap();
        assert_eq!(object["additionalProperties"], false, "{object}");
        assert_eq!(required.len(), fields.len(), "{object}");
        assert!(required.iter().all(|name| fields.contains_key(name.as_str().unwrap())));
        for (name, rule) in fields {
            assert!(rule["description"].as_str().is_some_and(|text| text.len() > 5), "{name}");
        }
    }
}

#[test]
fn a_report_reads_back_as_it_was_written() {
    for report in [sample::report(), sample::nothing()] {
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<super::Report>(&text).unwrap(), report);
    }
}
