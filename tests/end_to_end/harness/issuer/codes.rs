//! Codes for browsers: what an issuer says for one is up to the test, so that it may say what no issuer should.

use serde_json::{Value, json};

use super::Issuer;

/// What an answer is made of: a status, more headers, and a body.
type Said = (&'static str, String, Value);

/// What it says for a code, and beside it.
#[derive(Default)]
pub(super) struct Codes {
    /// Claims in the place of the usual ones; null: none.
    claims: Value,
    beside: Value,
    /// The status that it refuses them with, without a word of the protocol.
    refusal: Option<&'static str>,
    asked: usize,
}

impl Issuer {
    /// What it says from now on for any code, beside what it always says; null takes a claim away.
    pub(crate) fn say_for_codes(&self, claims: Value) {
        self.codes.lock().unwrap().claims = claims;
    }

    /// What its userinfo endpoint says from now on.
    pub(crate) fn tell_beside(&self, told: Value) {
        self.codes.lock().unwrap().beside = told;
    }

    /// Refuses codes from now on with this status, or no longer.
    pub(crate) fn refuse_codes(&self, status: Option<&'static str>) {
        self.codes.lock().unwrap().refusal = status;
    }

    /// How many codes it was shown.
    pub(crate) fn codes_shown(&self) -> usize {
        self.codes.lock().unwrap().asked
    }

    pub(super) fn exchange(&self, field: &dyn Fn(&str) -> String) -> Said {
        assert_eq!(field("code"), "the-code");
        assert_eq!(field("code_verifier").len(), 43);
        assert!(field("redirect_uri").ends_with("/-/login/oidc/corp/callback"));
        let mut codes = self.codes.lock().unwrap();
        codes.asked += 1;
        if self.is_broken() {
            return ("500 Internal Server Error", String::new(), Value::Null);
        }
        if let Some(status) = codes.refusal {
            return (status, String::new(), Value::Null);
        }
        let mut claims = self.claims("wharf", json!({}));
        for (name, value) in codes.claims.as_object().into_iter().flatten() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        let tokens =
            json!({ "id_token": self.sign(&claims), "access_token": "opaque", "token_type": "Bearer" });
        ("200 OK", String::new(), tokens)
    }

    pub(super) fn userinfo(&self, head: &str) -> Said {
        assert!(head.to_ascii_lowercase().contains("authorization: bearer opaque"), "{head}");
        ("200 OK", String::new(), self.codes.lock().unwrap().beside.clone())
    }
}
