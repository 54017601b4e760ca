//! What authentication needs stored. Each call is one transaction, with its audit line in it.

mod bounds;
mod invitations;
mod issuers;
mod letters;
mod links;
mod logins;
mod memberships;
mod people;
mod providers;
mod refused;
mod repeats;
mod second_factor;
mod sources;
mod tenancy;
mod tokens;
mod users;

use std::fmt;

use async_trait::async_trait;
use wharf_core::{
    AccountId, OrganisationName, Principal, RegistryName, Result, RobotName, Role, Timestamp, UserName,
    audit::AuditRecord,
};

pub use self::{
    bounds::Bound,
    invitations::{InvitationRow, Invitations, Joined, SignedUpBy},
    issuers::{Admission, Beliefs, Believed, ClaimRule, IssuerRow, IssuerSource, Whose},
    letters::{Carried, Letter, LetterRow, Letters, Postman, PromiseRow, SealedLetter},
    links::{LinkRow, LinkWay, Links},
    logins::{Assurance, LoginRow, Logins},
    memberships::Membership,
    people::{Newcomer, People, Person},
    providers::{Arrival, BrowserFlow, Exchange, GroupRole, ProviderRow, Providers, Spent},
    refused::Refused,
    repeats::{Known, Repeat, RepeatTimes, Repeats},
    second_factor::{Confirmation, FactorRow, SecondFactors},
    sources::{Source, SourceChange, UpstreamPolicy},
    tenancy::{
        Claim, MemberRow, Members, NewOrganisation, OrganisationRow, Organisations, Registries, RegistryRow,
        Seer, Span, Tenancy,
    },
    tokens::{Machines, RobotRow, Robots, TokenRow, Tokens},
    users::{Fate, UserRow, Users},
};

/// An account as its row tells it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The row id.
    pub id: AccountId,
    /// The login.
    pub name: Login,
    /// The password's argon2id hash in PHC form, if it has a password.
    pub password_hash: Option<String>,
    /// Whether it is the platform's operator.
    pub operator: bool,
    /// Whether it may not log in.
    pub disabled: bool,
    /// Moves when every credential of the account is to end.
    pub version: i64,
    /// Whether it never logged in.
    pub is_new: bool,
    /// Whether a code is asked for beside the password.
    pub has_second_factor: bool,
}

/// What an account is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// A user.
    User(UserName),
    /// A robot.
    Robot(RobotName),
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => name.fmt(f),
            Self::Robot(name) => name.fmt(f),
        }
    }
}

impl Account {
    /// The account as who acts, by a credential of the version it has now.
    pub fn principal(self) -> Principal {
        let Self { id, name, version, .. } = self;
        match name {
            Login::User(name) => Principal::User { id, name, version },
            Login::Robot(name) => Principal::Robot { id, name, version },
        }
    }
}

/// A user to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The login.
    pub name: UserName,
    /// The password's hash.
    pub password_hash: String,
    /// Whether it is to be the platform's operator.
    pub operator: bool,
    /// The organisations it is to belong to, made if they are not there, and its roles in them.
    pub memberships: Vec<(OrganisationName, Role)>,
    /// What it is known by beside the login.
    pub person: Person,
}

/// A refresh token as its row tells it.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The row id.
    pub id: i64,
    /// The account it is for.
    pub account: AccountId,
    /// The account's version when it was issued.
    pub account_version: i64,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What is to change of a registry; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryChange {
    /// Whether anybody may pull.
    pub public: Option<bool>,
    /// Whether manifests may name content the repository lacks.
    pub accepts_missing_content: Option<bool>,
    /// Whether who pulls may be sent to where the bytes lie.
    pub redirects: Option<bool>,
    /// Whether, as long as it has no key, it takes plugins that nobody signed.
    pub accepts_unverified: Option<bool>,
    /// Where its content comes from.
    pub source: SourceChange,
}

impl fmt::Display for RegistryChange {
    /// The change in records: `public=true missing_content=accept redirect=off unverified=accept`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = self.public.map(|public| format!("public={public}"));
        let missing = self.accepts_missing_content.map(|accepts| if accepts { "accept" } else { "refuse" });
        let missing = missing.map(|word| format!("missing_content={word}"));
        let redirect = self.redirects.map(|redirects| if redirects { "redirect=on" } else { "redirect=off" });
        let word = |accepts: bool| if accepts { "unverified=accept" } else { "unverified=refuse" };
        let last = redirect.into_iter().chain(self.accepts_unverified.map(word)).map(str::to_owned);
        let words = public.into_iter().chain(missing).chain(last).chain(self.source.words());
        f.write_str(&words.collect::<Vec<_>>().join(" "))
    }
}

/// Accounts and what hangs on them.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The account of a login.
    async fn by_name(&self, name: &UserName) -> Result<Option<Account>>;
    /// The account of an id.
    async fn by_id(&self, id: AccountId) -> Result<Option<Account>>;
    /// Whether there is any account at all.
    async fn any(&self) -> Result<bool>;
    /// Makes a user.
    ///
    /// # Errors
    /// `Exists` where the login is taken.
    async fn create(&self, account: NewAccount, record: AuditRecord) -> Result<AccountId>;
    /// Sets a password's hash and moves the account's version; false where there is no such account.
    async fn set_password(&self, id: AccountId, hash: String, record: AuditRecord) -> Result<bool>;
    /// Changes a registry; it and its organisation are made if they are not there.
    async fn set_registry(
        &self,
        organisation: OrganisationName,
        registry: RegistryName,
        change: RegistryChange,
        record: AuditRecord,
    ) -> Result<()>;
    /// Adds a refresh token by the SHA-256 of its text, and forgets the account's oldest ones beyond `most`.
    ///
    /// # Errors
    /// `Unauthenticated` where the password alone is not enough by now: the account changed, or a second factor came to stand.
    async fn add_refresh(
        &self,
        hash: [u8; 32],
        refresh: Refresh,
        record: AuditRecord,
        most: u32,
    ) -> Result<()>;
    /// The refresh token of this hash.
    async fn refresh(&self, hash: [u8; 32]) -> Result<Option<Refresh>>;
    /// Forgets refresh tokens that have ended.
    async fn remove_expired_refreshes(&self, now: Timestamp) -> Result<()>;
}

/// A signing key as its row tells it: the private half is sealed.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// Its id, as in a token's `kid`.
    pub id: String,
    /// The public half: an uncompressed P-256 point.
    pub public: Vec<u8>,
    /// The private half, PKCS#8, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Signing keys, and values of the installation.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Every key, newest first.
    async fn keys(&self) -> Result<Vec<KeyRow>>;
    /// Adds a key.
    async fn add(&self, key: KeyRow) -> Result<()>;
    /// Forgets keys made before.
    async fn remove_before(&self, before: Timestamp) -> Result<()>;
    /// A value of the installation: kept if it is the first of its name, and what is then there.
    async fn keep(&self, name: &'static str, value: Vec<u8>) -> Result<Vec<u8>>;
}
