//! What the audit log says of a job that was let in.
//!
//! An organisation reads who came to it. Of a job that named no organisation nobody knows whether it meant this one, whose
//! rule may be about half the world's jobs: so there stand which rule, on whose word and under which token, and not who it
//! was and from where. That the operator reads, in the log of the platform.

use wharf_core::{
    Access, Actor, Credential, OrganisationName, Principal, Timestamp, TokenHash, audit::AuditRecord,
};

use super::{hearing::Heard, met::Met};
use crate::issuers::Claims;

/// The most bytes of a subject in names and records.
const LONGEST_SUBJECT: usize = 100;

/// A job that was let in.
pub(super) struct AdmittedJob<'a> {
    pub(super) met: &'a Met,
    pub(super) heard: &'a Heard,
    /// The organisation that it named, if it did.
    pub(super) within: Option<&'a OrganisationName>,
    /// The token that it got.
    pub(super) token: TokenHash,
}

impl AdmittedJob<'_> {
    /// The lines about it.
    #[expect(clippy::disallowed_methods, reason = "the token was made for the job a moment ago")]
    pub(super) fn records(&self, now: Timestamp, nobody: &Actor) -> Vec<AuditRecord> {
        let token =
            |nobody: Actor| nobody.known(Principal::Anonymous, Credential::Token(self.token), Access::Whole);
        let actor = token(nobody.clone());
        let whole = AuditRecord::new(now, &actor, "workload.login");
        let organisation = Some(self.met.organisation.clone());
        let (rules, subject) = (self.rules(), subject_of(&self.heard.claims));
        if self.within.is_some() {
            let target = Some(format!("{rules} subject={subject}"));
            return vec![AuditRecord { organisation, target, ..whole }];
        }
        let nowhere = token(Actor::nobody(None, actor.request_id()));
        let target = Some(format!("{rules} subject=untold, for the job named no organisation"));
        let told = AuditRecord { organisation, target, actor: nowhere, ..whole.clone() };
        let target = Some(format!("organisation={} {rules} subject={subject}", self.met.organisation));
        vec![told, AuditRecord { target, ..whole }]
    }

    /// Which rules let it in, on whose word.
    fn rules(&self) -> String {
        let names: Vec<&str> = self.met.rules.iter().map(|rule| rule.name.as_str()).collect();
        format!("rule={} issuer={}", names.join(","), self.heard.issuer())
    }
}

/// Whom a token speaks of, fit for a record.
pub(super) fn subject_of(claims: &Claims) -> String {
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
