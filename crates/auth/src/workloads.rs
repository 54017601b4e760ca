//! Jobs that bring a token of an issuer that some organisation believes, and get one of ours for a quarter of an hour
//! ([a job is the rules it meets](../../../docs/adr/0042-a-job-is-the-rules-it-meets.md)).
//!
//! Whoever runs them keeps no secret: what the issuer says of a job is compared with the rules of the organisations that
//! believe it, and what those allow together the token reaches. It is an API token like any other, so every door takes it.
//! The account it is of stands for just these rules, and ends with any of them.

mod claim_pattern;
mod management;
mod required_claims;
mod told;

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};
use wharf_core::{
    Actor, Allowance, Credential, Error, Kind, OrganisationName, Reach, Result, RobotName, Role, Secret,
    Timestamp, TokenHash, Verb, audit::AuditRecord, hex,
};

pub use self::{
    claim_pattern::ClaimPattern,
    management::{NewClaimRule, NewIssuer},
    required_claims::RequiredClaims,
};
use crate::{
    Auth,
    issuers::{Asker, Claims, Issuer, Issuers},
    port::{Addressee, Admission, Believer, ClaimRule, IssuerSource},
    token_text::{generate, hash_of},
};

/// How long a job's token lives, in seconds.
pub const WORKLOAD_LIFETIME: i64 = 900;
/// How long the token of an issuer may live: it is remembered that it was used for as long, in seconds.
const LONGEST_LIFE: i64 = 24 * 3600;
/// For how long longer it is remembered, so that no clock that is behind takes it again, in seconds.
const REMEMBERED: i64 = 300;
/// How long a job waits for what its issuer publishes.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it waits for the others who believe the issuer otherwise, once one of them is heard.
const GRACE: Duration = Duration::from_millis(500);
/// The most bytes of a subject in names and records.
const LONGEST_SUBJECT: usize = 100;
/// What the names of accounts begin with that stand for rules; robots have other names.
pub(crate) const PREFIX: &str = "workload.";

/// What a job brings.
#[derive(Clone, Debug)]
pub struct Brought {
    /// The token of its issuer.
    pub token: Secret<String>,
    /// The only organisation whose rules count, if one is named.
    pub within: Option<OrganisationName>,
}

/// What a job gets.
#[derive(Debug)]
pub struct Minted {
    /// The text of its token.
    pub token: Secret<String>,
    /// When that ends.
    pub expires_at: Timestamp,
}

/// Who signed a job's token, and what that says.
struct Heard {
    source: i64,
    claims: Claims,
}

/// The rules of an organisation that are about a job.
struct Met {
    organisation: OrganisationName,
    rules: Vec<ClaimRule>,
    claims: Claims,
    issuer: Issuer,
}

impl Auth {
    /// The audience that the tokens of issuers must have, which names this Wharf; none where its own address is not set.
    pub fn audience(&self) -> Option<&str> {
        self.0.audience.as_deref()
    }

    /// Lets a job in by the token of its issuer, which is used up by that.
    ///
    /// # Errors
    /// `Unauthenticated` with words for a token that is not believed; `Denied` where it is and no rule is about it;
    /// `Exists` where it was used before; `Unavailable` where the issuer's keys cannot be had; `RateLimited`.
    pub async fn mint(&self, brought: Brought, nobody: &Actor) -> Result<Minted> {
        let minted = self.admit(brought, nobody).await;
        self.meters().workloads_refused.add(minted.is_err().into());
        minted.inspect_err(|error| self.note_refused_job(error, nobody))
    }

    /// Notes that a job was not let in, and why: in our own words, for nothing that it brought need be true.
    fn note_refused_job(&self, error: &Error, nobody: &Actor) {
        if matches!(error.kind(), Kind::Unauthenticated | Kind::Denied | Kind::Exists) {
            let record = AuditRecord::new(self.0.clock.now(), nobody, "workload.refused");
            self.0.notebook.note(AuditRecord { target: Some(error.message().to_owned()), ..record });
        }
    }

    async fn admit(&self, brought: Brought, nobody: &Actor) -> Result<Minted> {
        let url = Issuers::named_by(brought.token.expose())?;
        let sources = self.beliefs().issuer_sources(&url, brought.within.as_ref()).await?;
        if sources.is_empty() {
            return Err(Error::new(Kind::Denied, "nobody here believes the issuer of the token"));
        }
        let heard = self.hear_issuer(sources, &brought.token).await?;
        let met = self.met_by(heard, brought.within.as_ref()).await?;
        if met.is_empty() {
            let request_id = nobody.request_id.as_str();
            tracing::info!(request_id, issuer = url.as_str(), "no rule is about a job");
            return Err(Error::new(Kind::Denied, "no rule is about what the issuer says of this job"));
        }
        self.mint_for(&met, &brought.token, nobody).await
    }

