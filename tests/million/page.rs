//! The figures of a run: a table, and the page with the machine that they are of.

#[path = "facts.rs"]
mod facts;

use std::fmt::Write;

use super::crowd::Story;
use super::process;
use super::scale::Scale;

/// A million connections are to be open and echoed within so many seconds, and all daemons
/// together are to have so many MB to themselves.
const OPENED_GOAL_S: u32 = 90;
const DAEMONS_GOAL_MB: u32 = 100;

/// The whole page, as Markdown.
pub(crate) fn page(facts: &str, table: &str) -> String {
    format!(
        "# A million connections\n\n\
         For whoever wants to know what so many connections take. Written by a program, do not \
         edit.\n\n{facts}\n\
         Goals for a million: open and echoed within {OPENED_GOAL_S} s, and at most \
         {DAEMONS_GOAL_MB} MB of private memory in all daemons.\n\n{table}\n\
         ![Connections and memory over time](million.svg)\n"
    )
}

/// The machine, and how busy it is before the run, as a table.
pub(crate) fn facts(connections: u64) -> String {
    let said = match connections {
        1_000_000 => String::new(),
        other => format!("--connections {other}"),
    };
    facts::facts("million", &said, &[facts::load_average()])
}

/// Markdown, a row a figure.
pub(crate) fn table(story: &Story, scale: &Scale) -> String {
    let rows = [
        ("connections, each echoed and held", count(story.held.open)),
        ("daemons on one port", scale.daemons.to_string()),
        ("load generators", scale.loads.to_string()),
        ("source addresses of each", scale.sources.to_string()),
        ("until all were open and echoed", seconds(story.opened)),
        ("from the second question until all were closed", seconds(story.closed)),
        ("from SIGTERM until the last daemon had ended", seconds(story.drained)),
    ];
    let mut table = String::from("| figure | measured |\n|---|---|\n");
    for (name, figure) in rows.into_iter().chain(memory(story, scale)).chain(counts(story, scale)) {
        writeln!(table, "| {name} | {figure} |").unwrap();
    }
    table
}

/// Who held how much at the end of the hold.
fn memory(story: &Story, scale: &Scale) -> [(&'static str, String); 6] {
    let held = &story.held;
    let connections = f64::from(u32::try_from(scale.connections).unwrap());
    let mega = |bytes: f64| format!("{:.1} MB", bytes / 1e6);
    let each =
        |bytes: f64| format!("{}, {:.0} bytes a connection", mega(bytes), bytes / connections);
    let own = (held.daemons_bytes - story.daemons_bytes_before) / connections;
    [
        ("private memory of all daemons", mega(held.daemons_bytes)),
        ("of that, before they had a connection", mega(story.daemons_bytes_before)),
        ("the rest, a connection", format!("{own:.1} bytes")),
        ("private memory of all load generators", each(held.loads_bytes)),
        ("kernel: growth of Slab and of TCP's buffers", each(held.kernel_bytes)),
        ("kernel: growth of SUnreclaim, a part of Slab", each(story.unreclaimable_bytes)),
    ]
}

/// What the daemons have counted.
fn counts(story: &Story, scale: &Scale) -> [(&'static str, String); 6] {
    let counted = |name: &str| count(process::count(&story.counts, name));
    let again = scale.lines() - scale.connections;
    [
        ("accepted", counted("accepted")),
        ("ended with FIN both ways (`finished`)", counted("finished")),
        ("lines echoed", counted("lines")),
        ("of these, asked for a second time", count(again)),
        ("bytes in, bytes out", format!("{}, {}", counted("bytes_in"), counted("bytes_out"))),
        ("errors", story.wrong.len().to_string()),
    ]
}

fn seconds(duration: std::time::Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// With commas between thousands.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
