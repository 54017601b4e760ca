//! Amazon Cognito, whose token endpoint has no password grant: `InitiateAuth` with `USER_PASSWORD_AUTH`, JSON over one path.
//!
//! What it gives for us to show is an access token: it names us as `client_id` and says `token_use`, and has no audience.
//! Groups are in it.

use std::collections::BTreeMap;

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::json;
use url::Url;
use wharf_core::{Result, Secret};

use super::{
    Question, Reply,
    answer::{Kind, Tokens, Told},
};
use crate::{issuers::Wanted, port::ProviderRow};

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "AuthenticationResult")]
    result: Option<Given>,
    #[serde(rename = "ChallengeName")]
    challenge: Option<String>,
}

#[derive(Deserialize)]
struct Given {
    #[serde(rename = "AccessToken")]
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    kind: String,
}

pub(super) fn question(
    provider: &ProviderRow,
    (user, password): (&str, &Secret<String>),
    secret: Option<&Secret<String>>,
) -> Result<Question> {
    let hash = secret.map(|secret| secret_hash(user, &provider.client_id, secret));
    let mut parameters = BTreeMap::from([("USERNAME", user), ("PASSWORD", password.expose().as_str())]);
    parameters.extend(hash.as_ref().map(|hash| ("SECRET_HASH", hash.as_str())));
    let body = json!({
        "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": provider.client_id, "AuthParameters": parameters,
    });
    let header = |text: &str| Secret::new(text.to_owned());
    let headers = vec![
        ("content-type", header("application/x-amz-json-1.1")),
        ("x-amz-target", header("AWSCognitoIdentityProviderService.InitiateAuth")),
    ];
    let wanted = Wanted { url: endpoint(provider)?, authorities: provider.issuer.authorities.clone() };
    Ok(Question { wanted, headers, body: Some(Secret::new(body.to_string())) })
}

/// By its own name a pool is below the endpoint of its region.
fn endpoint(provider: &ProviderRow) -> Result<String> {
    if let Some(endpoint) = &provider.endpoint {
        return Ok(endpoint.as_str().to_owned());
    }
    let pool = Url::parse(provider.issuer.url.as_str()).map_err(wharf_core::Error::internal)?;
    pool.join("/").map(String::from).map_err(wharf_core::Error::internal)
}

/// What shows that we know the secret of the client, for this user.
fn secret_hash(user: &str, client_id: &str, secret: &Secret<String>) -> String {
    let key = Key::new(HMAC_SHA256, secret.expose().as_bytes());
    BASE64_STANDARD.encode(hmac::sign(&key, format!("{user}{client_id}").as_bytes()))
}

pub(super) fn read(reply: &Reply) -> Told {
    if reply.status == 200 {
        return given(&reply.body);
    }
    let refusal: Option<Refusal> = serde_json::from_slice(&reply.body).ok();
    let kind = refusal.map(|refusal| refusal.kind).unwrap_or_default();
    // Some answers have a name space before the kind.
    let kind = kind.rsplit('#').next().unwrap_or_default();
    match kind {
        "NotAuthorizedException" | "UserNotFoundException" => Told::Wrong,
        "PasswordResetRequiredException" => {
            Told::Wants("your provider wants a new password of you first".to_owned())
        }
        "UserNotConfirmedException" => Told::Wants("your provider has not confirmed you yet".to_owned()),
        "TooManyRequestsException" | "LimitExceededException" => Told::Busy,
        kind => {
            let kind: String = kind.chars().filter(char::is_ascii_alphanumeric).take(100).collect();
            Told::Unusable(format!("InitiateAuth was answered {} {kind}", reply.status))
        }
    }
}

fn given(body: &[u8]) -> Told {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        return Told::Unusable("InitiateAuth was answered with what cannot be read".to_owned());
    };
    if let Some(challenge) = answer.challenge {
        let challenge: String =
            challenge.chars().filter(|c| c.is_ascii_uppercase() || *c == '_').take(64).collect();
        return Told::Wants(format!(
            "your provider wants more than a password ({challenge}): answer it there, and use an API token of Wharf as \
             the password"
        ));
    }
    match answer.result.and_then(|tokens| tokens.access_token) {
        Some(token) => Told::Tokens(Tokens { judged: Secret::new(token), kind: Kind::Access, access: None }),
        None => Told::Unusable("InitiateAuth gives no access token".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> String {
        format!("{:?}", read(&Reply { status, body: body.as_bytes().to_vec() }))
    }

    #[test]
    fn what_cognito_answers_is_told_apart() {
        let token = r#"{"ChallengeParameters":{},"AuthenticationResult":{"AccessToken":"a","IdToken":"b"}}"#;
        assert!(told(200, token).contains("Access"));
        let challenged = told(200, r#"{"ChallengeName":"NEW_PASSWORD_REQUIRED","Session":"s"}"#);
        assert!(
            challenged.contains("Wants") && challenged.contains("(NEW_PASSWORD_REQUIRED)"),
            "{challenged}"
        );
        for wrong in ["NotAuthorizedException", "com.amazonaws.cognito#UserNotFoundException"] {
            assert_eq!(told(400, &format!(r#"{{"__type":"{wrong}","message":"no"}}"#)), "Wrong");
        }
        assert_eq!(told(400, r#"{"__type":"TooManyRequestsException"}"#), "Busy");
        assert!(told(400, r#"{"__type":"PasswordResetRequiredException"}"#).contains("Wants"));
        for strange in ["", "{}", "[]", r#"{"__type":"ResourceNotFoundException"}"#] {
            assert!(told(400, strange).contains("Unusable"), "{strange}");
            assert!(told(200, strange).contains("Unusable"), "{strange}");
        }
    }

    #[test]
    fn the_secret_of_the_client_is_shown_as_amazon_has_it() {
        // HMAC-SHA256 under "secret" of "aliceclient", reckoned elsewhere.
        let hash = secret_hash("alice", "client", &Secret::new("secret".to_owned()));
        assert_eq!(hash, "RTsve+FQ659UKyESgvLg9GYmZEL+QjzQsW/OjL77/b0=");
    }
}
