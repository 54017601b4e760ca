//! Whom organisations and the platform believe beside Wharf itself: OpenID providers, and the tokens they sign.
//!
//! [`Issuers`] knows an issuer's keys and judges a token of it ([`Issuers::verify`]); what a judged token is good for
//! others say. An issuer is known by where its documents are ([`Issuer`]), so whatever one organisation believes of an
//! address says nothing in another.

mod access_hash;
mod address;
mod claims;
mod documents;
mod jwt;
mod key_set;
mod known;
mod metadata;

use std::{collections::HashSet, sync::Arc};

use wharf_core::{Clock, Error, Kind, Result, gate::OrganisationId};

pub(crate) use self::access_hash::expect_access_token;
pub use self::{
    address::{IssuerUrl, KeysUrl},
    claims::Claims,
    documents::{Documents, Wanted},
    key_set::Thumbprint,
    metadata::Metadata,
};
use self::{jwt::Unverified, known::Known};
use crate::fingerprint::fingerprint;

/// An issuer, and where what it says of itself is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer {
    /// What its tokens name as `iss`, to the letter.
    pub url: IssuerUrl,
    /// Where its keys are, if not where its own document says.
    pub keys_url: Option<KeysUrl>,
    /// Authorities in PEM that are believed over TLS beside those of the system.
    pub authorities: Option<String>,
}

impl Issuer {
    /// What one issuer has and no other: it and where it is read.
    pub fn fingerprint(&self) -> [u8; 32] {
        let keys_url = self.keys_url.as_ref().map_or("", |url| url.as_str());
        fingerprint(&[self.url.as_str(), keys_url, self.authorities.as_deref().unwrap_or_default()])
    }
}

/// On whose behalf an issuer is asked. Each has a bound of its own, so that what one names pushes out nothing of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    /// The operator.
    Platform,
    /// An organisation.
    Organisation(OrganisationId),
}

/// Whom a token must be for.
#[derive(Clone, Debug)]
pub enum Recipient {
    /// One of these audiences, as an identity token has it.
    Audiences(HashSet<String>),
    /// This client, as Amazon Cognito's access tokens have it: they name it as `client_id`, say `token_use`, and have no
    /// audience.
    Client(String),
}

/// What a token says that nobody looked into yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Whom it names as its issuer.
    pub issuer: IssuerUrl,
    /// When it ends, in seconds since 1970.
    pub expires: i64,
}

/// What a token says that an issuer signed.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What it says.
    pub claims: Claims,
    /// The key that it was signed with.
    pub key: Thumbprint,
}

/// Judges the tokens of issuers. Cheap to clone; all clones share what they know.
#[derive(Clone)]
pub struct Issuers(Arc<Inner>);

struct Inner {
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    known: Known,
}

impl Issuers {
    /// One that reads documents through `documents`.
    pub fn new(documents: Arc<dyn Documents>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { documents, clock, known: Known::default() }))
    }

    /// What a token says of itself, if it is in its time: on the word of whoever brought it, for choosing whom to ask and
    /// nothing else.
    ///
    /// # Errors
    /// `Unauthenticated` for what is no token, and for one that nobody could believe now.
    pub fn glance(&self, token: &str) -> Result<Glance> {
        let unverified = Unverified::parse(token)?;
        let issuer = unverified.issuer()?;
        let expires = unverified.expect_time(self.0.clock.now().seconds())?;
        Ok(Glance { issuer, expires })
    }

    /// What a token says that this issuer, which the operator named, signed for that recipient and that is in its time.
    ///
    /// # Errors
    /// As [`Issuers::signed`].
    pub async fn verify(&self, issuer: &Issuer, recipient: &Recipient, token: &str) -> Result<Claims> {
        let Signed { claims, .. } = self.signed(&[Asker::Platform], issuer, token).await?;
        match recipient {
            Recipient::Audiences(audiences) => claims.expect_audience(audiences)?,
            Recipient::Client(client) => claims.expect_client(client)?,
        }
        Ok(claims)
    }

    /// What a token says that this issuer signed and that is in its time. For whom it is, the caller must look at.
    ///
    /// # Errors
    /// `Unauthenticated`, with words that say what is wrong with it, and with `Detail::Wait` where the issuer has no such key
    /// as far as was read before the token was made, until it is asked again; `Unavailable` where the issuer's keys cannot be
    /// had, or all the askers had too many others asked a moment ago.
    pub async fn signed(&self, askers: &[Asker], issuer: &Issuer, token: &str) -> Result<Signed> {
        let unverified = Unverified::parse(token)?;
        if unverified.issuer()? != issuer.url {
            return Err(refused("the token is of another issuer"));
        }
        let inner = &self.0;
        let now = inner.clock.now();
        let entry = inner.known.entry(askers, issuer, now)?;
        let keys = entry.keys(inner.documents.as_ref(), &unverified, now).await?;
        let signed = unverified.verified_by(&keys)?;
        signed.claims.expect_time(now.seconds())?;
        Ok(signed)
    }

    /// What an issuer that the operator named says of itself.
    ///
    /// # Errors
    /// `Unavailable` where it cannot be had.
    pub async fn metadata(&self, issuer: &Issuer) -> Result<Metadata> {
        let inner = &self.0;
        let now = inner.clock.now();
        inner.known.entry(&[Asker::Platform], issuer, now)?.metadata(inner.documents.as_ref(), now).await
    }

    /// Refuses an issuer that could never be asked: its address leads where this Wharf does not go.
    ///
    /// # Errors
    /// `Denied`; `Invalid`.
    pub fn expect_open(&self, issuer: &Issuer) -> Result<()> {
        let wanted = |url: &str| Wanted { url: url.to_owned(), authorities: issuer.authorities.clone() };
        self.0.documents.expect_open(&wanted(issuer.url.as_str()))?;
        match &issuer.keys_url {
            Some(keys) => self.0.documents.expect_open(&wanted(keys.as_str())),
            None => Ok(()),
        }
    }
}

/// A token that is not believed, and why. Nothing of the token is among the words.
fn refused(why: &'static str) -> Error {
    Error::new(Kind::Unauthenticated, why)
}

#[cfg(test)]
pub(crate) mod tests;
