//! The JSON report against its schema, which must describe every field and no other.

use serde_json::Value;

use super::sample;

#[path = "../../../tests/load/schema.rs"]
mod schema;

use schema::disagreements;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/load-report.schema.json")).unwrap()
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
        ("report.lines: missing", |report| {
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
