//! The exporter's way out: HTTP to the one collector the operator named.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use axum::http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use tokio::{runtime::Handle, time::timeout};

/// How long a batch may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most of an answer that is read, in bytes.
const LARGEST: usize = 64 * 1024;

/// Sends batches from the exporter's thread, on the server's runtime.
#[derive(Debug)]
pub(super) struct Client {
    runtime: Handle,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    /// Whether the last batch failed: a collector that is away is one line in the log, not one for each batch.
    is_failing: AtomicBool,
}

impl Client {
    pub(super) fn new() -> Self {
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { runtime: Handle::current(), http, is_failing: AtomicBool::new(false) }
    }

    /// Says in the log when delivery begins to fail, and when it works again.
    fn note(&self, sent: &Result<Response<Bytes>, HttpError>) {
        let failure = match sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(response.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        let was_failing = self.is_failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(error) if !was_failing => tracing::warn!(error, "traces cannot be delivered"),
            None if was_failing => tracing::info!("traces are delivered again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sending = async move {
            let (head, body) = http.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, LARGEST).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        // The exporter's own thread waits here, which has neither timers nor sockets.
        let sent = self.runtime.spawn(async move {
            timeout(PATIENCE, sending)
                .await
                .unwrap_or_else(|_| Err("the collector did not answer in time".into()))
        });
        let sent = sent.await.unwrap_or_else(|error| Err(error.into()));
        self.note(&sent);
        sent
    }
}
