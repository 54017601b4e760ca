//! Fetching tokens from `/token`, by GET as docker does and by POST as containerd does.

use serde_json::Value;

use super::{Answer, Caller};

impl Caller {
    /// GET `/token` for these scopes, one parameter each.
    pub(crate) async fn ask_for_token(&self, scopes: &[&str]) -> Answer {
        let scopes: String = scopes.iter().map(|scope| format!("&scope={}", encoded(scope))).collect();
        let service = self.service().await;
        self.get(&format!("/token?service={}{scopes}", encoded(&service))).await
    }

    /// The same caller under a token for these scopes.
    pub(crate) async fn with_token(&self, scopes: &[&str]) -> Self {
        let answer = self.ask_for_token(scopes).await.is(200).json();
        self.bearing(answer["token"].as_str().expect("a token is text"))
    }

    /// The raw token for these scopes.
    pub(crate) async fn token(&self, scopes: &[&str]) -> String {
        let answer = self.ask_for_token(scopes).await.is(200).json();
        answer["token"].as_str().expect("a token is text").to_owned()
    }

    /// POST `/token` with a form.
    pub(crate) async fn post_token_form(&self, fields: &[(&str, &str)]) -> Answer {
        let pairs: Vec<String> =
            fields.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        let form = "application/x-www-form-urlencoded";
        self.request("POST", "/token").header("content-type", form).body(pairs.join("&")).send().await
    }

    /// What the server calls itself in a challenge.
    pub(crate) async fn service(&self) -> String {
        let answer = Caller::anonymous(&self.base).get("/v2/").await.is(401);
        answer.challenge().parameter("service").to_owned()
    }
}

/// The claims of a token, read without checking its signature.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

pub(crate) fn header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    use base64::Engine as _;
    let text = token.split('.').nth(index).expect("a token has three parts");
    serde_json::from_slice(&base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// Percent-encodes all but the unreserved characters.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}
