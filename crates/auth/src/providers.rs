//! Users who log in elsewhere: their browser at any provider that the operator names, their password at the one that he
//! lets passwords be shown to ([a password is shown to one provider](../../../docs/adr/0044-a-password-is-shown-to-one-provider.md)).
//!
//! Who has a password here is never asked for elsewhere, so a provider speaks for nobody who is known without it. Whom it
//! lets in gets an account at the first login, and the roles of the groups at each. A password that was right is
//! remembered for five minutes, and for so long the provider is not asked again.

mod answer;
mod browser;
mod cognito;
mod fault;
mod grant;
mod management;
mod remembered;
mod token_endpoint;
mod told;

use async_trait::async_trait;
use wharf_core::{Access, Actor, Credential, Error, Kind, Result, Secret, audit::AuditRecord};

pub(crate) use self::remembered::Outsiders;
use self::{
    answer::{Kind as TokenKind, Tokens, Told},
    fault::{answered, busy, is_try, unusable},
    token_endpoint::{SecretIn, TokenEndpoint},
};
pub use self::{
    browser::{Arrived, Departure, LocalPath, Returning},
    management::NewProvider,
};
use crate::{
    Auth,
    issuers::{Claims, Wanted},
    port::{Account, Arrival, Exchange, ProviderRow, Providers},
    turns::Turns,
};

/// How many passwords are shown to the provider at once.
const MOST_AT_ONCE: usize = 32;
/// How many of one client.
const SHARE: usize = 8;
/// The longest login that is shown to a provider, in bytes.
const LONGEST_LOGIN: usize = 255;
/// The longest password, in bytes.
const LONGEST_PASSWORD: usize = 1024;
/// The longest id of a user at a provider, in bytes.
const LONGEST_SUBJECT: usize = 255;
/// The most groups of one user that are looked at.
const MOST_GROUPS: usize = 1000;

