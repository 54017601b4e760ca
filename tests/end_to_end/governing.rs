//! What organisations set about their registries, over the management API, and what clients then meet.

mod quota;
mod rules;
mod tags;

use serde_json::Value;

use crate::harness::{Answer, Caller};

/// A registry of the management API.
const MAIN: &str = "/api/v1/orgs/acme/registries/main";

async fn send(caller: &Caller, method: &str, path: &str, body: &Value) -> Answer {
    caller.request(method, path).body(body.to_string()).send().await
}
