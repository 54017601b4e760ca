//! `/api/v1`: organisations, registries, members and users, managed over HTTP.

mod access;
mod command_line;
mod contents;
mod letters;
mod logins;
mod machines;
mod members;
mod organisations;
mod people;
mod shapes;
mod sources;
mod users;
mod webhooks;
mod world;

use serde_json::Value;

use crate::harness::{Answer, Caller};

impl Caller {
    /// Sends JSON.
    pub(crate) async fn send_json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path).header("content-type", "application/json");
        request.body(body.to_string()).send().await
    }
}

/// One field of every entry of a page.
fn items(answer: &Answer, field: &str) -> Vec<String> {
    let items = answer.json()["items"].as_array().expect("a list").clone();
    items.iter().map(|item| item[field].as_str().expect("text").to_owned()).collect()
}
