//! The responses of the admin endpoint, and how long their texts are reused.
//!
//! The reactor counts; the modules below only format. A text takes a look at every connection, so
//! for a while all requests get the same one: a flood of requests costs the peers no more than one
//! for `/healthz`.

use std::rc::Rc;
use std::time::Duration;

use crate::clock::MonotonicMs;
use crate::http::{Request, Response};
use crate::num;
use crate::reactor::{FaultCounts, Os, Reactor};

use super::metrics::{Metrics, negotiated};
use super::status_page::{CONTENT_SECURITY_POLICY, StatusPage};

/// The time for which a text is reused.
const FRESH: Duration = Duration::from_millis(100);

/// The connections that make that time a millisecond longer, so that looking at a million of them
/// takes one or two per cent of the time.
const CONNECTIONS_A_MS: usize = 1000;

/// Makes the responses.
#[derive(Debug)]
pub(super) struct AdminResponses {
    metrics: Metrics,
    page: StatusPage,
    metrics_text: Cached,
    status_json: Cached,
    page_html: Cached,
}

impl AdminResponses {
    /// Opens the files in /proc that are read later, before the sandbox forbids it. The page shows
    /// these lines as the configuration in force.
    pub(super) fn new(configuration: Vec<String>) -> Self {
        Self {
            metrics: Metrics::new(),
            page: StatusPage::new(configuration),
            metrics_text: Cached::default(),
            status_json: Cached::default(),
            page_html: Cached::default(),
        }
    }

    /// Returns the response to a request.
    pub(super) fn response<O: Os>(
        &mut self,
        reactor: &mut Reactor<O>,
        faults: &FaultCounts,
        request: &Request,
    ) -> Response {
        let Self { metrics, page, .. } = self;
        match request.path.as_str() {
            "/" => {
                let text = self.page_html.text(reactor, |reactor| page.html(reactor, faults));
                Response::new(200, "text/html; charset=utf-8", text)
                    .with("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            }
            "/status.json" => {
                let text = self.status_json.text(reactor, |reactor| page.json(reactor, faults));
                Response::new(200, "application/json", text)
            }
            "/metrics" => {
                let text = self.metrics_text.text(reactor, |reactor| metrics.text(reactor, faults));
                let (content_type, text) = negotiated(&request.accept, text);
                Response::new(200, content_type, text)
            }
            "/healthz" => Response::text(200, "ok"),
            "/readyz" if reactor.is_draining() => Response::text(503, "draining"),
            "/readyz" => Response::text(200, "ready"),
            _ => Response::text(404, "there are /, /status.json, /metrics, /healthz and /readyz"),
        }
    }
}

/// A text, and the time until which it is reused.
#[derive(Debug, Default)]
struct Cached {
    text: Option<Rc<str>>,
    fresh_until: MonotonicMs,
}

impl Cached {
    fn text<O: Os>(
        &mut self,
        reactor: &mut Reactor<O>,
        make: impl FnOnce(&Reactor<O>) -> String,
    ) -> Rc<str> {
        let now = reactor.now();
        match &self.text {
            Some(text) if now < self.fresh_until => Rc::clone(text),
            _ => {
                let open = num::to_u64(reactor.connections() / CONNECTIONS_A_MS);
                self.fresh_until = now.after(FRESH + Duration::from_millis(open));
                reactor.sample_tcp();
                let text = Rc::from(make(reactor));
                self.text = Some(Rc::clone(&text));
                text
            }
        }
    }
}
