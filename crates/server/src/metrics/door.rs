//! Who may read the metrics: on the listener of their own whoever reaches it, on the main one an operator or the
//! bearer of the metrics token.

use std::path::Path;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
    routing::get,
};
use wharf_auth::Auth;
use wharf_core::{Error, Kind, Presented, Result, Secret};
use wharf_http::{identify, named, presented, problem, request_id_of};

use super::Metrics;

/// The fewest bytes of a metrics token: who could guess it would learn how busy the platform is.
const SHORTEST: usize = 16;

/// OpenMetrics text (prometheus.io, exposition formats).
const CONTENT_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// What `/metrics` of the main listener works with.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) metrics: Metrics,
    pub(crate) auth: Auth,
    pub(crate) token: Option<Secret<String>>,
}

/// `/metrics` for an operator, and for the bearer of the token.
pub(crate) fn guarded(door: Door) -> Router {
    Router::new().route("/metrics", get(ask)).with_state(door)
}

/// `/metrics` for whoever reaches it.
pub(crate) fn open(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(tell)).with_state(metrics)
}

async fn tell(State(metrics): State<Metrics>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    say(page(&metrics).await, request_id_of(&parts.extensions))
}

async fn ask(State(door): State<Door>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let answer = async {
        door.expect_reader(&parts).await?;
        page(&door.metrics).await
    };
    say(answer.await, request_id_of(&parts.extensions))
}

impl Door {
    /// Lets the bearer of the token in, and an operator.
    async fn expect_reader(&self, request: &Parts) -> Result<()> {
        if let (Presented::Bearer(shown), Some(token)) = (presented(&request.headers)?, &self.token)
            && verify_slices_are_equal(shown.expose().as_bytes(), token.expose().as_bytes()).is_ok()
        {
            return Ok(());
        }
        let actor = identify(&self.auth, &request.headers, &request.extensions).await?;
        self.auth.grant_operator(&actor).await.map(drop)
    }
}

/// The page, put together on a thread that may block.
async fn page(metrics: &Metrics) -> Result<String> {
    let metrics = metrics.clone();
    tokio::task::spawn_blocking(move || metrics.page()).await.map_err(Error::internal)?
}

fn say(page: Result<String>, request_id: &str) -> Response {
    let response = match page {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => problem(&error, request_id),
    };
    named("metrics", response)
}

/// Reads the metrics token from the file the configuration names.
///
/// # Errors
/// `Invalid` for a file that cannot be read or holds less than 16 bytes.
#[expect(clippy::disallowed_methods, reason = "the token is a file")]
pub(crate) fn read_token(path: &Path) -> Result<Secret<String>> {
    use std::os::unix::fs::PermissionsExt as _;
    let wrong =
        |what: &str| Error::new(Kind::Invalid, format!("metrics_token_file {}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
    let token = text.trim();
    if token.len() < SHORTEST || !token.chars().all(|c| c.is_ascii_graphic()) {
        return Err(wrong("a token has at least 16 characters, and no blanks among them"));
    }
    if std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "others than its owner can read the metrics token: give it mode 0600");
    }
    Ok(Secret::new(token.to_owned()))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests write the file they read")]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_and_printable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_token(&path).map(|token| token.expose().clone()).map_err(|error| error.kind())
        };
        assert_eq!(read("0123456789abcdef\n"), Ok("0123456789abcdef".to_owned()));
        for bad in ["", "\n", "0123456789abcde", "0123456789 abcdef0", "0123456789abcdé000"] {
            assert_eq!(read(bad), Err(Kind::Invalid), "{bad:?}");
        }
        assert!(read_token(&folder.path().join("none")).is_err());
    }
}
