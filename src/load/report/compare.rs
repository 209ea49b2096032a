//! Compares two reports: better and worse metrics, and whether they are comparable at all.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::error::Category;

use crate::num;

use super::{Found, Report, Statistic, Times, format};

/// Relative difference up to which two values count as the same, as two runs of one program do.
const NOISE: f64 = 0.01;

/// The better direction of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    More,
    Less,
}

/// A metric of both reports, and its format.
struct ComparedMetric {
    name: String,
    better: Better,
    shown: fn(f64) -> String,
    of: (Found, Found),
}

/// Formats a table of both reports' metrics, after a warning for each setting that differs.
///
/// # Errors
///
/// Fails if a file can't be read, is no JSON, or is no report.
pub fn compare(a: &Path, b: &Path) -> anyhow::Result<String> {
    let reports = (read(a)?, read(b)?);
    let mut lines =
        vec![format!("A  {}", title(a, &reports.0)), format!("B  {}", title(b, &reports.1))];
    lines.extend(
        warnings(&reports.0, &reports.1)?.into_iter().map(|text| format!("warning: {text}")),
    );
    lines.push(String::new());
    lines.push(format!("{:<13}{:>15}{:>15}{:>9}", "", "A", "B", "B/A"));
    lines.extend(metrics(&reports.0, &reports.1).iter().map(row));
    Ok(lines.join("\n") + "\n")
}

fn read(path: &Path) -> anyhow::Result<Report> {
    let place = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
    match serde_json::from_str(&text) {
        Ok(report) => Ok(report),
        Err(error) if error.classify() == Category::Data => {
            bail!("{place} is no report of this version of tcpecho-load: {error}")
        }
        Err(error) => bail!("{place} is no JSON: {error}"),
    }
}

fn title(path: &Path, report: &Report) -> String {
    format!("{}: version {}, {}", path.display(), report.version, report.server)
}

/// Lists the reasons why metrics may differ although the server does not.
fn warnings(a: &Report, b: &Report) -> anyhow::Result<Vec<String>> {
    let mut warnings = Vec::new();
    let mut differ = |name: &str, a: &dyn ToString, b: &dyn ToString| {
        let (a, b) = (a.to_string(), b.to_string());
        if a != b {
            warnings.push(format!("{name} differs: {a} in A, {b} in B"));
        }
    };
    differ("mode", &a.mode, &b.mode);
    differ("loop", &a.feedback, &b.feedback);
    // By the names in the JSON object, so that no setting can be forgotten here.
    let settings = (serde_json::to_value(&a.settings)?, serde_json::to_value(&b.settings)?);
    for (name, value) in settings.0.as_object().into_iter().flatten() {
        differ(name, value, settings.1.get(name).unwrap_or_default());
    }
    for (name, report) in [("A", a), ("B", b)] {
        if report.interrupted {
            warnings.push(format!("{name} was interrupted"));
        }
    }
    Ok(warnings)
}

fn metrics(a: &Report, b: &Report) -> Vec<ComparedMetric> {
    let metric = |name: &str, better, shown, of: fn(&Report) -> f64| ComparedMetric {
        name: name.to_owned(),
        better,
        shown,
        of: (Found::Value(of(a)), Found::Value(of(b))),
    };
    let times = |prefix: &str, of: Times| {
        Statistic::ALL.map(|share| ComparedMetric {
            name: format!("{prefix}{}", share.name()),
            better: Better::Less,
            shown: format::time,
            of: (a.time(of, share), b.time(of, share)),
        })
    };
    let count: fn(f64) -> String = |count| format!("{count:.0}");
    let mut metrics = vec![
        metric("rate", Better::More, format::rate, |report| report.lines_per_s),
        metric("bytes-rate", Better::More, format::bytes, |report| report.bytes_per_s),
    ];
    metrics.extend(times("", Times::Latency));
    metrics.extend(times("connect-", Times::Connect));
    metrics.extend(times("late-", Times::Late));
    metrics.extend([
        metric("failed", Better::Less, count, |report| num::to_f64(report.connections.failed)),
        metric("errors", Better::Less, count, |report| num::to_f64(report.errors.values().sum())),
        metric("mismatches", Better::Less, count, |report| num::to_f64(report.mismatches)),
        metric("unanswered", Better::Less, count, |report| num::to_f64(report.unanswered)),
    ]);
    // A metric that neither run measured, such as lateness in a closed loop, is not worth a row.
    metrics.retain(|metric| metric.of != (Found::NotMeasured, Found::NotMeasured));
    metrics
}

fn row(metric: &ComparedMetric) -> String {
    let shown = |found: Found| match found {
        Found::Value(value) => (metric.shown)(value),
        Found::Lost => "lost".to_owned(),
        Found::NotMeasured => "-".to_owned(),
    };
    // A lost value is longer than any time.
    let number = |found: Found| match found {
        Found::Value(value) => Some(value),
        Found::Lost => Some(f64::INFINITY),
        Found::NotMeasured => None,
    };
    let (ratio, word) = match (number(metric.of.0), number(metric.of.1)) {
        (Some(a), Some(b)) => (ratio(a, b), word(metric.better, a, b)),
        (None, _) | (_, None) => ("-".to_owned(), ""),
    };
    let (a, b) = (shown(metric.of.0), shown(metric.of.1));
    format!("{:<13}{a:>15}{b:>15}{ratio:>9}  {word}", metric.name).trim_end().to_owned()
}

