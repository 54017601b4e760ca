//! A provider's token endpoint: how this Wharf shows it which client it is – by its secret, in a header or in the form, or by
//! its name alone (RFC 6749, section 2.3) – and what it answers (sections 5.1 and 5.2), whatever it is asked for.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use url::form_urlencoded::{Serializer, byte_serialize};
use wharf_core::Secret;

use super::{
    Question, Reply,
    answer::{Kind, Tokens},
};
use crate::{issuers::Wanted, port::ProviderRow};

/// The longest error that is kept, in characters.
const LONGEST: usize = 100;

/// Where the secret goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretIn {
    Header,
    Form,
}

/// Where a form goes, and the secret with it.
pub(super) struct TokenEndpoint {
    pub(super) url: String,
    pub(super) secret: Option<Secret<String>>,
    pub(super) secret_in: SecretIn,
}

/// That it gives no tokens.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// Its word for why, or ours; visible characters, a few.
    pub(super) error: String,
}

#[derive(Deserialize)]
struct Given {
    id_token: Option<String>,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl TokenEndpoint {
    /// A form for it.
    pub(super) fn question(self, provider: &ProviderRow, mut form: Serializer<'_, String>) -> Question {
        let mut headers = vec![("content-type", Secret::new("application/x-www-form-urlencoded".to_owned()))];
        match (self.secret, self.secret_in) {
            (Some(secret), SecretIn::Header) => {
                // Both halves are encoded as in a form first (section 2.3.1).
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(&provider.client_id), encoded(secret.expose()));
                let basic = format!("Basic {}", BASE64_STANDARD.encode(pair));
                headers.push(("authorization", Secret::new(basic)));
            }
            (secret, _) => {
                form.append_pair("client_id", &provider.client_id);
                form.extend_pairs(secret.iter().map(|secret| ("client_secret", secret.expose())));
            }
        }
        let wanted = Wanted { url: self.url, authorities: provider.issuer.authorities.clone() };
        Question { wanted, headers, body: Some(Secret::new(form.finish())) }
    }
}

/// The tokens that it gives, one of which says who somebody is.
pub(super) fn tokens(reply: &Reply) -> Result<Tokens, Refusal> {
    if reply.status != 200 {
        let refused = serde_json::from_slice(&reply.body);
        return Err(Refusal::new(
            reply.status,
            &refused.map_or_else(|_| String::new(), |Refused { error }| error),
        ));
    }
    let given: Option<Given> = serde_json::from_slice(&reply.body).ok();
    let (identity, access) = given.map(|given| (given.id_token, given.access_token)).unwrap_or_default();
    let judged = identity.ok_or_else(|| Refusal::new(reply.status, "no id_token"))?;
    Ok(Tokens { judged: Secret::new(judged), kind: Kind::Identity, access: access.map(Secret::new) })
}

impl Refusal {
    fn new(status: u16, error: &str) -> Self {
        let is_visible = |character: &char| character.is_ascii_graphic() || *character == ' ';
        Self { status, error: error.chars().filter(is_visible).take(LONGEST).collect() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its token endpoint answered {} {}", self.status, self.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<Tokens, Refusal> {
        tokens(&Reply { status, body: body.as_bytes().to_vec() })
    }

    #[test]
    fn tokens_are_read_where_one_says_who_it_is_and_refusals_with_their_word() {
        let given = read(200, r#"{"id_token":"a","access_token":"b","token_type":"Bearer"}"#).unwrap();
        assert_eq!(given.judged.expose(), "a");
        assert_eq!(given.access.unwrap().expose(), "b");
        assert!(read(200, r#"{"id_token":"a"}"#).unwrap().access.is_none());
        for none in ["", "[]", "{}", r#"{"access_token":"b"}"#, r#"{"error":"invalid_grant"}"#] {
            assert_eq!(read(200, none).unwrap_err(), Refusal::new(200, "no id_token"), "{none}");
        }
        assert_eq!(
            read(400, r#"{"error":"invalid_grant"}"#).unwrap_err(),
            Refusal::new(400, "invalid_grant")
        );
        assert_eq!(read(500, "<html>").unwrap_err().to_string(), "its token endpoint answered 500 ");
        let long = read(400, r#"{"error":"EVIL\n\u001b[31m"}"#.replace("EVIL", &"x".repeat(200)).as_str());
        assert_eq!(long.unwrap_err().error, "x".repeat(LONGEST));
    }
}
