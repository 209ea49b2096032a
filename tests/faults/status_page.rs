//! The status page and `/status.json`: their figures, in a browser and without one.
//!
//! `cargo test --locked --test faults -- --ignored picture` draws `docs/status.webp`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::admin::{curl, daemon};
use super::support::{Browser, eventually, have};

/// Prints the Content-Security-Policy's word for the `style` and `script` of the page on standard
/// input.
const HASHES: &str = "
import base64, hashlib, re, sys
page = sys.stdin.read()
for tag in ('style', 'script'):
    text = re.search('<%s>(.*?)</%s>' % (tag, tag), page, re.S).group(1)
    print(\"'sha256-%s'\" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())
";

fn status(address: SocketAddr) -> Value {
    let (code, text) = curl(address, "/status.json", &[]);
    assert_eq!(code, "200");
    serde_json::from_str(&text).unwrap()
}

/// Returns the status once no younger one is served for a change: after the time for which a text
/// is reused.
fn settled(address: SocketAddr, lines: u64) -> Value {
    eventually("the status has all lines", || {
        Some(status(address)).filter(|status| status["lines"] == json!(lines))
    })
}

#[test]
fn the_status_has_the_figures_of_the_metrics_and_the_configuration() {
    if !have(&["curl"]) {
        return;
    }
    let arguments = ["--max-connections", "50", "--max-per-peer", "20", "--fault", "slice=100%"];
    let (daemon, address) = daemon(&arguments);
    let mut peers = daemon.connect_many(3);
    for peer in &mut peers {
        peer.echo(b"a line\n");
    }
    peers.pop().unwrap().reset();
    daemon.wait_for_status("one is reset", |status| status.count("reset") == 1);
    let found = eventually("the status counts the reset", || {
        Some(status(address)).filter(|status| status["closed"]["reset"] == json!(1))
    });
    for (pointer, expected) in [
        ("/version", json!(env!("CARGO_PKG_VERSION"))),
        ("/phases/open", json!(2)),
        ("/closed/finished", json!(0)),
        ("/accepted", json!(3)),
        ("/lines", json!(3)),
        ("/bytes_in", json!(21)),
        ("/bytes_out", json!(21)),
        ("/children", json!(0)),
        ("/faults/slice", json!(3)),
        ("/listeners/0/address", json!(daemon.address().to_string())),
        ("/listeners/0/service", json!("echo")),
        ("/listeners/0/state", json!("open")),
        ("/listeners/0/accepted", json!(3)),
        ("/listeners/0/queue", json!(0)),
        ("/limits/connections", json!(2)),
        ("/limits/connections_max", json!(50)),
        ("/limits/per_peer_max", json!(20)),
        ("/peers", json!([{ "address": "127.0.0.1", "connections": 2 }])),
        ("/transitions/0", json!({ "from": "queued", "to": "open", "count": 3 })),
        ("/transitions/1", json!({ "from": "open", "to": "closed", "count": 1 })),
    ] {
        assert_eq!(found.pointer(pointer), Some(&expected), "{pointer} in {found}");
    }
    assert!(found["uptime_s"].as_f64().unwrap() > 0.0);
    assert!(found["limits"]["descriptors"].as_u64().unwrap() > 50);
    let option = json!("--max-connections 50 (flag)");
    assert!(found["configuration"].as_array().unwrap().contains(&option), "{found}");
    drop(peers);
    daemon.epilogue();
}

/// The text is made anew ten times a second, however many requests come: each makes the daemon look
/// at every connection.
#[test]
fn a_flood_of_requests_gets_one_text_for_a_tenth_of_a_second() {
    if !have(&["curl"]) {
        return;
    }
    let (daemon, address) = daemon(&[]);
    let mut peer = daemon.connect();
    let url = format!("http://{address}/status.json");
    let urls = vec![url; 200];
    let mut flood = Command::new("curl");
    let output = flood.args(["--silent", "--noproxy", "*"]).args(urls).output().unwrap();
    peer.echo(b"meanwhile\n");
    let text = String::from_utf8(output.stdout).unwrap();
    let texts: Vec<Value> =
        serde_json::Deserializer::from_str(&text).into_iter().map(Result::unwrap).collect();
    let mut made: Vec<_> = texts.iter().map(|one| one["uptime_s"].as_f64().unwrap()).collect();
    assert_eq!(made.len(), 200);
    made.dedup();
    // The loop's clock is coarse.
    assert!(made.windows(2).all(|two| two[1] - two[0] > 0.08), "{made:?}");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn the_page_allows_its_own_style_and_script_and_no_others() {
    if !have(&["curl", "python3"]) {
        return;
    }
    let (daemon, address) = daemon(&[]);
    let (_, answer) = curl(address, "/", &["--include"]);
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    let mut python = Command::new("python3")
        .args(["-c", HASHES])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let hashes = String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap();
    let expected: Vec<_> = hashes.lines().collect();
    let policy = head.lines().find(|line| line.starts_with("Content-Security-Policy: ")).unwrap();
    let found: Vec<_> =
        policy.split([' ', ';']).filter(|word| word.starts_with("'sha256")).collect();
    assert_eq!(found, expected, "the constant in src/server/status_page/html.rs");
    daemon.epilogue();
}

/// The numbers on the page, without the commas of thousands.
fn shown(browser: &mut Browser, id: &str) -> u64 {
    let text = browser.value(&format!("document.getElementById('{id}').textContent"));
    text.as_str().unwrap().replace(',', "").parse().unwrap()
}

/// Ends the load, also when the test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn is_live(browser: &mut Browser) {
    eventually("the page has figures", || {
        let live = browser.value("document.documentElement?.classList.contains('live')");
        (live == json!(true)).then_some(())
    });
}

#[test]
fn the_page_shows_the_figures_while_load_runs_at_any_width_without_an_error() {
    if !have(&["curl", "bash", "chromium"]) {
        return;
    }
    let (daemon, address) = daemon(&[]);
    let mut browser = Browser::start(360, 800);
    let over = AtomicBool::new(false);
    let lines = thread::scope(|scope| {
        let load = scope.spawn(|| {
            let (mut peer, mut lines) = (daemon.connect(), 0);
            while !over.load(Ordering::Relaxed) {
                peer.echo(b"a line\n");
                lines += 1;
            }
            lines
        });
        let ending = Ending(&over);
        browser.open(&format!("http://{address}/"));
        is_live(&mut browser);
        for width in [360, 768, 1920] {
            browser.resize(width, 800);
            let before = status(address)["lines"].as_u64().unwrap();
            let between = eventually("the page goes on", || {
                Some(shown(&mut browser, "lines")).filter(|lines| *lines > before)
            });
            let after = status(address)["lines"].as_u64().unwrap();
            assert!((before..=after).contains(&between), "{before}, {between}, {after}");
            let root = "document.documentElement";
            let overflow = browser.value(&format!("{root}.scrollWidth - {root}.clientWidth"));
            assert_eq!(overflow, json!(0), "pixels to scroll to the right at {width}");
        }
        drop(ending);
        load.join().unwrap()
    });
    settled(address, lines);
    eventually("the page has the last line", || {
        (shown(&mut browser, "lines") == lines).then_some(())
    });
    let (_, metrics) = curl(address, "/metrics", &[]);
    assert!(metrics.contains(&format!("\ntcpechod_lines_total {lines}\n")), "{lines}: {metrics}");
    for (id, expected) in [("open", 0), ("accepted", 1), ("ended", 1)] {
        eventually("the page has the end", || (shown(&mut browser, id) == expected).then_some(()));
    }
    assert_eq!(browser.console, Vec::<Value>::new());
    drop(browser);
    daemon.epilogue();
}

#[test]
fn without_scripts_the_page_has_the_figures_as_tables() {
    if !have(&["curl", "bash", "chromium"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let socket = format!("unix:{}/<b>", directory.path().display());
    let (daemon, address) = daemon(&["--listen", &socket]);
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    settled(address, 1);
    let mut browser = Browser::start(360, 800);
    browser.run_no_scripts();
    browser.open(&format!("http://{address}/"));
    // A part of the page would have a part of the tables.
    let rows = "document.readyState !== 'complete' ? '' : \
                [...document.querySelectorAll('#plain tr')].map((row) => row.innerText).join()";
    let text = eventually("the page is there", || {
        let text = browser.value(rows);
        let text = text.as_str().unwrap();
        text.contains("open\t1").then(|| text.to_owned())
    });
    for figure in ["Lines\t1", "finished\t0", &format!("{socket}\techo\topen\t0")] {
        assert!(text.contains(figure), "{figure}: {text}");
    }
    let names = browser.value("[...document.querySelectorAll('th')].map((one) => one.scope)");
    let scopes: BTreeSet<_> = names.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(scopes, BTreeSet::from(["col", "row"]), "each head of a table says for which cells");
    drop((peer, browser));
    daemon.epilogue();
}

/// Four minutes of load, with resets, half-closes and evictions.
#[test]
#[ignore = "draws docs/status.webp"]
fn picture_of_the_page() {
    let listeners = ["--listen", "127.0.0.1:0,service=raw"];
    let limits = ["--max-connections", "160", "--over-limit", "evict", "--max-per-peer", "64"];
    let (daemon, address) = daemon(&[&listeners[..], &limits[..]].concat());
    let port = daemon.address().port().to_string();
    let mut loads: Vec<_> = [
        "--mode echo --connections 60 --rate 6k --source 127.0.0.2-127.0.0.9",
        "--mode churn --connections 4 --rate 60 --source 127.0.1.1-127.0.1.9",
        "--mode abort --connections 2 --rate 12 --source 127.0.2.1",
        "--mode half-close --connections 3 --rate 9 --size 256k --source 127.0.3.1",
    ]
    .iter()
    .map(|words| {
        let mut load = Command::new(env!("CARGO_BIN_EXE_tcpecho-load"));
        load.args(words.split(' ')).args(["--duration", "5m", "127.0.0.1", &port]);
        load.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    })
    .collect();
    let mut browser = Browser::start(1280, 1180);
    browser.open(&format!("http://{address}/"));
    is_live(&mut browser);
    // The limit of the others is too short for this.
    while status(address)["uptime_s"].as_f64().unwrap() < 240.0 {
        thread::park_timeout(super::support::LIMIT / 30);
    }
    let picture = browser.picture();
    for load in &mut loads {
        load.kill().unwrap();
        load.wait().unwrap();
    }
    let mut base64 = Command::new("base64")
        .arg("--decode")
        .stdin(Stdio::piped())
        .stdout(fs::File::create(place("docs/status.webp")).unwrap())
        .spawn()
        .unwrap();
    base64.stdin.take().unwrap().write_all(picture.as_bytes()).unwrap();
    assert!(base64.wait().unwrap().success());
}

fn place(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