    /// What those say of the token who signed it. Once one did, the others are waited for a moment only: one that asks its
    /// issuer's keys elsewhere stands in nobody's way.
    async fn hear_issuer(&self, sources: Vec<IssuerSource>, token: &Secret<String>) -> Result<Vec<Heard>> {
        let mut asked = JoinSet::new();
        for IssuerSource { id: source, issuer, organisations } in sources {
            let (issuers, token) = (self.0.issuers.clone(), token.clone());
            let askers: Vec<Asker> = organisations.into_iter().map(Asker::Organisation).collect();
            asked.spawn(async move {
                let said = issuers.claims(&askers, &issuer, token.expose()).await;
                said.map(|claims| Heard { source, claims })
            });
        }
        let (mut heard, mut refusal) = (Vec::new(), None);
        let mut until = Instant::now() + PATIENCE;
        while let Ok(Some(said)) = timeout_at(until, asked.join_next()).await {
            match said.map_err(Error::internal).flatten() {
                Ok(one) => {
                    until = until.min(Instant::now() + GRACE);
                    heard.push(one);
                }
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        // What the slow ones say is known the next time.
        asked.detach_all();
        if heard.is_empty() { Err(refusal.unwrap_or_else(crate::unauthenticated)) } else { Ok(heard) }
    }

    /// The rules that are about a job, organisation by organisation.
    async fn met_by(&self, heard: Vec<Heard>, within: Option<&OrganisationName>) -> Result<Vec<Met>> {
        let mut believed = Vec::new();
        for Heard { source, claims } in heard {
            let audiences = claims.audiences();
            let is_ours = self.audience().is_some_and(|ours| audiences.iter().any(|one| one == ours));
            let addressee = if is_ours { Addressee::Wharf } else { Addressee::Others(audiences) };
            let believers = self.beliefs().believers(source, addressee, within).await?;
            if believers.is_empty() && !is_ours {
                continue;
            }
            believed.push((believers, claims));
        }
        if believed.is_empty() {
            return Err(Error::new(Kind::Unauthenticated, "the token is for another audience"));
        }
        Ok(met_by(believed))
    }

    async fn mint_for(&self, met: &[Met], token: &Secret<String>, nobody: &Actor) -> Result<Minted> {
        let now = self.0.clock.now();
        let text = generate(self.0.entropy.as_ref());
        let hash = hash_of(text.expose()).ok_or_else(|| Error::internal("a token is not written as one"))?;
        let expires_at = now.plus_seconds(WORKLOAD_LIFETIME);
        let rules: Vec<i64> = met.iter().flat_map(|met| &met.rules).map(|rule| rule.id).collect();
        let allowances = met.iter().flat_map(|met| &met.rules).flat_map(|rule| rule.reach.allowances());
        let (spent, spent_until) = spent(met, token, now)?;
        let admission = Admission {
            account: account_of(met, &rules)?,
            roles: met.iter().map(|met| (met.organisation.clone(), role_of(&met.rules))).collect(),
            rules,
            spent,
            spent_until,
            token: hash,
            name: met.first().map(|met| subject_of(&met.claims)).unwrap_or_default(),
            reach: Reach::new(allowances.cloned().collect())?,
            expires_at,
            workload: told::workload(met)?,
        };
        let records = met.iter().map(|met| record(met, hash, (now, nobody))).collect();
        self.beliefs().admit(admission, records).await?;
        self.meters().workloads_admitted.increment();
        Ok(Minted { token: text, expires_at })
    }

    /// Forgets tokens of issuers that could not be used again, and whom jobs stood for that have ended.
    pub(crate) async fn tend_workloads(&self) -> Result<()> {
        self.beliefs().forget_ended(self.0.clock.now()).await
    }
}

/// The rules that are about a job, organisation by organisation. They are taken the oldest belief first, as many as one
/// token reaches, so that what others come to believe later takes nothing from it.
fn met_by(believed: Vec<(Vec<Believer>, Claims)>) -> Vec<Met> {
    let with_claims = |(believers, claims): (Vec<Believer>, Claims)| {
        believers.into_iter().map(move |believer| (believer, claims.clone()))
    };
    let mut believed: Vec<(Believer, Claims)> = believed.into_iter().flat_map(with_claims).collect();
    believed.sort_by_key(|(believer, _)| believer.issuer.id);
    let mut left = Reach::MOST;
    let mut all: Vec<Met> = Vec::new();
    for (Believer { organisation, issuer, rules }, claims) in believed {
        let mut takes = |rule: &ClaimRule| {
            let (met, count) = (rule.claims.are_met_by(&claims), rule.reach.allowances().len());
            let takes = met && count <= left;
            left -= if takes { count } else { 0 };
            takes
        };
        let rules: Vec<ClaimRule> = rules.into_iter().filter(|rule| takes(rule)).collect();
        match all.iter_mut().find(|met| met.organisation == organisation) {
            _ if rules.is_empty() => {}
            // An organisation may have the keys of one issuer read in two places.
            Some(met) => met.rules.extend(rules),
            None => all.push(Met { organisation, rules, claims, issuer: issuer.issuer }),
        }
    }
    all
}

/// The least role that does what rules allow.
fn role_of(rules: &[ClaimRule]) -> Role {
    let verbs = |rule: &ClaimRule| {
        rule.reach.allowances().iter().flat_map(|one: &Allowance| one.verbs.clone()).collect::<Vec<_>>()
    };
    match rules.iter().flat_map(verbs).all(|verb| verb == Verb::Pull) {
        true => Role::Viewer,
        false => Role::Writer,
    }
}

/// Who stands for rules: called after the one, or after all of them, in the oldest belief's organisation.
fn account_of(met: &[Met], rules: &[i64]) -> Result<RobotName> {
    let first = met.first().ok_or_else(|| Error::internal("no rule was met"))?;
    let name = match rules {
        [only] => only.to_string(),
        several => {
            let mut context = Context::new(&SHA256);
            several.iter().for_each(|rule| context.update(&rule.to_be_bytes()));
            hex::encode(context.finish().as_ref().split_at(16).0)
        }
    };
    RobotName::new(&first.organisation, &format!("{PREFIX}{name}"))
}

/// What a token is known by that was used, and until when: its issuer's own id for it, or else all that it says.
///
/// # Errors
/// `Unauthenticated` for one that would have to be remembered for too long.
fn spent(met: &[Met], token: &Secret<String>, now: Timestamp) -> Result<(Vec<[u8; 32]>, Timestamp)> {
    let mut fingerprints = Vec::new();
    let mut until = now;
    for Met { claims, issuer, .. } in met {
        let ends = claims.expires().unwrap_or_default();
        if ends > now.seconds().saturating_add(LONGEST_LIFE) {
            let words = "the token lives for more than a day, and only short ones are taken";
            return Err(Error::new(Kind::Unauthenticated, words));
        }
        until = until.max(Timestamp::from_microseconds(0).plus_seconds(ends + REMEMBERED));
        // Not with its signature, of which there may be another one for the same words.
        let words = token.expose().rsplit_once('.').map_or(token.expose().as_str(), |(words, _)| words);
        let id = claims.text("jti").map_or(("whole", words), |id| ("id", id));
        let fingerprint = fingerprint(issuer, id);
        if !fingerprints.contains(&fingerprint) {
            fingerprints.push(fingerprint);
        }
    }
    Ok((fingerprints, until))
}

/// Ids of one issuer are apart from those of another, and of one that publishes its keys elsewhere.
fn fingerprint(issuer: &Issuer, (kind, id): (&str, &str)) -> [u8; 32] {
    let keys = issuer.keys_url.as_ref().map_or("", |keys| keys.as_str());
    let mut context = Context::new(&SHA256);
    for part in [issuer.url.as_str(), keys, kind, id] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}

/// Whom a token speaks of, fit for a record.
fn subject_of(claims: &Claims) -> String {
    let visible = claims.subject().chars().filter(|character| !character.is_control());
    let mut subject = String::new();
    for character in visible {
        if subject.len() + character.len_utf8() > LONGEST_SUBJECT {
            break;
        }
        subject.push(character);
    }
    subject
}

/// The line of an organisation's audit log: which of its rules let whom in, on whose word.
fn record(met: &Met, token: TokenHash, (now, nobody): (Timestamp, &Actor)) -> AuditRecord {
    let rules: Vec<&str> = met.rules.iter().map(|rule| rule.name.as_str()).collect();
    let target =
        format!("rule={} issuer={} subject={}", rules.join(","), met.issuer.url, subject_of(&met.claims));
    let actor = Actor { credential: Credential::Token(token), ..nobody.clone() };
    let record = AuditRecord::new(now, &actor, "workload.login");
    AuditRecord { organisation: Some(met.organisation.clone()), target: Some(target), ..record }
}
