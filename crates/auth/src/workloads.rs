//! Jobs that bring a token of an issuer that an organisation believes, and get one of ours for a quarter of an hour
//! ([a job is the rules it meets](../../../docs/adr/0042-a-job-is-the-rules-it-meets.md)).
//!
//! Whoever runs them keeps no secret: what the issuer says of a job is compared with the rules of one organisation, and what
//! those allow together the token reaches. It is an API token like any other, so every door takes it. The account it is of
//! stands for just these rules, and ends with any of them; no rule of another organisation has a part in it.

mod claim_matcher;
mod claim_pattern;
mod hearing;
mod job;
mod management;
mod met;
mod records;
mod required_claims;
mod spent;
mod told;

use std::error::Error as _;

use wharf_core::{Actor, Error, Kind, OrganisationName, Result, Secret, Timestamp, audit::AuditRecord};

pub(crate) use self::met::turns;
pub use self::{
    claim_pattern::ClaimPattern,
    management::{NewClaimRule, NewIssuer},
    required_claims::RequiredClaims,
};
use self::{
    hearing::{Heard, hear},
    met::Met,
    records::{AdmittedJob, subject_of},
};
use crate::{
    Auth,
    issuers::Glance,
    port::Admission,
    token_text::{generate, hash_of},
};

/// How long a job's token lives, in seconds.
pub const WORKLOAD_LIFETIME: i64 = 900;
/// How long the token of an issuer may live: it is remembered that it was used for as long, in seconds.
const LONGEST_LIFE: i64 = 24 * 3600;
/// For how long longer it is remembered, so that no clock that is behind takes it again, in seconds.
const REMEMBERED: i64 = 300;
/// What the refused tokens of one client are counted under.
const REFUSED: &str = "jobs";
/// What the names of accounts begin with that stand for rules; robots have other names.
pub(crate) const PREFIX: &str = "workload.";

/// What a job brings.
#[derive(Clone, Debug)]
pub struct Brought {
    /// The token of its issuer.
    pub token: Secret<String>,
    /// The organisation whose rules count, if one is named; else it is that of the oldest rule about the job.
    pub within: Option<OrganisationName>,
}

/// What a job gets.
#[derive(Debug)]
pub struct Minted {
    /// The text of its token.
    pub token: Secret<String>,
    /// Whose rules gave it.
    pub organisation: OrganisationName,
    /// When that ends.
    pub expires_at: Timestamp,
}

/// A job whose token was found good, and the rules about it.
struct Accepted {
    brought: Brought,
    heard: Heard,
    met: Met,
    /// When the token of its issuer ends, in seconds since 1970.
    ends: i64,
}

impl Auth {
    /// The audience that the tokens of issuers must have, which names this Wharf; none where its own address is not set.
    pub fn audience(&self) -> Option<&str> {
        self.0.audience.as_deref()
    }

    /// Lets a job in by the token of its issuer, which is used up by that.
    ///
    /// # Errors
    /// `Unauthenticated` with words for what nobody could believe: no token, or out of its time; `Denied`, always in the
    /// same words, where nobody does: its issuer, its signature, its audience or what it says; `Exists` where it was used
    /// before; `Unavailable` where the issuer's keys cannot be had; `RateLimited`, after many refusals of one client among others.
    pub async fn mint(&self, brought: Brought, nobody: &Actor) -> Result<Minted> {
        let minted = self.admit(brought, nobody).await;
        self.meters().workloads_refused.add(minted.is_err().into());
        minted.inspect_err(|error| self.note_refused_job(error, nobody))
    }

    /// Counts and notes that a job was not let in, and why: in our own words, for nothing that it brought need be true.
    fn note_refused_job(&self, error: &Error, nobody: &Actor) {
        if matches!(error.kind(), Kind::Unauthenticated | Kind::Denied | Kind::Exists) {
            let now = self.0.clock.now();
            self.0.refused_jobs.count(REFUSED, nobody.address(), now);
            let reason = error.source().map_or_else(|| error.message().to_owned(), ToString::to_string);
            let record = AuditRecord::new(now, nobody, "workload.refused");
            self.0.notebook.note(AuditRecord { target: Some(reason), ..record });
        }
    }

