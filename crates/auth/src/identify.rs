//! The one question every face asks: who is calling?

use std::net::IpAddr;

use async_trait::async_trait;
use wharf_core::{
    Access, Actor, Authenticator, Credential, Presented, Principal, Result, Secret, UserName,
    audit::AuditRecord,
};

use crate::{Auth, port::Account, unauthenticated};

#[async_trait]
impl Authenticator for Auth {
    async fn authenticate(
        &self,
        presented: Presented,
        address: Option<IpAddr>,
        request_id: &str,
    ) -> Result<Actor> {
        let nobody = Actor {
            principal: Principal::Anonymous,
            credential: Credential::None,
            access: Access::Whole,
            address,
            request_id: request_id.to_owned(),
        };
        match presented {
            Presented::Nothing => Ok(nobody),
            Presented::Basic { user, password } => self.by_password(&user, &password, nobody).await,
            Presented::Bearer(token) => {
                let (principal, access, credential) = self.verify(&token).await?;
                Ok(Actor { principal, credential, access, ..nobody })
            }
        }
    }
}

impl Auth {
    /// A user by name and password: the same words and the same work whether or not there is such a user.
    async fn by_password(&self, user: &str, password: &Secret<String>, nobody: Actor) -> Result<Actor> {
        let account = match user.parse::<UserName>() {
            Ok(name) => self.0.accounts.by_name(&name).await?,
            Err(_) => None,
        };
        let account = account.filter(|account| !account.disabled);
        let (address, now) = (nobody.address, self.0.clock.now());
        self.0.attempts.expect_room(user, address, now)?;
        let right = self.is_right(account.as_ref(), password).await?;
        match account {
            Some(account) if right => {
                self.0.attempts.forget(user, address);
                let principal = Principal::User { id: account.id, name: account.name };
                Ok(Actor { principal, credential: Credential::Password, ..nobody })
            }
            account => {
                self.0.attempts.count(user, address, now);
                tracing::info!(request_id = nobody.request_id, known = account.is_some(), "password refused");
                self.record_refusal(user, &nobody).await;
                Err(unauthenticated())
            }
        }
    }

    async fn is_right(&self, account: Option<&Account>, password: &Secret<String>) -> Result<bool> {
        let now = self.0.clock.now();
        if account.is_some_and(|account| self.0.remembered.knows(account, password, now)) {
            return Ok(true);
        }
        let hash = account.and_then(|account| account.password_hash.as_deref());
        let right = self.0.passwords.verify(password, hash).await?;
        if let Some(account) = account.filter(|_| right) {
            self.0.remembered.remember(account, password, now);
        }
        Ok(right)
    }

    /// Notes a refused login. The refusal stands whether or not the note could be kept.
    async fn record_refusal(&self, user: &str, nobody: &Actor) {
        // Only what could be a login is kept: people type passwords into the wrong field.
        let target = user.parse::<UserName>().ok().map(|name| name.to_string());
        let record = AuditRecord { target, ..AuditRecord::new(self.0.clock.now(), nobody, "login.refused") };
        if let Err(error) = self.0.accounts.record(record).await {
            tracing::warn!(?error, "refused login could not be audited");
        }
    }

    /// Notes a login: a token issued against a password.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn record_login(&self, actor: &Actor) -> Result<()> {
        self.0.accounts.record(AuditRecord::new(self.0.clock.now(), actor, "login")).await
    }
}
