//! Accounts, as an operator manages them.

use wharf_core::{
    Error, OperatorGrant, OrganisationName, RegistryName, RegistryPlace, Result, Role, Secret, SelfGrant,
    Subject, UserName, audit::AuditRecord, gate::Sight,
};

use crate::{
    Auth,
    people::KnownBy,
    port::{NewAccount, RegistryChange, UserRow},
};

/// The version that accounts are made with.
const FIRST_VERSION: i64 = 1;

/// A user to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The login.
    pub name: UserName,
    /// The password.
    pub password: Secret<String>,
    /// Whether the user is to be the platform's operator.
    pub operator: bool,
    /// The organisations the user is to belong to, made if they are not there, and the roles in them.
    pub memberships: Vec<(OrganisationName, Role)>,
    /// What the user is known by beside the login; the operator vouches for the address.
    pub known_by: KnownBy,
}

/// How much of where a registry is, is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Not even its organisation.
    Nothing,
    /// Its organisation.
    Organisation,
    /// The registry.
    Registry,
}

impl Auth {
    /// Whether nobody has an account yet.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn is_empty(&self) -> Result<bool> {
        Ok(!self.0.accounts.any().await?)
    }

    /// Makes a user.
    ///
    /// # Errors
    /// `Exists` where the login or the e-mail address is taken; `Invalid` for a password that is none; `Unavailable`.
    pub async fn create_user(&self, grant: &OperatorGrant, user: NewUser) -> Result<UserRow> {
        let NewUser { name, password, operator, memberships, known_by } = user;
        let password_hash = self.0.passwords.hash(&password, self.0.entropy.bytes()).await?;
        let record = self.record_of(grant, "user.create", name.as_str());
        let created_at = record.at;
        let person = known_by.vouched_for(created_at);
        let account =
            NewAccount { name: name.clone(), password_hash, operator, memberships, person: person.clone() };
        let id = self.0.accounts.create(account, record).await?;
        Ok(UserRow { id, name, operator, disabled: false, created_at, person })
    }

    /// Sets a user's password and ends every token issued before.
    ///
    /// # Errors
    /// `NotFound` where there is no such user; `Invalid` for a password that is none; `Unavailable`.
    pub async fn set_password(
        &self,
        grant: &OperatorGrant,
        name: &UserName,
        password: &Secret<String>,
    ) -> Result<()> {
        let account = self.0.accounts.by_name(name).await?;
        let account = account.ok_or_else(|| Error::not_found(Subject::User))?;
        let hash = self.0.passwords.hash(password, self.0.entropy.bytes()).await?;
        let record = self.record_of(grant, "user.password", name.as_str());
        if self.0.accounts.set_password(account.id, hash, record).await? {
            self.forgive(name.as_str());
            return Ok(());
        }
        Err(Error::not_found(Subject::User))
    }

    /// Whether a user still has the password that he was made with, which is this one. It is hashed only where something ended
    /// the user's credentials since.
    ///
    /// # Errors
    /// `RateLimited`; `Unavailable`.
    pub async fn has_first_password(&self, name: &UserName, password: &Secret<String>) -> Result<bool> {
        match self.0.accounts.by_name(name).await? {
            Some(account) if account.version == FIRST_VERSION => Ok(true),
            Some(account) => self.0.passwords.verify(password, account.password_hash.as_deref(), None).await,
            None => Ok(false),
        }
    }

    /// Changes a registry; one that is not there is made.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn set_registry(
        &self,
        grant: &OperatorGrant,
        organisation: OrganisationName,
        registry: RegistryName,
        change: RegistryChange,
    ) -> Result<()> {
        let target = format!("{organisation}/{registry} {change}");
        let record = self.record_of(grant, "registry.set", target.trim_end());
        let record = AuditRecord { organisation: Some(organisation.clone()), ..record };
        self.0.accounts.set_registry(organisation, registry, change, record).await
    }

    /// How much of a place is there, for who is about to make what is missing.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn presence(&self, grant: &OperatorGrant, place: &RegistryPlace) -> Result<Presence> {
        let rights = self.tenancy().organisation_rights(grant.actor(), &place.organisation).await?;
        let Some(organisation) = rights.organisation else { return Ok(Presence::Nothing) };
        let found = self.tenancy().registry(organisation, Sight::Whole, &place.registry).await?;
        Ok(found.map_or(Presence::Organisation, |_| Presence::Registry))
    }

    /// Asks the gate whether an actor may manage the platform.
    ///
    /// # Errors
    /// Those of the gate; `Unavailable`.
    #[expect(clippy::disallowed_methods, reason = "the engine is where the gate is asked")]
    pub async fn grant_operator(&self, actor: &wharf_core::Actor) -> Result<OperatorGrant> {
        let decided = wharf_core::gate::decide_operator(actor, self.is_operator(actor).await?);
        decided.inspect_err(|error| self.note_refusal(actor, None, error))
    }

    /// Asks the gate whether an actor is an account, which may act on itself.
    ///
    /// # Errors
    /// Those of the gate.
    #[expect(clippy::disallowed_methods, reason = "the engine is where the gate is asked")]
    pub fn grant_self(&self, actor: &wharf_core::Actor) -> Result<SelfGrant> {
        wharf_core::gate::decide_self(actor)
    }

    fn record_of(&self, grant: &OperatorGrant, action: &'static str, target: &str) -> AuditRecord {
        let record = AuditRecord::by(self.0.clock.now(), grant, action);
        AuditRecord { target: Some(target.to_owned()), ..record }
    }
}
