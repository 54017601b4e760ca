//! Bearer tokens: JWTs of ours, ES256, five minutes, for what was asked and may be done (distribution, token
//! specification).

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use wharf_core::{
    Access, AccountId, Actor, Credential, Error, Kind, Principal, Result, Scope, Secret, Timestamp, TokenHash,
};

use crate::{Auth, TOKEN_LIFETIME, port::TokenRow, unauthenticated};

/// The service tokens are for: the `service` of the challenge, the `aud` of the token.
pub const SERVICE: &str = "wharf";

/// How far clocks of two nodes may be apart, in seconds.
const SKEW: i64 = 60;

/// The longest token that is looked at.
const LONGEST: usize = 16 * 1024;

/// A token just issued.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: Secret<String>,
    /// How long it lives, in seconds.
    pub expires_in: i64,
    /// When it was issued.
    pub issued_at: Timestamp,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    sub: String,
    pub(crate) exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    access: Vec<Scope>,
    /// The account's row id and version; absent for nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ver: Option<i64>,
    /// The hash of the API token it was fetched with, which it ends with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tok: Option<String>,
}

impl Auth {
    /// Issues a token for an actor that reaches no further than `access`, which the caller has narrowed to what
    /// the actor may. It ends with the version of the account that the actor's own credential was checked against.
    ///
    /// # Errors
    /// `Invalid` when the scopes do not fit in a token.
    pub fn issue(&self, actor: &Actor, access: Vec<Scope>) -> Result<IssuedToken> {
        let now = self.0.clock.now();
        let id: [u8; 16] = self.0.entropy.bytes();
        let claims = Claims {
            iss: SERVICE.to_owned(),
            aud: SERVICE.to_owned(),
            sub: actor.principal().name().to_owned(),
            exp: now.seconds() + TOKEN_LIFETIME,
            nbf: now.seconds(),
            iat: now.seconds(),
            jti: BASE64_URL_SAFE_NO_PAD.encode(id),
            access,
            uid: actor.principal().account().map(|id| id.0),
            ver: actor.principal().version(),
            tok: match actor.credential() {
                Credential::Token(hash) => Some(BASE64_URL_SAFE_NO_PAD.encode(hash.0)),
                _ => None,
            },
        };
        let key = self.0.ring.newest().ok_or_else(|| Error::internal("there is no signing key"))?;
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(Error::internal)?;
        if token.len() > LONGEST {
            return Err(Error::new(Kind::Invalid, "that many scopes do not fit in one token, ask for fewer"));
        }
        self.meters().tokens_issued.increment();
        Ok(IssuedToken { token: Secret::new(token), expires_in: TOKEN_LIFETIME, issued_at: now })
    }

    /// Who a bearer token speaks for, how far, and under which id.
    pub(crate) async fn verify(&self, token: &Secret<String>) -> Result<(Principal, Access, Credential)> {
        let claims = self.verified_claims(token.expose()).await?;
        let now = self.0.clock.now().seconds();
        let in_time =
            claims.exp > now && claims.nbf <= now + SKEW && claims.exp - claims.iat <= TOKEN_LIFETIME;
        if !in_time || claims.iss != SERVICE {
            return Err(unauthenticated());
        }
        let principal = match (claims.uid, claims.ver) {
            (Some(id), Some(version)) => self.account_at(AccountId(id), version).await?,
            (None, None) if claims.sub.is_empty() => Principal::Anonymous,
            _ => return Err(unauthenticated()),
        };
        let behind = self.token_behind(claims.tok.as_deref()).await?;
        let credential =
            Credential::Bearer { id: claims.jti.clone(), token: behind.as_ref().map(|token| token.hash) };
        let reach = behind.and_then(|token| token.reach);
        let access = reach.map_or(Access::Whole, Access::Within).only(claims.access.clone());
        Ok((principal, access, credential))
    }

    /// The API token that a bearer token was fetched with, if it was. One that has ended ends the bearer token too.
    async fn token_behind(&self, hash: Option<&str>) -> Result<Option<TokenRow>> {
        let Some(hash) = hash else { return Ok(None) };
        let hash = BASE64_URL_SAFE_NO_PAD.decode(hash).ok().and_then(|bytes| bytes.try_into().ok());
        self.known_token(TokenHash(hash.ok_or_else(unauthenticated)?)).await.map(Some)
    }

    /// The claims of a token that one of our keys signed. Of its header only `kid` is looked at, to choose among
    /// our own keys; a key that a token brings along is never used (CVE-2025-24976).
    async fn verified_claims(&self, token: &str) -> Result<Arc<Claims>> {
        if token.len() > LONGEST {
            return Err(unauthenticated());
        }
        if let Some(claims) = self.0.known_tokens.get(token) {
            return Ok(claims);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| unauthenticated())?;
        let id = header.kid.ok_or_else(unauthenticated)?;
        let key = self.0.ring.find(&id).await?.ok_or_else(unauthenticated)?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[SERVICE]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        // Times are compared with our own clock, above.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation);
        let claims = Arc::new(decoded.map_err(|_| unauthenticated())?.claims);
        self.0.known_tokens.insert(token, claims.clone());
        Ok(claims)
    }

    /// Who an account is that still has the version a credential was issued at.
    pub(crate) async fn account_at(&self, id: AccountId, version: i64) -> Result<Principal> {
        let account = self.0.accounts.by_id(id).await?;
        match account {
            Some(account) if account.version == version && !account.disabled => Ok(account.principal()),
            _ => Err(unauthenticated()),
        }
    }
}
