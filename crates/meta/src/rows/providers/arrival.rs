//! Somebody whom a provider lets in: the account, and the roles that the groups give – no longer those that they gave
//! before. A role that an admin gave by hand is left alone.
//!
//! The account is found by the provider's id of him alone. What he is called there gives a new account its name, and counts for
//! nothing after: names stay. Who may not log in is known by the provider's address too, so he is nobody new to another row of
//! the same provider.

use std::collections::BTreeMap;

use async_trait::async_trait;
use wharf_auth::port::{Arrival, Membership, Refused, Spent};
use wharf_core::{AccountId, OrganisationName, Result, Role, audit::AuditRecord, gate::OrganisationId};

use crate::{
    database::Step,
    rows::{
        beliefs::spend,
        journal::audit,
        members::{JOIN, membership},
        tenants::hold_organisation,
        warrants::held,
    },
    session::{Row, Session},
};

pub(super) struct Arrive {
    pub(super) arrival: Arrival,
    /// That of a new account.
    pub(super) record: AuditRecord,
}

/// Roles by the row of their organisation, and the name of that.
type Roles = BTreeMap<i64, (Role, OrganisationName)>;

/// Whom the provider lets in, as he is known here.
struct Outsider {
    account: i64,
    name: String,
}

/// How somebody belongs to an organisation, and its name.
struct Belonging {
    membership: Membership,
    name: OrganisationName,
}

#[async_trait]
impl Step for Arrive {
    type Output = AccountId;

    async fn run(&self, session: &mut dyn Session) -> Result<AccountId> {
        const ENABLED: &str = "SELECT id FROM account WHERE id = $1 AND disabled = 0";
        let provider = self.arrival.provider;
        let held = held!(session, "SELECT url FROM provider WHERE id = $1", &[provider.into()]);
        let url: String = held.ok_or(Refused::ProviderGone)?.next()?;
        if let Some(Spent { fingerprint, until }) = &self.arrival.spent
            && !spend(session, fingerprint, *until).await?
        {
            return Err(Refused::ArrivalSpent.into());
        }
        let outsider = match self.known(session).await? {
            Some(known) => known,
            None => self.make(session, &url).await?,
        };
        if session.query_first(ENABLED, &[outsider.account.into()]).await?.is_none() {
            return Err(Refused::ShutOut.into());
        }
        self.follow_groups(session, &outsider).await?;
        Ok(AccountId(outsider.account))
    }
}

impl Arrive {
    async fn known(&self, session: &mut dyn Session) -> Result<Option<Outsider>> {
        const FIND: &str = "
            SELECT o.account_id, a.name FROM outsider o JOIN account a ON a.id = o.account_id
            WHERE o.provider_id = $1 AND o.subject = $2";
        let values = [self.arrival.provider.into(), self.arrival.subject.as_str().into()];
        let found = session.query_first(FIND, &values).await?;
        found.map(|mut row| Ok(Outsider { account: row.next()?, name: row.next()? })).transpose()
    }

    async fn make(&self, session: &mut dyn Session, url: &str) -> Result<Outsider> {
        const SHUT_OUT: &str = "
            SELECT o.account_id FROM outsider o JOIN account a ON a.id = o.account_id
            WHERE o.subject = $1 AND o.url = $2 AND a.disabled = 1 LIMIT 1";
        const MAKE: &str = "
            INSERT INTO account (name, kind, operator, disabled, version, created_at)
            VALUES ($1, 'user', 0, 0, 1, $2) ON CONFLICT (name) DO NOTHING RETURNING id";
        const NOTE: &str = "
            INSERT INTO outsider (account_id, provider_id, url, subject) VALUES ($1, $2, $3, $4)";
        let Arrival { provider, subject, name, .. } = &self.arrival;
        if session.query_first(SHUT_OUT, &[subject.as_str().into(), url.into()]).await?.is_some() {
            return Err(Refused::ShutOut.into());
        }
        let name = name.as_ref().ok_or(Refused::Nameless)?.to_string();
        let values = [name.as_str().into(), self.record.at.microseconds().into()];
        let account: i64 = session.query_first(MAKE, &values).await?.ok_or(Refused::Namesake)?.next()?;
        let values = [account.into(), (*provider).into(), url.into(), subject.as_str().into()];
        session.execute(NOTE, &values).await?;
        audit(session, &AuditRecord { target: Some(name.clone()), ..self.record.clone() }).await?;
        Ok(Outsider { account, name })
    }

    async fn follow_groups(&self, session: &mut dyn Session, outsider: &Outsider) -> Result<()> {
        let wanted = self.wanted(session).await?;
        let belongings = belongings(session, outsider.account).await?;
        for (organisation, (role, name)) in &wanted {
            let before = belongings.get(organisation).map(|belonging| belonging.membership);
            if let Some(after) = Membership::grouped(before, *role) {
                self.give(session, (outsider, *organisation), (after.role(), name)).await?;
            }
        }
        for (organisation, Belonging { membership, name }) in &belongings {
            if let Membership::ByGroups { beneath, .. } = membership
                && !wanted.contains_key(organisation)
            {
                self.take(session, (outsider, *organisation), (*beneath, name)).await?;
            }
        }
        Ok(())
    }

