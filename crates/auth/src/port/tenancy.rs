//! Who belongs where: organisations, their registries and members.

use async_trait::async_trait;
use wharf_core::{
    AccountId, Actor, OrganisationName, RegistryName, Result, Role, Timestamp, UserName,
    audit::AuditRecord,
    gate::{OrganisationId, OrganisationRights, Sight},
};

use super::{RegistryChange, Source};

/// An organisation as a caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganisationRow {
    /// Its name.
    pub name: OrganisationName,
    /// The caller's role in it.
    pub role: Option<Role>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whose organisations are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seer {
    /// Those that this account, or nobody in particular, may know.
    Account(Option<AccountId>),
    /// All of them, with the roles of this account.
    Everything(AccountId),
}

/// After which entry a list goes on, and how many entries it has at most.
#[derive(Clone, Debug)]
pub struct Span {
    /// After this one.
    pub last: Option<String>,
    /// So many.
    pub most: u32,
}

/// An organisation to be made.
#[derive(Clone, Debug)]
pub struct NewOrganisation {
    /// Its name.
    pub name: OrganisationName,
    /// Its first admin.
    pub admin: Option<AccountId>,
    /// Whether its name may be that of a user, or of an organisation that was removed.
    pub claim: Claim,
}

/// Which names may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Only one that nobody has or had; the admin's own login is free to him.
    Free,
    /// Any that no organisation has: an operator's.
    Any,
}

/// A registry as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryRow {
    /// Its name.
    pub name: RegistryName,
    /// Where its content comes from.
    pub source: Source,
    /// Whether anybody may pull.
    pub public: bool,
    /// Whether manifests may name content the repository lacks.
    pub accepts_missing_content: bool,
    /// Whether who pulls may be sent to where the bytes lie.
    pub redirects: bool,
    /// Whether, as long as it has no key, it takes what nobody signed.
    pub accepts_unverified: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A member of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    /// The login.
    pub user: UserName,
    /// The role.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
}

/// Organisations.
#[async_trait]
pub trait Organisations: Send + Sync {
    /// What an actor may in an organisation. A credential of an older version of its account may nothing.
    async fn organisation_rights(&self, actor: &Actor, name: &OrganisationName)
    -> Result<OrganisationRights>;
    /// Organisations in the byte order of their names.
    async fn organisations(&self, seer: Seer, span: Span) -> Result<Vec<OrganisationRow>>;
    /// The organisations an account is a member of, in byte order, a thousand at most.
    async fn memberships(&self, account: AccountId) -> Result<Vec<OrganisationRow>>;
    /// When an organisation was made; none where it is gone.
    async fn organisation(&self, id: OrganisationId) -> Result<Option<Timestamp>>;
    /// Makes an organisation with its registry `main`.
    ///
    /// # Errors
    /// `Exists` where the name may not be taken.
    async fn create_organisation(&self, new: NewOrganisation, record: AuditRecord) -> Result<()>;
    /// Removes an organisation whose registries hold nothing, with its members and robots. Its name stays taken.
    ///
    /// # Errors
    /// `Conflict` where a registry of it holds a repository.
    async fn remove_organisation(&self, id: OrganisationId, record: AuditRecord) -> Result<()>;
}

/// The registries of organisations.
#[async_trait]
pub trait Registries: Send + Sync {
    /// Registries of an organisation in the byte order of their names.
    async fn registries(&self, id: OrganisationId, sight: Sight, span: Span) -> Result<Vec<RegistryRow>>;
    /// One of them; none where it is not there or not seen.
    async fn registry(
        &self,
        id: OrganisationId,
        sight: Sight,
        name: &RegistryName,
    ) -> Result<Option<RegistryRow>>;
    /// Makes a registry.
    ///
    /// # Errors
    /// `Exists`.
    async fn create_registry(
        &self,
        id: OrganisationId,
        name: RegistryName,
        change: RegistryChange,
        record: AuditRecord,
    ) -> Result<RegistryRow>;
    /// Changes a registry; false where there is none.
    ///
    /// # Errors
    /// `Invalid` where its kind, its upstream and its members do not go together; `Conflict` where its kind would change
    /// although it holds something.
    async fn change_registry(
        &self,
        id: OrganisationId,
        name: RegistryName,
        change: RegistryChange,
        record: AuditRecord,
    ) -> Result<bool>;
    /// Removes a registry that holds no repository; false where there is none.
    ///
    /// # Errors
    /// `Conflict` where it holds one.
    async fn remove_registry(
        &self,
        id: OrganisationId,
        name: RegistryName,
        record: AuditRecord,
    ) -> Result<bool>;
}

/// The members of organisations.
#[async_trait]
pub trait Members: Send + Sync {
    /// Members in the byte order of their logins.
    async fn members(&self, id: OrganisationId, span: Span) -> Result<Vec<MemberRow>>;
    /// One of them.
    async fn member(&self, id: OrganisationId, user: &UserName) -> Result<Option<MemberRow>>;
    /// Gives a user a role, whether he was a member or not; false where there is no such user.
    ///
    /// # Errors
    /// `Conflict` where the organisation would lose its last admin who can log in.
    async fn set_member(
        &self,
        id: OrganisationId,
        user: UserName,
        role: Role,
        record: AuditRecord,
    ) -> Result<bool>;
    /// Ends a membership; false where there is none.
    ///
    /// # Errors
    /// As [`Members::set_member`].
    async fn remove_member(&self, id: OrganisationId, user: UserName, record: AuditRecord) -> Result<bool>;
}

/// Everything that says who belongs where.
pub trait Tenancy: Organisations + Registries + Members {}

impl<T: Organisations + Registries + Members> Tenancy for T {}
