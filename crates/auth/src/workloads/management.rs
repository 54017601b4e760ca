//! Whom an organisation believes, and what their jobs may do: as its admins manage it.

use wharf_core::{
    Error, IssuerName, Kind, OrganisationGrant, OrganisationName, Reach, RepositorySet, Result, RuleName,
    Subject, duty::Administer,
};

use super::RequiredClaims;
use crate::{
    Auth,
    issuers::Issuer,
    port::{Beliefs, ClaimRule, IssuerRow},
};

/// The longest audience, in bytes.
const LONGEST_AUDIENCE: usize = 255;
/// The largest list of authorities, in bytes of PEM.
const LARGEST_AUTHORITIES: usize = 16 * 1024;
/// The largest rule, in bytes of JSON: of many organisations some are read for one token.
const LARGEST_RULE: usize = 8 * 1024;

/// An issuer to be believed.
#[derive(Clone, Debug)]
pub struct NewIssuer {
    /// What it is to be called.
    pub name: IssuerName,
    /// Who it is.
    pub issuer: Issuer,
    /// The audience that its tokens may have beside that of this Wharf.
    pub audience: Option<String>,
}

/// A rule to be made.
#[derive(Clone, Debug)]
pub struct NewClaimRule {
    /// What it is to be called.
    pub name: RuleName,
    /// What must be said.
    pub claims: RequiredClaims,
    /// What may be done.
    pub reach: Reach,
}

impl Auth {
    /// The issuers that an organisation believes, in the byte order of their names.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn issuers(&self, grant: &OrganisationGrant<Administer>) -> Result<Vec<IssuerRow>> {
        self.beliefs().issuers(grant.organisation()).await
    }

    /// One of them.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn issuer(
        &self,
        grant: &OrganisationGrant<Administer>,
        name: &IssuerName,
    ) -> Result<IssuerRow> {
        let found = self.beliefs().issuer(grant.organisation(), name).await?;
        found.ok_or_else(|| Error::not_found(Subject::Issuer))
    }

    /// Believes an issuer. Nothing is good for anything before there is a rule.
    ///
    /// # Errors
    /// `Exists`; `Conflict`; `Denied` where this Wharf does not go to where it is; `Invalid` for its audience and for
    /// authorities that are no PEM.
    pub async fn add_issuer(
        &self,
        grant: &OrganisationGrant<Administer>,
        new: NewIssuer,
    ) -> Result<IssuerRow> {
        let NewIssuer { name, issuer, audience } = new;
        let is_audience = |audience: &String| {
            (1..=LONGEST_AUDIENCE).contains(&audience.len()) && !audience.contains(char::is_control)
        };
        if !audience.iter().all(is_audience) {
            return Err(Error::new(Kind::Invalid, "an audience has 1 to 255 bytes"));
        }
        let is_pem =
            |pem: &String| pem.len() <= LARGEST_AUTHORITIES && pem.contains("-----BEGIN CERTIFICATE-----");
        if !issuer.authorities.iter().all(is_pem) {
            let words = "the authorities of an issuer are certificates in PEM, 16 KiB at most";
            return Err(Error::new(Kind::Invalid, words));
        }
        self.0.issuers.expect_open(&issuer)?;
        let target = Some(format!("{name} {}", issuer.url));
        let record = self.organisation_record(grant, "issuer.create", (grant.name(), target));
        let row = IssuerRow { id: 0, name, issuer, audience, created_at: record.at };
        self.beliefs().add_issuer(grant.organisation(), row.clone(), record).await.map(|()| row)
    }

    /// Believes an issuer no longer. What its jobs were given ends at once.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn remove_issuer(&self, grant: &OrganisationGrant<Administer>, name: IssuerName) -> Result<()> {
        let record = self.organisation_record(grant, "issuer.delete", (grant.name(), Some(name.to_string())));
        let removed = self.beliefs().remove_issuer(grant.organisation(), name, record).await?;
        if removed { Ok(()) } else { Err(Error::not_found(Subject::Issuer)) }
    }

    /// The rules of an issuer, in the byte order of their names.
    ///
    /// # Errors
    /// `NotFound` where there is no such issuer; `Unavailable`.
    pub async fn claim_rules(
        &self,
        grant: &OrganisationGrant<Administer>,
        issuer: &IssuerName,
    ) -> Result<Vec<ClaimRule>> {
        self.beliefs().claim_rules(self.issuer(grant, issuer).await?.id).await
    }

    /// Makes a rule.
    ///
    /// # Errors
    /// As [`Auth::add_issuer`]; `Invalid` where it reaches beyond the organisation.
    pub async fn add_claim_rule(
        &self,
        grant: &OrganisationGrant<Administer>,
        issuer: &IssuerName,
        new: NewClaimRule,
    ) -> Result<ClaimRule> {
        let NewClaimRule { name, claims, reach } = new;
        expect_within(grant.name(), &reach)?;
        let row = claims.to_row()?;
        if row.len() + reach.to_row()?.len() > LARGEST_RULE {
            return Err(Error::new(Kind::Invalid, "a rule has 8 KiB at most, make two of it"));
        }
        let issuer = self.issuer(grant, issuer).await?;
        let target = Some(format!("{} {name} {row}", issuer.name));
        let record = self.organisation_record(grant, "claim-rule.create", (grant.name(), target));
        let rule = ClaimRule { id: 0, name, claims, reach, created_at: record.at };
        let of = (grant.organisation(), issuer.id);
        self.beliefs().add_claim_rule(of, rule.clone(), record).await.map(|()| rule)
    }

    /// Removes a rule. What it gave ends at once.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn remove_claim_rule(
        &self,
        grant: &OrganisationGrant<Administer>,
        issuer: &IssuerName,
        name: RuleName,
    ) -> Result<()> {
        let issuer = self.issuer(grant, issuer).await?;
        let target = Some(format!("{} {name}", issuer.name));
        let record = self.organisation_record(grant, "claim-rule.delete", (grant.name(), target));
        let of = (grant.organisation(), issuer.id);
        let removed = self.beliefs().remove_claim_rule(of, name, record).await?;
        if removed { Ok(()) } else { Err(Error::not_found(Subject::Rule)) }
    }

    pub(super) fn beliefs(&self) -> &dyn Beliefs {
        self.0.beliefs.as_ref()
    }
}

/// Refuses what reaches beyond an organisation: its admins have nothing to give there.
fn expect_within(organisation: &OrganisationName, reach: &Reach) -> Result<()> {
    let whole: RepositorySet = format!("{organisation}/*").parse()?;
    if reach.allowances().iter().all(|one| whole.covers(&one.repositories)) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Invalid,
        format!("a rule reaches repositories of its own organisation, {whole}, and no others"),
    ))
}