/// What is asked of a provider.
#[derive(Clone, Debug)]
pub struct Question {
    /// Where, and whom to believe over TLS.
    pub wanted: Wanted,
    /// The headers beside the usual ones.
    pub headers: Vec<(&'static str, Secret<String>)>,
    /// The body; where there is none it is asked by a GET.
    pub body: Option<Secret<String>>,
}

/// What a provider answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Asks providers.
#[async_trait]
pub trait ProviderDoor: Send + Sync {
    /// Puts a question to just the place that is named; any status is a reply.
    ///
    /// # Errors
    /// As [`Documents::fetch`](crate::issuers::Documents::fetch).
    async fn ask(&self, question: Question) -> Result<Reply>;
}

pub(crate) fn turns() -> Turns {
    Turns::new(MOST_AT_ONCE, SHARE)
}

impl Auth {
    /// Somebody whom the provider lets in; none where no password is shown to any.
    ///
    /// # Errors
    /// `Unauthenticated` for a wrong password, and with words where the provider wants more than a password; `RateLimited`;
    /// `Unavailable`.
    #[expect(
        clippy::disallowed_methods,
        reason = "the provider that was asked, now or a moment ago, says who it is"
    )]
    pub(crate) async fn by_provider(
        &self,
        (user, password): (&str, &Secret<String>),
        nobody: &Actor,
    ) -> Result<Option<Actor>> {
        let now = self.0.clock.now();
        // One that ended since is asked for again: it may have begun anew.
        if let Some((id, version)) = self.0.outsiders.knows(user, password, now)
            && let Ok(principal) = self.account_at(id, version).await
        {
            self.meters().passwords_remembered.increment();
            return Ok(Some(nobody.clone().known(principal, Credential::Password, Access::Whole)));
        }
        let Some(provider) = self.providers_port().exchanging().await? else { return Ok(None) };
        self.0.attempts.expect_room(user, nobody.address(), now)?;
        match self.shown(&provider, (user, password), nobody).await {
            // Who was given a password here is known by that one alone.
            Ok(account) if account.password_hash.is_some() => Ok(None),
            Ok(account) => {
                self.meters().passwords_right.increment();
                self.0.outsiders.remember((user, password), (account.id, account.version), now);
                let principal = account.principal();
                Ok(Some(nobody.clone().known(principal, Credential::Password, Access::Whole)))
            }
            Err(error) => {
                if is_try(&error) {
                    self.0.attempts.count(user, nobody.address(), now);
                }
                if error.kind() == Kind::Unauthenticated {
                    self.meters().passwords_wrong.increment();
                    self.record_refusal(user, nobody);
                }
                Err(error)
            }
        }
    }

    /// Shows a password to a provider, and lets in whom that lets in.
    async fn shown(
        &self,
        provider: &ProviderRow,
        (user, password): (&str, &Secret<String>),
        nobody: &Actor,
    ) -> Result<Account> {
        if user.is_empty() || user.len() > LONGEST_LOGIN || password.expose().len() > LONGEST_PASSWORD {
            return Err(crate::unauthenticated());
        }
        let _turn = self.0.turns.at_provider.take(nobody.address()).await?;
        // Of many that came at once the first may have been wrong meanwhile.
        self.0.attempts.expect_room(user, nobody.address(), self.0.clock.now())?;
        let claims = self.exchanged(provider, (user, password)).await?;
        self.admit_arrival(arrival(provider, &claims)?, nobody).await
    }

    /// The account of whom a provider lets in, made if it is not there, with the roles that the groups give.
    async fn admit_arrival(&self, arrival: Arrival, nobody: &Actor) -> Result<Account> {
        let record = AuditRecord::new(self.0.clock.now(), nobody, "user.create");
        let id = self.providers_port().arrive(arrival, record).await?;
        let account = self.0.accounts.by_id(id).await?;
        account.filter(|account| !account.disabled).ok_or_else(crate::unauthenticated)
    }

    /// What the provider says of whose password it is.
    async fn exchanged(&self, provider: &ProviderRow, login: (&str, &Secret<String>)) -> Result<Claims> {
        let secret = self.client_secret(provider)?;
        let question = match provider.exchange {
            Exchange::Cognito => cognito::question(provider, login, secret.as_ref())?,
            _ => {
                let url = self.token_endpoint(provider).await?;
                grant::question(provider, TokenEndpoint { url, secret, secret_in: SecretIn::Header }, login)
            }
        };
        let reply = self.ask_provider(provider, question).await?;
        let told = match provider.exchange {
            Exchange::Cognito => cognito::read(&reply),
            _ => grant::read(&reply),
        };
        match told {
            Told::Tokens(tokens) => self.said_by(provider, tokens).await,
            Told::Wrong => Err(crate::unauthenticated()),
            Told::Wants(words) => Err(Error::new(Kind::Unauthenticated, words)),
            Told::Busy => Err(busy(provider)),
            Told::Unusable(why) => Err(unusable(provider, why)),
        }
    }

    /// Puts a question to a provider. One that cannot answer is at fault, and not who is asked about.
    async fn ask_provider(&self, provider: &ProviderRow, question: Question) -> Result<Reply> {
        answered(provider, self.0.provider_door.ask(question).await)
    }

    async fn token_endpoint(&self, provider: &ProviderRow) -> Result<String> {
        match &provider.endpoint {
            Some(endpoint) => Ok(endpoint.as_str().to_owned()),
            None => {
                let metadata = self.0.issuers.metadata(&provider.issuer).await?;
                metadata.token_endpoint.ok_or_else(|| unusable(provider, "it names no token endpoint"))
            }
        }
    }

    pub(crate) fn providers_port(&self) -> &dyn Providers {
        self.0.providers.as_ref()
    }
}

/// Who arrives, by what the provider says.
fn arrival(provider: &ProviderRow, claims: &Claims) -> Result<Arrival> {
    let subject = claims.subject();
    if subject.is_empty() || subject.len() > LONGEST_SUBJECT {
        return Err(unusable(provider, "its tokens say nothing of whom they speak"));
    }
    let called = claims.text(&provider.user_claim).unwrap_or_default();
    // Logins here are in lower case; who differs by case alone is somebody else, and finds the name taken.
    let name = called.to_lowercase().parse().ok();
    let mut groups = claims.values(&provider.groups_claim);
    groups.truncate(MOST_GROUPS);
    Ok(Arrival { provider: provider.id, subject: subject.to_owned(), name, groups, spent: None })
}
