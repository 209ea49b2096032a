//! The page of results.

use std::fmt::Write;

use super::cases::{CASES, Case};
use super::goals;
use super::machine;
use super::options::Options;
use super::results::{Results, Spread};
use super::servers::{DAEMON, FLOOR, SERVERS};

/// What stands where nothing was measured.
pub(crate) const NOTHING: &str = "–";

fn nothing() -> String {
    NOTHING.to_owned()
}

/// All of it, as Markdown.
pub(crate) fn page(options: &Options, results: &Results) -> String {
    let mut page = String::from(
        "# Compared with other echo servers\n\n\
         For whoever wants to know what the daemon costs beside others. Written by a program, do \
         not edit.\n\n",
    );
    page += &machine::facts(options);
    write!(
        page,
        "\nEvery server has one core and the load another one; each figure is the median \
         over the rounds, each with a new process. *CPU* is what the kernel counts for the server: \
         its own time and what the network does on its behalf; with 1,000 connections and more, \
         without what these take that echo one line each. *÷ floor* is the median of the \
         ratios within each round, with the least and the greatest of them. {NOTHING} is no \
         measurement.\n\n## Goals\n\n{}\n",
        goals::table(results)
    )
    .unwrap();
    page += &servers(results);
    for case in &CASES {
        if SERVERS.iter().any(|server| results.has(case.name, server.name)) {
            page += &table(case, results);
        }
    }
    let troubles = results.troubles();
    if !troubles.is_empty() {
        page += "## What went wrong\n\nA measurement with an error in it is none.\n\n";
        for trouble in &troubles {
            writeln!(page, "- {trouble}").unwrap();
        }
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// What was compared, and what could not be.
fn servers(results: &Results) -> String {
    let mut text = String::from("## Servers\n\n| server | what it is |\n|---|---|\n");
    for server in &SERVERS {
        let missing = results.skipped.iter().any(|name| name == server.name);
        let missing = if missing { "; **skipped**: it is not there" } else { "" };
        writeln!(text, "| {} | {}{missing} |", server.name, server.about).unwrap();
    }
    text.push('\n');
    text
}

/// A row for each server that was tried, those included that did not bear it.
fn table(case: &Case, results: &Results) -> String {
    let mut text = format!("## {}\n\n{}.\n\n| server |", case.name, capitalised(case.about));
    let mut rule = String::from("|---|");
    for (metric, heading) in case.columns() {
        write!(text, " {heading} |").unwrap();
        rule += "---:|";
        if metric.is_compared(&case.kind) {
            text += " ÷ floor |";
            rule += "---:|";
        }
    }
    writeln!(text, "\n{rule}").unwrap();
    let tried = SERVERS.iter().filter(|server| results.has(case.name, server.name));
    for server in tried {
        let name = if server.name == DAEMON { "**tcpechod**" } else { server.name };
        write!(text, "| {name} |").unwrap();
        for (metric, _) in case.columns() {
            let median = results.median(case.name, server.name, *metric);
            write!(text, " {} |", median.map_or_else(nothing, number)).unwrap();
            if metric.is_compared(&case.kind) {
                let ratio = results.ratio(case.name, server.name, FLOOR, *metric);
                write!(text, " {} |", range(ratio)).unwrap();
            }
        }
        text.push('\n');
    }
    text.push('\n');
    text
}

/// A ratio with its ends.
pub(crate) fn range(ratio: Option<Spread>) -> String {
    ratio.map_or_else(nothing, |Spread { median, least, most }| {
        format!("{median:.3} ({least:.2}–{most:.2})")
    })
}

/// Three digits that count, and commas between thousands.
pub(crate) fn number(number: f64) -> String {
    let size = number.abs();
    if size < 10.0 {
        return format!("{number:.2}");
    }
    if size < 100.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        let left = digits.len() - place;
        if place > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A sentence begins with a capital.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
