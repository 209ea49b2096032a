//! The figures of a soak, and the page around them.

#[expect(dead_code, reason = "other pages tell more of the machine")]
#[path = "../million/facts.rs"]
mod facts;

use std::fmt::Write;

use serde_json::Value;

use super::process;
use super::quiet::Sample;
use super::soaking::Story;
use super::waves::{OPTIONS, WAVES};

/// The whole page, as Markdown.
pub(crate) fn page(facts: &str, story: &Story) -> String {
    let waves: Vec<_> = WAVES.iter().map(|wave| wave.name()).collect();
    format!(
        "# A soak\n\n\
         For whoever wants to know what is left after a long time. Written by a program, do not \
         edit.\n\n{facts}\n\
         A hundred polite peers send 2,000 lines a second all the time, and verify every byte. \
         Beside them come waves, again and again: {}. The daemon runs with `{}`. After each wave \
         all others are gone, and what is open then has to be what was open at the beginning.\n\n\
         {}\n![Memory, descriptors and the log over time](soak.svg)\n",
        waves.join(", "),
        OPTIONS.join(" "),
        table(story)
    )
}

/// The machine, and what was asked for, as a table.
pub(crate) fn facts(said: &str) -> String {
    facts::facts("soak", said, &[])
}

/// Markdown, a row a figure.
pub(crate) fn table(story: &Story) -> String {
    let quiet: Vec<_> = story.quiet().collect();
    let after_first: Vec<_> = quiet.iter().skip(WAVES.len()).collect();
    let count = |name: &str| process::count(&story.counts, name).to_string();
    let number = |place: &str| {
        story
            .report
            .pointer(place)
            .and_then(Value::as_f64)
            .map_or_else(|| "?".into(), |it| format!("{it}"))
    };
    let lost = if super::stage::lost(&story.report).is_empty() { "0" } else { "some" };
    let mega =
        |sample: Option<&&&Sample>| sample.map_or(f64::NAN, |sample| sample.private_bytes / 1e6);
    let descriptors: Vec<_> = quiet.iter().map(|sample| sample.descriptors).collect();
    let log = quiet.last().map_or(0, |sample| sample.log_bytes);
    let rows = [
        ("lasted", humantime::format_duration(whole_seconds(story)).to_string()),
        ("waves", (quiet.len() - 1).to_string()),
        ("connections", count("accepted")),
        ("lines echoed", count("lines")),
        ("bytes echoed", count("bytes_out")),
        ("lines of the polite, each verified", number("/lines_total")),
        ("of them lost, or not as they were sent", lost.to_owned()),
        (
            "descriptors at the quiet moments, least and most",
            format!("{}, {}", descriptors.iter().min().unwrap(), descriptors.iter().max().unwrap()),
        ),
        (
            "memory after every kind of wave has been there once, and at the end",
            format!("{:.3} MB, {:.3} MB", mega(after_first.first()), mega(after_first.last())),
        ),
        (
            "growth of memory an hour, the middle one of three parts of the time",
            format!("{:.0} bytes", story.growth_bytes),
        ),
        ("log, with the status lines that were asked for", format!("{log} bytes")),
        ("pauses for want of descriptors", count("accept_pauses")),
    ];
    let mut table = String::from("| figure | measured |\n|---|---|\n");
    for (name, figure) in rows {
        writeln!(table, "| {name} | {figure} |").unwrap();
    }
    for cause in tcpecho::cause::Cause::ALL {
        let ended = count(cause.word());
        if ended != "0" {
            writeln!(table, "| ended as `{cause}` | {ended} |").unwrap();
        }
    }
    table
}

fn whole_seconds(story: &Story) -> std::time::Duration {
    std::time::Duration::from_secs(story.lasted.as_secs())
}
