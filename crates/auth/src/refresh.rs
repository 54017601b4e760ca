//! Refresh tokens: what `docker login` keeps instead of the password.
//!
//! Docker uses one from many places at once and never stores another it is given, so they do not rotate; they end
//! with the password, with the account, after ninety days, or when an account has a thousand newer ones.

use wharf_core::{Access, Actor, Credential, Principal, Result, Secret, audit::AuditRecord};

use crate::{
    Auth,
    port::Refresh,
    secret_text::{generate, hash_of},
    unauthenticated,
};

/// What a refresh token begins with, so that secret scanners know it.
const PREFIX: &str = "wharf_rt_";
/// How long one lives, in seconds.
const LIFETIME: i64 = 90 * 24 * 3600;
/// How many one account may have; with one more the oldest ends. A job that logs in each time it runs needs one at a
/// time, and few accounts have a thousand machines.
const MOST: u32 = 1000;

impl Auth {
    /// Issues a refresh token against a password that lies here: none for nobody, and none for another token, which would
    /// make a short and narrow credential long and wide.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn issue_refresh(&self, actor: &Actor) -> Result<Option<Secret<String>>> {
        let Principal::User { id, version, .. } = actor.principal() else { return Ok(None) };
        if *actor.credential() != Credential::Password {
            return Ok(None);
        }
        // Who has the password elsewhere shows it again, so that what is changed there counts here.
        let account = self.0.accounts.by_id(*id).await?;
        if account.is_none_or(|account| account.password_hash.is_none()) {
            return Ok(None);
        }
        let (token, hash) = generate(PREFIX, self.0.entropy.as_ref());
        let now = self.0.clock.now();
        let expires_at = now.plus_seconds(LIFETIME);
        let refresh = Refresh { id: 0, account: *id, account_version: *version, expires_at };
        // A login that leaves a token behind is recorded with it.
        let login = AuditRecord::new(now, actor, "login");
        self.0.accounts.add_refresh(hash.0, refresh, login, MOST).await?;
        Ok(Some(token))
    }

    /// The actor behind a refresh token, everything else as on `nobody`.
    ///
    /// # Errors
    /// `Unauthenticated` for an unknown, ended or revoked one.
    #[expect(clippy::disallowed_methods, reason = "a refresh token that lives stands for its user")]
    pub async fn redeem_refresh(&self, token: &Secret<String>, nobody: &Actor) -> Result<Actor> {
        let found = match hash_of(PREFIX, token.expose()) {
            Some(hash) => self.0.accounts.refresh(hash.0).await?,
            None => None,
        };
        let refresh = found.filter(|refresh| refresh.expires_at > self.0.clock.now());
        let refresh = refresh.ok_or_else(unauthenticated)?;
        let principal = self.account_at(refresh.account, refresh.account_version).await?;
        let credential = Credential::Refresh(refresh.id);
        Ok(nobody.clone().known(principal, credential, Access::Whole))
    }
}
