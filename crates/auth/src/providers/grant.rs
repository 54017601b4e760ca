//! The password grant of OAuth 2 (RFC 6749, section 4.3), which gives an identity token where `openid` is asked for.

use url::form_urlencoded::Serializer;
use wharf_core::Secret;

use super::{
    Question, Reply,
    answer::Told,
    token_endpoint::{self, TokenEndpoint},
};
use crate::port::ProviderRow;

pub(super) fn question(
    provider: &ProviderRow,
    endpoint: TokenEndpoint,
    (user, password): (&str, &Secret<String>),
) -> Question {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "password").append_pair("scope", &provider.scope);
    form.append_pair("username", user).append_pair("password", password.expose());
    endpoint.question(provider, form)
}

pub(super) fn read(reply: &Reply) -> Told {
    let refusal = match token_endpoint::tokens(reply) {
        Ok(tokens) => return Told::Tokens(tokens),
        Err(refusal) => refusal,
    };
    match (refusal.status, refusal.error.as_str()) {
        (_, "invalid_grant") => Told::Wrong,
        (_, "mfa_required" | "interaction_required" | "login_required" | "consent_required") => Told::Wants(
            "your provider wants more than a password: use an API token of Wharf as the password".to_owned(),
        ),
        (429, _) => Told::Busy,
        _ => Told::Unusable(refusal.to_string()),
    }
}
