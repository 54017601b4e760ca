//! A token on its way from a stranger to being believed.
//!
//! Of its header three things are looked at: the algorithm, which must be one that the key allows; the id of the key, which
//! chooses among the issuer's own; and `crit`, which names what we do not know (RFC 7515, section 4.1.11). A key that a
//! token brings along, or says where to find, is never used.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Header, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};
use wharf_core::Result;

use super::{Claims, IssuerUrl, Signed, key_set::KeySet, refused};

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;
/// The longest id of a key, in bytes.
const LONGEST_ID: usize = 512;

/// A token that nothing is known of yet.
pub(super) struct Unverified<'a> {
    token: &'a str,
    header: Header,
}

#[derive(Deserialize)]
struct Named {
    iss: String,
}

impl<'a> Unverified<'a> {
    /// # Errors
    /// `Unauthenticated` for what is no signed token of an algorithm that we know.
    pub(super) fn parse(token: &'a str) -> Result<Self> {
        let malformed = || refused("that is no signed JSON Web Token");
        if token.len() > LONGEST {
            return Err(refused("the token is too long"));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|error| malformed().because(error))?;
        if header.crit.is_some() {
            return Err(refused("the token wants something understood that is not"));
        }
        if header.kid.as_ref().is_some_and(|id| id.len() > LONGEST_ID) {
            return Err(malformed());
        }
        Ok(Self { token, header })
    }

    /// Whom it names as its issuer.
    pub(super) fn issuer(&self) -> Result<IssuerUrl> {
        let named: Option<Named> = serde_json::from_slice(&self.payload()).ok();
        let issuer = named.and_then(|named| named.iss.parse().ok());
        issuer.ok_or_else(|| refused("the token names no issuer"))
    }

    /// Refuses one that says itself that it is not in its time; when it ends.
    pub(super) fn expect_time(&self, now: i64) -> Result<i64> {
        let claims = self.said();
        claims.expect_time(now)?;
        Ok(claims.expires().unwrap_or_default())
    }

    /// When it says itself that it was made, in seconds since 1970.
    pub(super) fn issued(&self) -> Option<i64> {
        self.said().issued()
    }

    /// What it says, on the word of whoever brought it.
    fn said(&self) -> Claims {
        let said: Map<String, Value> = serde_json::from_slice(&self.payload()).unwrap_or_default();
        Claims::of(said)
    }

    fn payload(&self) -> Vec<u8> {
        let payload = self.token.split('.').nth(1).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap_or_default()
    }

    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// What it says, if one of the keys that it may mean signed it.
    pub(super) fn verified_by(&self, keys: &KeySet) -> Result<Signed> {
        let algorithm = self.header.alg;
        let mut validation = Validation::new(algorithm);
        // Whom it is of and for, and its times, are judged apart from the signature.
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        let meant = keys.meant_by(self.key_id()).filter(|key| key.allows(algorithm));
        for key in meant {
            if let Ok(said) =
                jsonwebtoken::decode::<Map<String, Value>>(self.token, &key.decoding, &validation)
            {
                return Ok(Signed { claims: Claims::of(said.claims), key: key.thumbprint() });
            }
        }
        Err(refused("no key of the issuer signed the token"))
    }
}
