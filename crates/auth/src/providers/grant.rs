//! The password grant of OAuth 2 (RFC 6749, section 4.3), which gives an identity token where `openid` is asked for.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use url::form_urlencoded::{Serializer, byte_serialize};
use wharf_core::Secret;

use super::{
    Question, Reply,
    answer::{Kind, Told},
};
use crate::{issuers::Wanted, port::ProviderRow};

/// What is asked to be told.
const SCOPE: &str = "openid profile";

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

pub(super) fn question(
    (provider, endpoint): (&ProviderRow, String),
    (user, password): (&str, &Secret<String>),
    secret: Option<&Secret<String>>,
) -> Question {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "password").append_pair("scope", SCOPE);
    form.append_pair("username", user).append_pair("password", password.expose());
    let mut headers = vec![("content-type", Secret::new("application/x-www-form-urlencoded".to_owned()))];
    match secret {
        Some(secret) => {
            // Both halves are encoded as in a form first (section 2.3.1).
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encoded(&provider.client_id), encoded(secret.expose()));
            headers.push(("authorization", Secret::new(format!("Basic {}", BASE64_STANDARD.encode(pair)))));
        }
        None => drop(form.append_pair("client_id", &provider.client_id)),
    }
    let wanted = Wanted { url: endpoint, authorities: provider.issuer.authorities.clone() };
    Question { wanted, headers, body: Secret::new(form.finish()) }
}

pub(super) fn read(reply: &Reply) -> Told {
    if reply.status == 200 {
        let tokens: Option<Tokens> = serde_json::from_slice(&reply.body).ok();
        return match tokens.and_then(|tokens| tokens.id_token) {
            Some(token) => Told::Token(Secret::new(token), Kind::Identity),
            None => Told::Unusable("the password grant gives no id_token".to_owned()),
        };
    }
    let error = serde_json::from_slice(&reply.body).map_or_else(|_| String::new(), |Refusal { error }| error);
    match (reply.status, error.as_str()) {
        (_, "invalid_grant") => Told::Wrong,
        (_, "mfa_required" | "interaction_required" | "login_required" | "consent_required") => Told::Wants(
            "your provider wants more than a password: use an API token of Wharf as the password".to_owned(),
        ),
        (429, _) => Told::Busy,
        (status, error) => {
            let error: String = error.chars().filter(char::is_ascii_graphic).take(100).collect();
            Told::Unusable(format!("the password grant was answered {status} {error}"))
        }
    }
}
