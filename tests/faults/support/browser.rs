//! Chromium without a window, driven through pipes by the `DevTools` protocol.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::LIMIT;

/// Starts Chromium with the pipes of the protocol, which are its descriptors 3 and 4. `$1` is the
/// directory of its profile.
const START: &str = "exec chromium --headless --no-sandbox --disable-gpu --remote-debugging-pipe \
                     --user-data-dir=\"$1\" 3<&0 4>&1 0</dev/null >/dev/null 2>&1";

/// A browser with one page.
pub(crate) struct Browser {
    process: Child,
    requests: ChildStdin,
    messages: Receiver<Value>,
    session: String,
    last_id: u64,
    /// Lines of the console, exceptions, and reports of the browser, such as failed requests.
    pub(crate) console: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser with a window of that many pixels.
    pub(crate) fn start(width: u32, height: u32) -> Self {
        let profile = TempDir::new().unwrap();
        let mut process = Command::new("bash")
            .args(["-c", START, "bash"])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
            }
        });
        let (session, console) = (String::new(), Vec::new());
        let mut browser =
            Self { process, requests, messages, session, last_id: 0, console, _profile: profile };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", &attach);
        session["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser.call("Emulation.setScrollbarsHidden", &json!({ "hidden": true }));
        browser.resize(width, height);
        browser
    }

    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Turns scripts off, for pages that are opened from now on.
    pub(crate) fn run_no_scripts(&mut self) {
        self.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    }

    pub(crate) fn open(&mut self, url: &str) {
        self.call("Page.navigate", &json!({ "url": url }));
    }

    /// Returns the value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let request = json!({ "expression": expression, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", &request);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Returns the whole page as a picture: WebP in base64.
    pub(crate) fn picture(&mut self) -> String {
        let format = json!({ "format": "webp", "quality": 80, "captureBeyondViewport": true });
        let answer = self.call("Page.captureScreenshot", &format);
        answer["data"].as_str().unwrap().to_owned()
    }

    /// Calls a method of the protocol, and returns its result.
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let mut request = json!({ "id": id, "method": method, "params": parameters });
        if !self.session.is_empty() {
            request["sessionId"] = json!(self.session);
        }
        self.requests.write_all(format!("{request}\0").as_bytes()).unwrap();
        loop {
            let mut message = self.messages.recv_timeout(LIMIT).unwrap();
            if message["id"] == json!(id) {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].take();
            }
            let event = message["method"].as_str().unwrap_or_default();
            let of_console =
                ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"];
            if of_console.contains(&event) {
                self.console.push(message);
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
