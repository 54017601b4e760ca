//! How this Wharf shows a provider's token endpoint which client it is (RFC 6749, section 2.3): by its secret, in a header
//! or in the form, or by its name alone.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use url::form_urlencoded::{Serializer, byte_serialize};
use wharf_core::Secret;

use super::Question;
use crate::{issuers::Wanted, port::ProviderRow};

/// Where the secret goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    InHeader,
    InForm,
}

/// Where a form goes, and the secret with it.
pub(super) struct Counter {
    pub(super) url: String,
    pub(super) shown: Shown,
    pub(super) secret: Option<Secret<String>>,
}

/// A form for a token endpoint.
pub(super) fn question(
    provider: &ProviderRow,
    counter: Counter,
    mut form: Serializer<'_, String>,
) -> Question {
    let Counter { url, shown, secret } = counter;
    let mut headers = vec![("content-type", Secret::new("application/x-www-form-urlencoded".to_owned()))];
    match (secret, shown) {
        (Some(secret), Shown::InHeader) => {
            // Both halves are encoded as in a form first (section 2.3.1).
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encoded(&provider.client_id), encoded(secret.expose()));
            headers.push(("authorization", Secret::new(format!("Basic {}", BASE64_STANDARD.encode(pair)))));
        }
        (secret, _) => {
            form.append_pair("client_id", &provider.client_id);
            form.extend_pairs(secret.iter().map(|secret| ("client_secret", secret.expose())));
        }
    }
    let wanted = Wanted { url, authorities: provider.issuer.authorities.clone() };
    Question { wanted, headers, body: Some(Secret::new(form.finish())) }
}
