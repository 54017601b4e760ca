//! The providers, at which users of the platform log in, whom they let in, and what membership in their groups means.

use async_trait::async_trait;
use wharf_core::{
    AccountId, Error, Kind, OrganisationName, ProviderName, Result, Role, Timestamp, UserName,
    audit::AuditRecord,
};

use crate::issuers::{Issuer, KeysUrl};

/// How passwords are shown to a provider, if they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exchange {
    /// They are not.
    #[default]
    Off,
    /// By the password grant of OAuth 2 (RFC 6749, section 4.3).
    Grant,
    /// By `InitiateAuth` of Amazon Cognito.
    Cognito,
}

impl Exchange {
    /// Its word in rows and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Grant => "grant",
            Self::Cognito => "cognito",
        }
    }
}

impl std::str::FromStr for Exchange {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::Off, Self::Grant, Self::Cognito].into_iter().find(|one| one.word() == text);
        found.ok_or_else(|| Error::new(Kind::Invalid, "passwords are exchanged by grant or cognito, or off"))
    }
}

/// How browsers log in at a provider, if they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BrowserFlow {
    /// They do not.
    #[default]
    Off,
    /// By the authorization code flow of OpenID Connect.
    Code,
}

impl BrowserFlow {
    /// Its word in rows and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Code => "code",
        }
    }
}

impl std::str::FromStr for BrowserFlow {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = [Self::Off, Self::Code].into_iter().find(|one| one.word() == text);
        found.ok_or_else(|| Error::new(Kind::Invalid, "browsers log in by code, or off"))
    }
}

/// What membership in a group of a provider means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRole {
    /// The group, as the provider calls it.
    pub group: String,
    /// Where its members belong.
    pub organisation: OrganisationName,
    /// What they are there.
    pub role: Role,
}

/// A provider as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRow {
    /// Its row.
    pub id: i64,
    /// What it is called.
    pub name: ProviderName,
    /// Who it is.
    pub issuer: Issuer,
    /// What it knows this Wharf as.
    pub client_id: String,
    /// The secret it knows this Wharf by, sealed.
    pub client_secret: Option<Vec<u8>>,
    /// How passwords are shown to it.
    pub exchange: Exchange,
    /// Where, if not where its own document or its name says.
    pub endpoint: Option<KeysUrl>,
    /// How browsers log in at it.
    pub browser: BrowserFlow,
    /// What it is asked to tell, with blanks between (RFC 6749, section 3.3).
    pub scope: String,
    /// The claim that is the login.
    pub user_claim: String,
    /// The claim that lists the groups.
    pub groups_claim: String,
    /// What those mean, in the byte order of the groups and then of the organisations.
    pub groups: Vec<GroupRole>,
    /// Since when it is believed.
    pub created_at: Timestamp,
}

/// What counts once and was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// What it is known by.
    pub fingerprint: [u8; 32],
    /// Until when that is remembered.
    pub until: Timestamp,
}

/// Somebody whom a provider let in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The provider's row.
    pub provider: i64,
    /// Whom it speaks of, by its own id.
    pub subject: String,
    /// What a new account would be called; none where what the provider calls him cannot be a login.
    pub name: Option<UserName>,
    /// The groups.
    pub groups: Vec<String>,
    /// What brought it, where that counts once.
    pub spent: Option<Spent>,
}

/// Providers.
#[async_trait]
pub trait Providers: Send + Sync {
    /// All of them in the byte order of their names.
    async fn providers(&self) -> Result<Vec<ProviderRow>>;
    /// The one that passwords are shown to, if there is one.
    async fn exchanging(&self) -> Result<Option<ProviderRow>>;
    /// Those that browsers log in at, in the byte order of their names.
    async fn browsed(&self) -> Result<Vec<ProviderName>>;
    /// One of those.
    async fn browsed_at(&self, name: &ProviderName) -> Result<Option<ProviderRow>>;
    /// Adds one, its `id` does not count.
    ///
    /// # Errors
    /// `Exists`; `Conflict` where passwords are shown to another one already; `NotFound` for a group's organisation.
    async fn add_provider(&self, row: ProviderRow, record: AuditRecord) -> Result<()>;
    /// Says anew what groups mean; false where there is no such provider. Roles follow with the next login.
    ///
    /// # Errors
    /// `NotFound` for a group's organisation.
    async fn set_groups(
        &self,
        name: ProviderName,
        groups: Vec<GroupRole>,
        record: AuditRecord,
    ) -> Result<bool>;
    /// Removes one; false where there is none. Whom it let in keeps the account, and loses what the groups gave and every
    /// credential; one that is added anew does not let him into it.
    async fn remove_provider(&self, name: ProviderName, record: AuditRecord) -> Result<bool>;
    /// Lets somebody in: the account of the subject, made if it is not there, with the roles that the groups give, and no
    /// longer those that they gave before. An account that is there keeps its name, whatever the subject is called now; a
    /// removed one stays his too. `record` is of a new account; the store names it in that, and in all that it records.
    ///
    /// # Errors
    /// For a new account `Exists` where the name is somebody else's, and `Unauthenticated` without one; `Unauthenticated`
    /// where the account may not log in, or another that the subject has or had by a provider of this address; `Denied` where
    /// the provider is gone, or what brought it was used before.
    async fn arrive(&self, arrival: Arrival, record: AuditRecord) -> Result<AccountId>;
}
