//! Whether an access token goes with an identity token, which may hold half of its hash (OpenID Connect Core, section
//! 3.1.3.6): so that nobody puts another one beside it.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{self, SHA256, SHA384, SHA512, digest},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use wharf_core::Result;

use super::{Claims, refused};

/// Refuses an access token that is not the one the identity token was given with. One that says nothing of it takes any.
///
/// # Errors
/// `Unauthenticated`.
pub(crate) fn expect_access_token(identity: &str, claims: &Claims, access: &str) -> Result<()> {
    if !claims.says("at_hash") {
        return Ok(());
    }
    let header = jsonwebtoken::decode_header(identity)
        .map_err(|error| refused("that is no signed JSON Web Token").because(error))?;
    let hash = digest(hash_of(header.alg), access.as_bytes());
    let half = hash.as_ref().get(..hash.as_ref().len() / 2).unwrap_or_default();
    let due = BASE64_URL_SAFE_NO_PAD.encode(half);
    let said = claims.text("at_hash").unwrap_or_default();
    verify_slices_are_equal(said.as_bytes(), due.as_bytes())
        .map_err(|_| refused("the access token is not the one that came with the identity token"))
}

/// The hash that goes with how the identity token was signed.
fn hash_of(algorithm: Algorithm) -> &'static digest::Algorithm {
    match algorithm {
        Algorithm::ES384 | Algorithm::RS384 | Algorithm::PS384 => &SHA384,
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => &SHA512,
        _ => &SHA256,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    /// A token that only has a header, for nothing else is looked at.
    fn token(algorithm: &str) -> String {
        format!("{}.e30.x", BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": algorithm }).to_string()))
    }

    fn claims(hash: &str) -> Claims {
        Claims::of(Map::from_iter([("at_hash".to_owned(), json!(hash))]))
    }

    #[test]
    fn the_hash_of_the_specification_is_found_and_no_other() {
        // The example of OpenID Connect Core, appendix A.3.
        let access = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        let good = claims("77QmUPtjPfzWtF2AnpK9RQ");
        expect_access_token(&token("RS256"), &good, access).unwrap();
        for (algorithm, access) in [("RS384", access), ("EdDSA", access), ("RS256", "another")] {
            assert!(expect_access_token(&token(algorithm), &good, access).is_err(), "{algorithm} {access}");
        }
        assert!(expect_access_token(&token("RS256"), &claims(""), access).is_err());
        expect_access_token(&token("RS256"), &Claims::of(Map::new()), access).unwrap();
    }
}
