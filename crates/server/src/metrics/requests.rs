//! What is counted of requests: a table of atomics, made once, so that counting waits for nobody.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::Method;
use wharf_core::meter::{Counter, Durations, Gauge};

use super::page::{Page, bytes, number, seconds};

/// Where a request is counted that is for no endpoint, or got to none: a path that is none, a head that is too large.
const OTHER: &str = "other";

/// The methods that are told apart.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", OTHER];

/// The statuses that are told apart: those Wharf gives.
const STATUSES: [(u16, &str); 27] = [
    (200, "200"),
    (201, "201"),
    (202, "202"),
    (204, "204"),
    (206, "206"),
    (304, "304"),
    (307, "307"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (406, "406"),
    (408, "408"),
    (409, "409"),
    (411, "411"),
    (412, "412"),
    (413, "413"),
    (414, "414"),
    (415, "415"),
    (416, "416"),
    (422, "422"),
    (429, "429"),
    (431, "431"),
    (500, "500"),
    (503, "503"),
    (507, "507"),
];

/// Everything that is counted of requests.
pub(crate) struct RequestMeters {
    endpoints: HashMap<&'static str, Arc<Endpoint>>,
    other: Arc<Endpoint>,
    /// Requests whose answer has not gone out whole yet.
    running: Gauge,
    /// Requests whose client went away before there was an answer.
    abandoned: Counter,
    /// Bytes of requests' bodies.
    pub(super) received_bytes: Counter,
    /// Requests that took longer than `slow_request`.
    pub(crate) slow: Counter,
    /// Bytes of answers' bodies that the kernel moved from a file to the socket.
    sendfile_bytes: Counter,
}

#[derive(Default)]
struct Endpoint {
    methods: [Answers; METHODS.len()],
    /// Bytes of answers' bodies.
    sent_bytes: Counter,
}

#[derive(Default)]
struct Answers {
    statuses: [Counter; STATUSES.len()],
    other: Counter,
    durations: Durations,
}

/// How a request was answered.
pub(crate) struct Outcome<'a> {
    pub(crate) endpoint: &'static str,
    pub(crate) method: &'a Method,
    pub(crate) status: u16,
    pub(crate) duration: Duration,
}

impl RequestMeters {
    /// For endpoints of these names.
    pub(crate) fn of(endpoints: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(|name| (name, Arc::default())).collect(),
            other: Arc::default(),
            running: Gauge::default(),
            abandoned: Counter::default(),
            received_bytes: Counter::default(),
            slow: Counter::default(),
            sendfile_bytes: Counter::default(),
        }
    }

    fn endpoint(&self, name: &str) -> &Arc<Endpoint> {
        self.endpoints.get(name).unwrap_or(&self.other)
    }
}

/// A request that runs: counted from its head until it is answered, or its client has gone.
pub(crate) struct Running {
    meters: Arc<RequestMeters>,
    began: Instant,
    is_answered: bool,
}

impl Running {
    /// A request begins.
    pub(crate) fn begin(meters: Arc<RequestMeters>) -> Self {
        meters.running.raise();
        Self { meters, began: Instant::now(), is_answered: false }
    }

    /// How long it runs already.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The head of its answer is ready; the answer runs on until what is returned is dropped.
    pub(crate) fn answered(mut self, outcome: &Outcome<'_>) -> Answered {
        self.is_answered = true;
        let endpoint = self.meters.endpoint(outcome.endpoint).clone();
        let method = METHODS.iter().position(|method| *method == outcome.method.as_str());
        if let Some(answers) = endpoint.methods.get(method.unwrap_or(METHODS.len() - 1)) {
            let status = STATUSES.iter().position(|(status, _)| *status == outcome.status);
            status.and_then(|status| answers.statuses.get(status)).unwrap_or(&answers.other).increment();
            answers.durations.record(outcome.duration);
        }
        Answered { running: self, endpoint }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.meters.running.lower();
        if !self.is_answered {
            self.meters.abandoned.increment();
        }
    }
}

/// A request that was answered; its body may still be on the way.
pub(crate) struct Answered {
    running: Running,
    endpoint: Arc<Endpoint>,
}

impl Answered {
    /// So many more bytes of the answer went out.
    pub(crate) fn sent(&self, bytes: u64) {
        self.endpoint.sent_bytes.add(bytes);
    }

    /// The same, straight from a file.
    pub(crate) fn sent_file(&self, bytes: u64) {
        self.sent(bytes);
        self.running.meters.sendfile_bytes.add(bytes);
    }
}

impl RequestMeters {
    /// How many requests of an endpoint were answered with a status, whatever their method.
    #[cfg(test)]
    pub(crate) fn counted(&self, endpoint: &str, status: u16) -> u64 {
        let answers = self.rows().filter(|(name, ..)| *name == endpoint).flat_map(|(.., it)| it.counted());
        answers.filter(|(known, _)| *known == status.to_string()).map(|(_, count)| count).sum()
    }

    pub(super) fn show(&self, page: &mut Page<'_>) -> fmt::Result {
        let rows = || self.rows().filter(|(.., answers)| !answers.is_empty());
        let statuses = rows().flat_map(|(endpoint, method, answers)| {
            answers.counted().map(move |(status, count)| {
                ([("endpoint", endpoint), ("method", method), ("status", status)], count)
            })
        });
        page.counters(&number("http_requests", "Requests that were answered"), statuses)?;
        let durations = rows().map(|(endpoint, method, answers)| {
            ([("endpoint", endpoint), ("method", method)], answers.durations.spread())
        });
        let help = "Time from the head of a request to the head of its answer, the request's body included";
        page.labelled_durations(&seconds("http_request_duration", help), durations)?;
        page.gauge(
            &number("http_requests_running", "Requests whose answer is not out yet"),
            self.running.value(),
        )?;
        let help = "Requests whose client went away before there was an answer";
        page.counter(&number("http_requests_abandoned", help), self.abandoned.value())?;
        let help = "Requests that took longer than slow_request";
        page.counter(&number("http_requests_slow", help), self.slow.value())?;
        let help = "Bytes of the bodies of requests";
        page.counter(&bytes("http_request_body", help), self.received_bytes.value())?;
        let help = "Bytes of the bodies of answers that left by sendfile";
        page.counter(&bytes("http_sendfile", help), self.sendfile_bytes.value())?;
        let sent = self.named().map(|(name, endpoint)| ([("endpoint", name)], endpoint.sent_bytes.value()));
        page.counters(&bytes("http_response_body", "Bytes of the bodies of answers"), sent)
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &Endpoint)> {
        let named = self.endpoints.iter().map(|(name, endpoint)| (*name, endpoint.as_ref()));
        named.chain([(OTHER, self.other.as_ref())])
    }

    fn rows(&self) -> impl Iterator<Item = (&'static str, &'static str, &Answers)> {
        self.named().flat_map(|(name, endpoint)| {
            METHODS.iter().zip(&endpoint.methods).map(move |(method, answers)| (name, *method, answers))
        })
    }
}

impl Answers {
    fn counted(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let known = STATUSES.iter().zip(&self.statuses).map(|((_, status), count)| (*status, count.value()));
        known.chain([(OTHER, self.other.value())]).filter(|(_, count)| *count > 0)
    }

    fn is_empty(&self) -> bool {
        self.counted().next().is_none()
    }
}
