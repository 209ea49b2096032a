//! The page at `/`: a file with a script, and the current figures as tables for browsers that run
//! none.

use std::fmt::Write as _;

use super::Status;

/// The page, with a mark at the place of the tables.
const PAGE: &str = include_str!("../status.html");
const MARK: &str = "<!-- figures -->";

/// Allows the style and the script of the page, by their SHA-256 (CSP level 3, section 6.7), and
/// requests to the daemon itself, but nothing else. A test compares the hashes with the page.
pub(in crate::server) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    style-src 'sha256-rdrSvkdIi6KwKr+uYkuQoBykBj362YYGyfYc7U7XE28='; \
    script-src 'sha256-ai38QUlMoiuO/5R7VVLVDOeMd0Jz4Hxzj9UdjiUWvwY='; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Returns the page with these figures.
pub(super) fn page(status: &Status) -> String {
    let (before, after) = PAGE.split_once(MARK).unwrap_or((PAGE, ""));
    let mut page = String::with_capacity(PAGE.len() + (8 << 10));
    page.push_str(before);
    sections(&mut page, status);
    page.push_str(after);
    page
}

fn sections(page: &mut String, status: &Status) {
    let pair = |name: &str, number: u64| [name.to_owned(), number.to_string()];
    let pairs = |counts: &[(&'static str, u64)]| -> Vec<_> {
        counts.iter().map(|(name, number)| pair(name, *number)).collect()
    };
    table(page, "Daemon", ["Figure", "Value"], daemon(status));
    table(page, "Connections", ["Phase", "Connections"], pairs(&status.phases));
    table(page, "Why connections ended", ["Cause", "Connections"], pairs(&status.closed));
    let listeners = status.listeners.iter();
    let listeners = listeners.map(|one| {
        [
            one.address.clone(),
            one.service.to_owned(),
            one.state.to_owned(),
            one.accepted.to_string(),
            shown(one.queue),
            shown(one.backlog),
            shown(one.rtt_us),
        ]
    });
    let head = ["Address", "Service", "State", "Accepted", "Queue", "Backlog", "RTT in µs"];
    table(page, "Listeners", head, listeners);
    table(page, "Limits", ["Limit", "Used", "Of"], limits(status));
    let peers = status.peers.iter().map(|one| [one.address.clone(), one.connections.to_string()]);
    let title =
        if status.peers_estimated { "Busiest addresses (estimated)" } else { "Busiest addresses" };
    table(page, title, ["Address", "Connections"], peers);
    let transitions = status.transitions.iter();
    let transitions =
        transitions.map(|one| [one.from.to_owned(), one.to.to_owned(), one.count.to_string()]);
    table(page, "Transitions", ["From", "To", "Connections"], transitions);
    let accept_errors = status.accept_errors.iter().map(|(errno, count)| pair(errno, *count));
    table(page, "Errors of accept", ["Error", "Number"], accept_errors);
    table(page, "Injected faults", ["Fault", "Connections"], pairs(&status.faults));
    let options = status.configuration.iter().map(|line| [line.clone()]);
    table(page, "Configuration in force", ["Option"], options);
}

/// Returns the number, or nothing if it is unknown.
fn shown(number: Option<u32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn daemon(status: &Status) -> Vec<[String; 2]> {
    let draining = if status.draining { "draining" } else { status.listener_state };
    [
        ("Version", status.version.to_owned()),
        ("State", draining.to_owned()),
        ("Seconds since the start", status.uptime_s.to_string()),
        ("Accepted connections", status.accepted.to_string()),
        ("Lines", status.lines.to_string()),
        ("Bytes received", status.bytes_in.to_string()),
        ("Bytes sent", status.bytes_out.to_string()),
        ("Children", status.children.to_string()),
        ("Passes of the event loop", status.event_loop.iterations.to_string()),
        ("Slow ones", status.event_loop.slow.to_string()),
        ("Longest one, in seconds", status.event_loop.longest_s.to_string()),
        ("Pauses of accept", status.accept_pauses.to_string()),
        ("Log lines dropped", status.log_lines_dropped.to_string()),
    ]
    .map(|(name, value)| [name.to_owned(), value])
    .to_vec()
}

fn limits(status: &Status) -> Vec<[String; 3]> {
    let limits = &status.limits;
    let row = |name: &str, used: usize, most: Option<String>| {
        [name.to_owned(), used.to_string(), most.unwrap_or_else(|| "none".to_owned())]
    };
    vec![
        row("connections", limits.connections, Some(limits.connections_max.to_string())),
        row("descriptors", limits.descriptors_open, limits.descriptors.map(|max| max.to_string())),
    ]
}

/// Writes a section with one table; nothing if it has no rows.
fn table<const N: usize>(
    page: &mut String,
    title: &str,
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return;
    }
    let mut cells = |text: &str| page.push_str(text);
    cells("<section class=\"card\"><h2>");
    cells(title);
    cells("</h2><table><thead><tr>");
    for name in head {
        cells(&format!("<th scope=\"col\">{name}</th>"));
    }
    cells("</tr></thead><tbody>\n");
    for row in rows {
        let tags = std::iter::once("th").chain(std::iter::repeat("td"));
        cells("<tr>");
        for (text, tag) in row.iter().zip(tags) {
            let scope = if tag == "th" { " scope=\"row\"" } else { "" };
            cells(&format!("<{tag}{scope}>{}</{tag}>", escaped(text)));
        }
        cells("</tr>\n");
    }
    cells("</tbody></table></section>\n");
}

/// Returns the text with the letters replaced that HTML gives a meaning.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' | '>' | '&' | '"' | '\'' => {
                let written = write!(escaped, "&#{};", u32::from(letter));
                debug_assert!(written.is_ok(), "a String takes everything");
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_configuration_is_no_html() {
        let mut page = String::new();
        table(&mut page, "T", ["A"], [["<b onload='x'>&\"".to_owned()]]);
        assert!(page.contains("<th scope=\"row\">&#60;b onload=&#39;x&#39;&#62;&#38;&#34;</th>"));
    }

    #[test]
    fn the_page_has_one_place_for_its_figures() {
        assert_eq!(PAGE.matches(MARK).count(), 1);
    }
}