fn ratio(a: f64, b: f64) -> String {
    if a > 0.0 && a.is_finite() && b.is_finite() { format!("{:.3}", b / a) } else { "-".to_owned() }
}

fn word(better: Better, a: f64, b: f64) -> &'static str {
    let near = (b - a).abs() <= NOISE * a.abs();
    if a.total_cmp(&b).is_eq() || near && a.is_finite() && b.is_finite() {
        return "same";
    }
    match better {
        Better::More if b > a => "better",
        Better::Less if b < a => "better",
        Better::More | Better::Less => "worse",
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use crate::load::report::sample;

    use super::*;

    fn written(folder: &TempDir, name: &str, text: &str) -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn compared(a: &Report, b: &Report) -> String {
        let folder = tempfile::tempdir().unwrap();
        let written =
            |name, report| written(&folder, name, &serde_json::to_string(report).unwrap());
        let table = compare(&written("a.json", a), &written("b.json", b)).unwrap();
        table.replace(folder.path().to_str().unwrap(), "")
    }

    #[test]
    fn better_worse_and_the_same_are_said_in_a_word() {
        let mut b = sample::report();
        b.lines_per_s *= 1.5;
        b.bytes_per_s *= 0.995;
        b.latency_us.p99 = Some(3860.0);
        b.latency_us.max = None;
        b.errors.clear();
        b.unanswered = 0;
        b.mismatches = 2;
        let table = compared(&sample::report(), &b);
        for row in [
            "A  /a.json: version 0.2.0, 127.0.0.1:9877",
            "                           A              B      B/A",
            "rate                  51,234         76,851    1.500  better",
            "bytes-rate          3.13 MiB       3.11 MiB    0.995  same",
            "p99                  1.93 ms        3.86 ms    2.000  worse",
            "max                  12.3 ms              -        -",
            "connect-p50          80.0 us        80.0 us    1.000  same",
            "errors                     7              0    0.000  better",
            "mismatches                 1              2    2.000  worse",
        ] {
            assert!(table.lines().any(|line| line == row), "{row}\n{table}");
        }
        assert!(!table.contains("late-"), "a closed loop has none: {table}");
        assert!(!table.contains("warning"), "{table}");
    }

    #[test]
    fn a_lost_value_is_worse_than_any_time() {
        let mut b = Report { answered_share: Some(0.95), ..sample::report() };
        (b.latency_us.p99, b.latency_us.max) = (None, None);
        let (there, back) = (compared(&sample::report(), &b), compared(&b, &sample::report()));
        for (table, row) in [
            (there, "p99                  1.93 ms           lost        -  worse"),
            (back, "max                     lost        12.3 ms        -  better"),
            (compared(&b, &b), "p99                     lost           lost        -  same"),
        ] {
            assert!(table.lines().any(|line| line == row), "{row}\n{table}");
        }
    }

    #[test]
    fn from_nothing_there_is_no_ratio() {
        assert_eq!((ratio(0.0, 5.0).as_str(), word(Better::Less, 0.0, 5.0)), ("-", "worse"));
        assert_eq!(word(Better::Less, 0.0, 0.0), "same");
    }

    #[test]
    fn each_setting_that_differs_is_a_warning() {
        let mut b = sample::report();
        b.mode = "stream".to_owned();
        b.interrupted = true;
        b.settings.rate = Some(1000.0);
        b.settings.sources.clear();
        let table = compared(&sample::report(), &b);
        let warnings: Vec<_> = table.lines().filter(|line| line.starts_with("warning")).collect();
        assert_eq!(
            warnings,
            [
                "warning: mode differs: echo in A, stream in B",
                "warning: rate differs: null in A, 1000.0 in B",
                "warning: sources differs: [\"127.0.0.2\"] in A, [] in B",
                "warning: B was interrupted",
            ]
        );
    }

    #[test]
    fn each_file_that_is_no_report_has_its_own_error() {
        let folder = tempfile::tempdir().unwrap();
        let report = serde_json::to_string(&sample::report()).unwrap();
        let good = written(&folder, "good.json", &report);
        let table = [
            (folder.path().join("none.json"), "cannot read ", "none.json"),
            (written(&folder, "cut.json", &report[..100]), "is no JSON: EOF", "cut.json"),
            (written(&folder, "text.json", "lines 5"), "is no JSON: expected", "text.json"),
            (written(&folder, "other.json", "{}"), "is no report of this version", "other.json"),
        ];
        for (bad, complaint, place) in table {
            for (a, b) in [(&bad, &good), (&good, &bad)] {
                let error = format!("{:#}", compare(a, b).unwrap_err());
                assert!(error.contains(complaint) && error.contains(place), "{error}");
            }
        }
    }
}
