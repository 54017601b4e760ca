//! The issuers that organisations believe, what their jobs may do, and the tokens of issuers that were used.

use async_trait::async_trait;
use wharf_core::{
    IssuerName, OrganisationName, Principal, Reach, Result, RobotName, Role, RuleName, Timestamp, TokenHash,
    Workload, audit::AuditRecord, gate::OrganisationId,
};

use crate::{
    issuers::{Issuer, IssuerUrl},
    workloads::RequiredClaims,
};

/// An issuer that an organisation believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRow {
    /// Its row.
    pub id: i64,
    /// What the organisation calls it.
    pub name: IssuerName,
    /// Who it is.
    pub issuer: Issuer,
    /// The audience that its tokens may have beside that of this Wharf.
    pub audience: Option<String>,
    /// Since when it is believed.
    pub created_at: Timestamp,
}

/// What an organisation lets those do of whom an issuer says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRule {
    /// Its row; later ones have greater ones, and none has that of one that went.
    pub id: i64,
    /// What it is called.
    pub name: RuleName,
    /// What must be said.
    pub claims: RequiredClaims,
    /// What may be done.
    pub reach: Reach,
    /// Since when.
    pub created_at: Timestamp,
}

/// Where what an issuer says is read, as somebody believes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSource {
    /// Its row.
    pub id: i64,
    /// The issuer.
    pub issuer: Issuer,
    /// Who believes it, some, the longest belief first.
    pub organisations: Vec<OrganisationId>,
}

/// A rule that may be about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believed {
    /// Whose it is.
    pub organisation: OrganisationName,
    /// The audience that the issuer's tokens may have there beside that of this Wharf.
    pub audience: Option<String>,
    /// The rule.
    pub rule: ClaimRule,
}

/// Whose rules are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All of an organisation.
    Organisation(OrganisationName),
    /// Everybody's: the next hundred behind this one.
    Everybody {
        /// Its row; 0 for the first of all.
        behind: i64,
    },
}

/// A job to be let in.
#[derive(Clone, Debug)]
pub struct Admission {
    /// As whom: an account that stands for these rules together, made if it is not there.
    pub account: RobotName,
    /// The rules that let it in, all of one organisation.
    pub rules: Vec<i64>,
    /// Whose they are: it belongs there and nowhere else.
    pub organisation: OrganisationName,
    /// As what.
    pub role: Role,
    /// What the issuer's token is known by, so that it is used once.
    pub spent: Vec<[u8; 32]>,
    /// Until when that is remembered.
    pub spent_until: Timestamp,
    /// The hash of the API token it gets.
    pub token: TokenHash,
    /// What that is called.
    pub name: String,
    /// How far it reaches.
    pub reach: Reach,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What the issuer said of the job, for as long as the token lives.
    pub workload: Workload,
}

/// The issuers of organisations.
#[async_trait]
pub trait Beliefs: Send + Sync {
    /// The issuers of an organisation in the byte order of their names.
    async fn issuers(&self, id: OrganisationId) -> Result<Vec<IssuerRow>>;
    /// One of them.
    async fn issuer(&self, id: OrganisationId, name: &IssuerName) -> Result<Option<IssuerRow>>;
    /// Adds one, its `id` does not count.
    ///
    /// # Errors
    /// `Exists` where there is one of the name, or the same by another name; `Conflict` where the organisation has as many as
    /// it may; `NotFound` where it is gone.
    async fn add_issuer(&self, id: OrganisationId, row: IssuerRow, record: AuditRecord) -> Result<()>;
    /// Removes one with its rules and the tokens they gave; false where there is none.
    async fn remove_issuer(&self, id: OrganisationId, name: IssuerName, record: AuditRecord) -> Result<bool>;
    /// The rules of an issuer in the byte order of their names.
    async fn claim_rules(&self, issuer: i64) -> Result<Vec<ClaimRule>>;
    /// Adds one to an issuer of the organisation, its `id` does not count.
    ///
    /// # Errors
    /// As [`Beliefs::add_issuer`].
    async fn add_claim_rule(
        &self,
        (id, issuer): (OrganisationId, i64),
        rule: ClaimRule,
        record: AuditRecord,
    ) -> Result<()>;
    /// Removes one with the tokens it gave; false where there is none.
    async fn remove_claim_rule(
        &self,
        (id, issuer): (OrganisationId, i64),
        name: RuleName,
        record: AuditRecord,
    ) -> Result<bool>;
    /// Where what an issuer says is read, as far as somebody believes it, a few; as one organisation does, if it is named:
    /// all of those, and then the organisation is among who believes each. Costs the same however many believe it: strangers
    /// ask.
    async fn issuer_sources(
        &self,
        url: &IssuerUrl,
        within: Option<&OrganisationName>,
    ) -> Result<Vec<IssuerSource>>;
    /// The rules about what a source says, the oldest first.
    async fn rules_about(&self, source: i64, whose: Whose) -> Result<Vec<Believed>>;
    /// Lets a job in: as whom. The records are kept as its own.
    ///
    /// # Errors
    /// `Exists` where the issuer's token was used before; `Denied` where a rule went meanwhile; `RateLimited` where the
    /// account has too many tokens that have not ended, or one of the rules too many accounts that stand for it.
    async fn admit(&self, admission: Admission, records: Vec<AuditRecord>) -> Result<Principal>;
    /// The job whose token it is; none where it is nobody's, or no job's.
    async fn workload(&self, token: TokenHash) -> Result<Option<Workload>>;
    /// Forgets tokens of issuers that ended before `now`, and accounts that stand for rules and hold no token that has not
    /// ended; some of each.
    async fn forget_ended(&self, now: Timestamp) -> Result<()>;
}
