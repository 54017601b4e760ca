//! Users, as an operator manages them, and what each may do to himself.

use wharf_core::{
    Actor, Credential, Error, Kind, OperatorGrant, Result, Secret, SelfGrant, Subject, UserName,
    audit::AuditRecord,
};

use crate::{
    Auth,
    port::{Fate, OrganisationRow, Span, UserRow},
};

impl Auth {
    /// Users in the byte order of their logins.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn users(&self, _: &OperatorGrant, span: Span) -> Result<Vec<UserRow>> {
        self.0.users.users(span).await
    }

    /// One of them.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn user(&self, _: &OperatorGrant, name: &UserName) -> Result<UserRow> {
        self.0.users.user(name).await?.ok_or_else(|| Error::not_found(Subject::User))
    }

    /// Lets a user log in or not, or removes it. Whatever it was known by ends at once.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where the platform would lose its last operator.
    pub async fn decide_fate(&self, grant: &OperatorGrant, name: &UserName, fate: Fate) -> Result<()> {
        let action = match fate {
            Fate::Enabled => "user.enable",
            Fate::Disabled => "user.disable",
            Fate::Removed => "user.delete",
        };
        let record = AuditRecord::by(self.0.clock.now(), grant, action);
        let record = AuditRecord { target: Some(name.to_string()), ..record };
        let decided = self.0.users.decide_fate(name.clone(), fate, record).await?;
        if decided { Ok(()) } else { Err(Error::not_found(Subject::User)) }
    }

    /// Where an account belongs. A narrowed credential is not told.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn memberships(&self, grant: &SelfGrant) -> Result<Vec<OrganisationRow>> {
        match grant.clone().whole() {
            Ok(grant) => self.tenancy().memberships(grant.account()).await,
            Err(_) => Ok(Vec::new()),
        }
    }

    /// Whether an actor is the platform's operator.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn is_operator(&self, actor: &Actor) -> Result<bool> {
        let Some(id) = actor.principal().account() else { return Ok(false) };
        Ok(self.0.accounts.by_id(id).await?.is_some_and(|account| account.operator))
    }

    /// Changes the caller's own password, which he must know. Every token issued before ends.
    ///
    /// # Errors
    /// `Denied` for a wrong one, and to whoever came by a token: what a token does ends with it; `RateLimited`; `Invalid` for
    /// a new one that is none.
    pub async fn change_password(
        &self,
        grant: SelfGrant,
        current: &Secret<String>,
        new: &Secret<String>,
    ) -> Result<()> {
        let grant = grant.whole()?;
        if !matches!(grant.actor().credential(), Credential::Password | Credential::Login(_)) {
            let words = "a password is changed by who logs in with it, and not with a token";
            return Err(Error::new(Kind::Denied, words));
        }
        self.expect_password(&grant, Some(current)).await?;
        let login = grant.actor().principal().name();
        let hash = self.0.passwords.hash(new, self.0.entropy.bytes()).await?;
        let record = AuditRecord::by(self.0.clock.now(), &grant, "user.password");
        let record = AuditRecord { target: Some(login.to_owned()), ..record };
        if !self.0.accounts.set_password(grant.account(), hash, record).await? {
            return Err(Error::not_found(Subject::User));
        }
        self.forgive(login);
        Ok(())
    }

    /// Forgets what was tried in vain for a login: it has a new password.
    pub(crate) fn forgive(&self, login: &str) {
        self.0.attempts.forget_everywhere(login);
        self.0.codes.forget_everywhere(login);
    }
}
