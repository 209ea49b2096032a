//! The two text formats of metrics, and the choice between them.

use std::rc::Rc;

use crate::http::preferred;

/// The media types, without and with parameters: OpenMetrics, which Prometheus requests
/// (OpenMetrics 1.0, section 2.1), and its older text format, which every client reads.
const OPEN_METRICS: &str = "application/openmetrics-text";
const PLAIN: &str = "text/plain";
const OPEN_METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Sorts the samples of each family; `prometheus_client` writes them in the order of a hash map.
/// Those of a histogram are in order, by their bounds.
pub(super) fn sorted(text: &str) -> String {
    let mut sorted = String::with_capacity(text.len());
    let mut samples = Vec::new();
    let mut is_histogram = false;
    for line in text.lines().chain(["# EOF"]) {
        if line.starts_with('#') {
            if !is_histogram {
                samples.sort_unstable();
            }
            samples.drain(..).for_each(|sample| push_line(&mut sorted, sample));
            push_line(&mut sorted, line);
            is_histogram = line.ends_with(" histogram") && line.starts_with("# TYPE ");
        } else {
            samples.push(line);
        }
    }
    // `prometheus_client` has ended the text too.
    sorted.truncate(sorted.len() - "# EOF\n".len());
    sorted
}

/// Returns the content type and the text that `accept` prefers, from OpenMetrics text.
pub(in crate::server) fn negotiated(
    accept: &str,
    open_metrics: Rc<str>,
) -> (&'static str, Rc<str>) {
    if preferred(accept, &[OPEN_METRICS, PLAIN]) == Some(PLAIN) {
        return (PLAIN_TYPE, plain(&open_metrics).into());
    }
    (OPEN_METRICS_TYPE, open_metrics)
}

/// Converts to the older format: a counter's family has the name of its samples, and there is no
/// unit and no end mark.
fn plain(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let counters: Vec<_> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    for line in open_metrics.lines() {
        match line.strip_prefix("# ").map(|rest| rest.splitn(3, ' ').collect::<Vec<_>>()) {
            None => push_line(&mut text, line),
            Some(words) => {
                if let [word @ ("HELP" | "TYPE"), name, rest] = *words {
                    let total = if counters.contains(&name) { "_total" } else { "" };
                    push_line(&mut text, &format!("# {word} {name}{total} {rest}"));
                }
            }
        }
    }
    text
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &str = "# HELP lines Requests answered.\n# TYPE lines counter\nlines_total 3\n\
                        # HELP phase By phase.\n# TYPE phase gauge\n\
                        phase{phase=\"open\"} 1\nphase{phase=\"draining\"} 0\n# EOF\n";

    #[test]
    fn samples_come_in_a_fixed_order_below_their_own_family() {
        let text = sorted(OPEN);
        let place = |sample: &str| text.lines().position(|line| line == sample).unwrap();
        assert!(place("phase{phase=\"draining\"} 0") < place("phase{phase=\"open\"} 1"));
        assert!(place("# TYPE phase gauge") < place("phase{phase=\"draining\"} 0"));
        assert_eq!(text.len(), OPEN.len());
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn the_bounds_of_a_histogram_stay_in_order() {
        let text = "# TYPE s histogram\ns_sum 3.0\ns_count 2\ns_bucket{le=\"2.0\"} 1\n\
                    s_bucket{le=\"10.0\"} 1\ns_bucket{le=\"+Inf\"} 2\n# EOF\n";
        assert_eq!(sorted(text), text);
    }

    #[test]
    fn the_older_format_has_counters_by_their_full_names() {
        let (kind, text) = negotiated("text/plain", OPEN.into());
        assert_eq!(kind, PLAIN_TYPE);
        let expected = "# HELP lines_total Requests answered.\n# TYPE lines_total counter\n\
                        lines_total 3\n# HELP phase By phase.\n# TYPE phase gauge\n\
                        phase{phase=\"open\"} 1\nphase{phase=\"draining\"} 0\n";
        assert_eq!(&*text, expected);
        assert_eq!(negotiated("*/*", OPEN.into()), (OPEN_METRICS_TYPE, OPEN.into()));
    }
}