    /// The greatest role that the groups give in each organisation.
    async fn wanted(&self, session: &mut dyn Session) -> Result<Roles> {
        const MEANT: &str = "
            SELECT g.organisation_id, g.role, o.name, g.group_name FROM group_role g
            JOIN organisation o ON o.id = g.organisation_id AND o.removed_at IS NULL
            WHERE g.provider_id = $1";
        let mut wanted = Roles::new();
        for mut row in session.query(MEANT, &[self.arrival.provider.into()]).await? {
            let (organisation, role) = (row.next()?, row.parse(|role: String| role.parse::<Role>().ok())?);
            let name = row.parse(|name: String| name.parse().ok())?;
            let group: String = row.next()?;
            if self.arrival.groups.contains(&group) {
                let place = wanted.entry(organisation).or_insert((role, name));
                place.0 = place.0.max(role);
            }
        }
        Ok(wanted)
    }

    async fn give(
        &self,
        session: &mut dyn Session,
        (outsider, organisation): (&Outsider, i64),
        (role, name): (Role, &OrganisationName),
    ) -> Result<()> {
        const NOTE: &str = "
            INSERT INTO given_role (account_id, organisation_id) VALUES ($1, $2)
            ON CONFLICT (account_id, organisation_id) DO NOTHING";
        let account = outsider.account;
        // Held: since it was found it may have gone, or an admin may have said something by hand.
        if !hold_organisation(session, OrganisationId(organisation)).await?
            || is_by_hand(session, (account, organisation)).await?
        {
            return Ok(());
        }
        let now = self.record.at.microseconds();
        session.execute(JOIN, &[organisation.into(), account.into(), role.word().into(), now.into()]).await?;
        session.execute(NOTE, &[account.into(), organisation.into()]).await?;
        self.note(session, "member.set", (name, format!("{} {role}", outsider.name))).await
    }

    /// Takes what the groups gave; what was given by hand beneath stays.
    async fn take(
        &self,
        session: &mut dyn Session,
        (outsider, organisation): (&Outsider, i64),
        (beneath, name): (Option<Role>, &OrganisationName),
    ) -> Result<()> {
        const LEAVE: &str = "DELETE FROM membership WHERE organisation_id = $1 AND account_id = $2";
        const STAY: &str = "UPDATE membership SET role = $1 WHERE organisation_id = $2 AND account_id = $3";
        const FORGET: &str = "DELETE FROM given_role WHERE organisation_id = $1 AND account_id = $2";
        let Outsider { account, name: user } = outsider;
        let of = [organisation.into(), (*account).into()];
        if session.execute(FORGET, &of).await? == 0 {
            return Ok(());
        }
        match beneath {
            Some(role) => {
                session.execute(STAY, &[role.word().into(), organisation.into(), (*account).into()]).await?;
                self.note(session, "member.set", (name, format!("{user} {role}"))).await
            }
            None => {
                session.execute(LEAVE, &of).await?;
                self.note(session, "member.delete", (name, user.clone())).await
            }
        }
    }

    async fn note(
        &self,
        session: &mut dyn Session,
        action: &'static str,
        (organisation, target): (&OrganisationName, String),
    ) -> Result<()> {
        let record = AuditRecord { action, target: Some(target), ..self.record.clone() };
        audit(session, &AuditRecord { organisation: Some(organisation.clone()), ..record }).await
    }
}

/// Where an account belongs, and how.
async fn belongings(session: &mut dyn Session, account: i64) -> Result<BTreeMap<i64, Belonging>> {
    const LIST: &str = "
        SELECT m.organisation_id, o.name, m.role, g.account_id, g.beneath
        FROM membership m JOIN organisation o ON o.id = m.organisation_id
        LEFT JOIN given_role g ON g.organisation_id = m.organisation_id AND g.account_id = m.account_id
        WHERE m.account_id = $1";
    let one = |mut row: Row| {
        let (organisation, name) = (row.next()?, row.parse(|name: String| name.parse().ok())?);
        Ok((organisation, Belonging { membership: membership(&mut row)?, name }))
    };
    session.query(LIST, &[account.into()]).await?.into_iter().map(one).collect()
}

/// Whether an account belongs to an organisation by what somebody said.
async fn is_by_hand(session: &mut dyn Session, (account, organisation): (i64, i64)) -> Result<bool> {
    const BY_HAND: &str = "
        SELECT m.organisation_id FROM membership m WHERE m.account_id = $1 AND m.organisation_id = $2 AND NOT EXISTS
            (SELECT 1 FROM given_role g WHERE g.account_id = m.account_id AND g.organisation_id = m.organisation_id)";
    Ok(session.query_first(BY_HAND, &[account.into(), organisation.into()]).await?.is_some())
}