    async fn admit(&self, brought: Brought, nobody: &Actor) -> Result<Minted> {
        // A token that is refused is not used up: it could be brought without end.
        self.0.refused_jobs.expect_room(REFUSED, nobody.address(), self.0.clock.now())?;
        let within = brought.within.as_ref();
        let Glance { issuer, expires: ends } = self.glance(&brought)?;
        let sources = self.beliefs().issuer_sources(&issuer, within).await?;
        if sources.is_empty() {
            return Err(not_let_in(Error::new(Kind::Denied, "nobody believes the issuer of the token")));
        }
        let mut heard = hear(&self.0.issuers, sources, &brought.token).await.map_err(unless_it_may_pass)?;
        match self.met(&mut heard, within, nobody).await? {
            Some(met) => self.mint_for(Accepted { brought, heard, met, ends }, nobody).await,
            None => {
                let reason = "no rule is about what the token says and for whom it is";
                Err(not_let_in(Error::new(Kind::Denied, reason)))
            }
        }
    }

    /// What the token says of itself, where that is good for anything at all.
    fn glance(&self, brought: &Brought) -> Result<Glance> {
        let glance = self.0.issuers.glance(brought.token.expose())?;
        if glance.expires > self.0.clock.now().seconds().saturating_add(LONGEST_LIFE) {
            let words = "the token lives for more than a day, and only short ones are taken";
            return Err(Error::new(Kind::Unauthenticated, words));
        }
        Ok(glance)
    }

    async fn mint_for(&self, accepted: Accepted, nobody: &Actor) -> Result<Minted> {
        let Accepted { brought, heard, met, ends } = accepted;
        let now = self.0.clock.now();
        let text = generate(self.0.entropy.as_ref());
        let token = hash_of(text.expose()).ok_or_else(|| Error::internal("a token is not written as one"))?;
        let expires_at = now.plus_seconds(WORKLOAD_LIFETIME);
        let job = AdmittedJob { met: &met, heard: &heard, within: brought.within.as_ref(), token };
        let records = job.records(now, nobody);
        let admission = Admission {
            account: met.account()?,
            rules: met.rules.iter().map(|rule| rule.id).collect(),
            organisation: met.organisation.clone(),
            role: met.role(),
            spent: spent::fingerprints(&heard, &brought.token),
            spent_until: Timestamp::from_microseconds(0).plus_seconds(ends + REMEMBERED),
            token,
            name: subject_of(&heard.claims),
            reach: met.reach()?,
            expires_at,
            workload: told::workload(&heard),
        };
        self.beliefs().admit(admission, records).await?;
        self.meters().workloads_admitted.increment();
        Ok(Minted { token: text, organisation: met.organisation, expires_at })
    }

    /// Forgets tokens of issuers that could not be used again, and whom jobs stood for that have ended.
    pub(crate) async fn tend_workloads(&self) -> Result<()> {
        self.beliefs().forget_ended(self.0.clock.now()).await
    }
}

/// What whoever is not let in is told, whatever the reason: else anybody could find out by asking whom an organisation
/// believes, and of whom. The reason is for the operator.
fn not_let_in(reason: Error) -> Error {
    let words = "no rule lets this job in: somebody must believe the issuer, whose keys signed the token, and a rule must be \
                 about what it says and for whom it is; ?organisation= says whose rules are meant";
    Error::new(Kind::Denied, words).because(reason)
}

/// A token that nobody's keys signed is told as one that no rule is about; a failure stays what it is.
fn unless_it_may_pass(error: Error) -> Error {
    if error.kind() == Kind::Unauthenticated { not_let_in(error) } else { error }
}
