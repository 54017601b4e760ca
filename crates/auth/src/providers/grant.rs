//! The password grant of OAuth 2 (RFC 6749, section 4.3), which gives an identity token where `openid` is asked for.

use serde::Deserialize;
use url::form_urlencoded::Serializer;
use wharf_core::Secret;

use super::{
    Question, Reply,
    answer::{Kind, Tokens, Told},
    client::{self, Counter},
};
use crate::port::ProviderRow;

#[derive(Deserialize)]
struct Given {
    id_token: Option<String>,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

pub(super) fn question(
    provider: &ProviderRow,
    counter: Counter,
    (user, password): (&str, &Secret<String>),
) -> Question {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "password").append_pair("scope", &provider.scope);
    form.append_pair("username", user).append_pair("password", password.expose());
    client::question(provider, counter, form)
}

pub(super) fn read(reply: &Reply) -> Told {
    if reply.status == 200 {
        let given: Option<Given> = serde_json::from_slice(&reply.body).ok();
        let (id_token, access_token) =
            given.map(|given| (given.id_token, given.access_token)).unwrap_or_default();
        return match id_token {
            Some(token) => Told::Tokens(Tokens {
                judged: Secret::new(token),
                kind: Kind::Identity,
                access: access_token.map(Secret::new),
            }),
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
