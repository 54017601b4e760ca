//! What a token says, once its signature was found good.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use wharf_core::Result;

use super::refused;

/// How far an issuer's clock may be apart from ours, in seconds.
const SKEW: i64 = 60;
/// The longest value of a claim that is compared, in bytes.
const LONGEST: usize = 1024;

/// The most audiences of one token that are looked at.
const MOST_AUDIENCES: usize = 10;

/// What a verified token says.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    pub(super) const fn of(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Whom the token speaks of; empty where it does not say.
    pub fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// When it ends, in seconds since 1970.
    pub fn expires(&self) -> Option<i64> {
        self.moment("exp")
    }

    /// When it was issued, in seconds since 1970.
    pub fn issued(&self) -> Option<i64> {
        self.moment("iat")
    }

    /// The values of a claim as texts: one for a text, a number or a truth value, each of a list. What is longer than a
    /// kibibyte, and what has values within, has none.
    pub fn values(&self, name: &str) -> Vec<String> {
        let scalar = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        };
        let values: Vec<String> = match self.0.get(name) {
            Some(Value::Array(list)) => list.iter().filter_map(scalar).collect(),
            Some(value) => scalar(value).into_iter().collect(),
            None => Vec::new(),
        };
        values.into_iter().filter(|value| value.len() <= LONGEST).collect()
    }

    /// The values of each claim.
    pub(crate) fn texts(&self) -> HashMap<String, Vec<String>> {
        self.0.keys().map(|name| (name.clone(), self.values(name))).collect()
    }

    /// For whom the token is, as far as it is looked at.
    pub fn audiences(&self) -> Vec<String> {
        self.values("aud").into_iter().take(MOST_AUDIENCES).collect()
    }

    /// Whether there is such a claim.
    pub fn says(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The same with what its issuer told beside it of the same one. What the token says itself counts.
    ///
    /// # Errors
    /// `Unauthenticated` for what is no list of claims, or speaks of somebody else.
    pub(crate) fn completed_by(mut self, told: &[u8]) -> Result<Self> {
        let told: Map<String, Value> = serde_json::from_slice(told)
            .map_err(|error| refused("what is told beside cannot be read").because(error))?;
        if told.get("sub").and_then(Value::as_str) != Some(self.subject()) {
            return Err(refused("what is told beside is of somebody else"));
        }
        for (name, value) in told {
            self.0.entry(name).or_insert(value);
        }
        Ok(self)
    }

    /// Refuses a token that is not in its time: it must say when it was issued and when it ends (RFC 7519, section 4.1).
    pub(super) fn expect_time(&self, now: i64) -> Result<()> {
        let untimed = || refused("the token does not say when it was issued and when it ends");
        let (issued, expires) = self.issued().zip(self.expires()).ok_or_else(untimed)?;
        let begins = match self.0.get("nbf") {
            Some(_) => self.moment("nbf").ok_or_else(untimed)?,
            None => issued,
        };
        if expires.saturating_add(SKEW) <= now {
            return Err(refused("the token has expired"));
        }
        if begins.max(issued) > now.saturating_add(SKEW) {
            return Err(refused("the token is of the future"));
        }
        if expires <= issued { Err(refused("the token ended before it was issued")) } else { Ok(()) }
    }

    /// Refuses a token that is for none of these.
    pub(super) fn expect_audience(&self, audiences: &HashSet<String>) -> Result<()> {
        match self.0.get("aud") {
            Some(Value::String(one)) if audiences.contains(one) => Ok(()),
            Some(Value::Array(list))
                if list.iter().filter_map(Value::as_str).any(|one| audiences.contains(one)) =>
            {
                Ok(())
            }
            _ => Err(refused("the token is for another audience")),
        }
    }

    /// Refuses a token that is no access token of this client, or that is for somebody else beside.
    pub(super) fn expect_client(&self, client: &str) -> Result<()> {
        let is_ours = self.text("client_id") == Some(client) && self.text("token_use") == Some("access");
        if is_ours && !self.0.contains_key("aud") {
            Ok(())
        } else {
            Err(refused("the token is of another client"))
        }
    }

    /// A moment in whole seconds; issuers may write fractions (RFC 7519, section 2).
    #[expect(clippy::cast_possible_truncation, reason = "what is too large is the end of time")]
    fn moment(&self, name: &str) -> Option<i64> {
        let value = self.0.get(name)?;
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
    }
}
