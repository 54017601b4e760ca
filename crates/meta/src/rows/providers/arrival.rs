//! Somebody whom a provider lets in: the account, and the roles that the groups give – no longer those that they gave
//! before. A role that an admin gave by hand is left alone.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use wharf_auth::port::Arrival;
use wharf_core::{
    AccountId, Error, Kind, OrganisationName, Result, Role, audit::AuditRecord, gate::OrganisationId,
};

use crate::{
    database::Step,
    rows::{beliefs::spend, journal::audit, members::JOIN, tenants::hold_organisation, warrants::held},
    session::{Row, Session},
};

pub(super) struct Arrive {
    pub(super) arrival: Arrival,
    /// That of a new account.
    pub(super) record: AuditRecord,
}

/// Roles by the row of their organisation, and the name of that.
type Roles = BTreeMap<i64, (Role, OrganisationName)>;

/// A membership that groups gave.
struct Given {
    role: Role,
    /// What was given by hand beside.
    beneath: Option<Role>,
    name: OrganisationName,
}

#[async_trait]
impl Step for Arrive {
    type Output = AccountId;

    async fn run(&self, session: &mut dyn Session) -> Result<AccountId> {
        const ENABLED: &str = "SELECT id FROM account WHERE id = $1 AND disabled = 0";
        let provider = self.arrival.provider;
        if held!(session, "SELECT id FROM provider WHERE id = $1", &[provider.into()]).is_none() {
            return Err(Error::new(Kind::Denied, "the provider was just removed"));
        }
        if let Some((fingerprint, until)) = &self.arrival.once
            && !spend(session, fingerprint, *until).await?
        {
            return Err(Error::new(Kind::Denied, "this login was finished before: begin it again"));
        }
        let account = match self.known(session).await? {
            Some(account) => account,
            None => self.make(session).await?,
        };
        if session.query_first(ENABLED, &[account.into()]).await?.is_none() {
            return Err(Error::new(Kind::Unauthenticated, "this user may not log in"));
        }
        self.follow_groups(session, account).await?;
        Ok(AccountId(account))
    }
}

impl Arrive {
    async fn known(&self, session: &mut dyn Session) -> Result<Option<i64>> {
        const FIND: &str = "SELECT account_id FROM outsider WHERE provider_id = $1 AND subject = $2";
        let values = [self.arrival.provider.into(), self.arrival.subject.as_str().into()];
        session.query_first(FIND, &values).await?.map(|mut row| row.next()).transpose()
    }

    async fn make(&self, session: &mut dyn Session) -> Result<i64> {
        const MAKE: &str = "
            INSERT INTO account (name, kind, operator, disabled, version, created_at)
            VALUES ($1, 'user', 0, 0, 1, $2) ON CONFLICT (name) DO NOTHING RETURNING id";
        const NOTE: &str = "INSERT INTO outsider (account_id, provider_id, subject) VALUES ($1, $2, $3)";
        let Arrival { provider, subject, name, .. } = &self.arrival;
        let values = [name.as_str().into(), self.record.at.microseconds().into()];
        let words =
            "somebody is called so here: log in with your password here if it is you, else ask the operator";
        let taken = || Error::new(Kind::Exists, words);
        let account: i64 = session.query_first(MAKE, &values).await?.ok_or_else(taken)?.next()?;
        session.execute(NOTE, &[account.into(), (*provider).into(), subject.as_str().into()]).await?;
        audit(session, &self.record).await?;
        Ok(account)
    }

    async fn follow_groups(&self, session: &mut dyn Session, account: i64) -> Result<()> {
        let wanted = self.wanted(session).await?;
        let given = given(session, account).await?;
        let by_hand = by_hand(session, account).await?;
        for (organisation, (role, name)) in &wanted {
            let given = given.get(organisation);
            let role = given.and_then(|given| given.beneath).map_or(*role, |beneath| beneath.max(*role));
            if !by_hand.contains(organisation) && given.map(|given| given.role) != Some(role) {
                self.give(session, (account, *organisation), (role, name)).await?;
            }
        }
        for (organisation, given) in
            given.iter().filter(|(organisation, _)| !wanted.contains_key(organisation))
        {
            self.take(session, (account, *organisation), given).await?;
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
        (account, organisation): (i64, i64),
        (role, name): (Role, &OrganisationName),
    ) -> Result<()> {
        const NOTE: &str = "
            INSERT INTO given_role (account_id, organisation_id) VALUES ($1, $2)
            ON CONFLICT (account_id, organisation_id) DO NOTHING";
        // Held: since it was found it may have gone, or an admin may have said something by hand.
        if !hold_organisation(session, OrganisationId(organisation)).await?
            || by_hand(session, account).await?.contains(&organisation)
        {
            return Ok(());
        }
        let now = self.record.at.microseconds();
        session.execute(JOIN, &[organisation.into(), account.into(), role.word().into(), now.into()]).await?;
        session.execute(NOTE, &[account.into(), organisation.into()]).await?;
        self.note(session, "member.set", (name, format!("{} {role}", self.arrival.name))).await
    }

    /// Takes what the groups gave; what was given by hand beneath stays.
    async fn take(
        &self,
        session: &mut dyn Session,
        (account, organisation): (i64, i64),
        given: &Given,
    ) -> Result<()> {
        const LEAVE: &str = "DELETE FROM membership WHERE organisation_id = $1 AND account_id = $2";
        const STAY: &str = "UPDATE membership SET role = $1 WHERE organisation_id = $2 AND account_id = $3";
        const FORGET: &str = "DELETE FROM given_role WHERE organisation_id = $1 AND account_id = $2";
        let of = [organisation.into(), account.into()];
        if session.execute(FORGET, &of).await? == 0 {
            return Ok(());
        }
        let name = &self.arrival.name;
        match given.beneath {
            Some(role) => {
                session.execute(STAY, &[role.word().into(), organisation.into(), account.into()]).await?;
                self.note(session, "member.set", (&given.name, format!("{name} {role}"))).await
            }
            None => {
                session.execute(LEAVE, &of).await?;
                self.note(session, "member.delete", (&given.name, name.to_string())).await
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

/// The memberships that groups gave.
async fn given(session: &mut dyn Session, account: i64) -> Result<BTreeMap<i64, Given>> {
    const GIVEN: &str = "
        SELECT g.organisation_id, m.role, g.beneath, o.name FROM given_role g
        JOIN organisation o ON o.id = g.organisation_id
        JOIN membership m ON m.organisation_id = g.organisation_id AND m.account_id = g.account_id
        WHERE g.account_id = $1";
    let one = |mut row: Row| {
        let (organisation, role) = (row.next()?, row.parse(|role: String| role.parse().ok())?);
        let beneath = row.parse(|role: Option<String>| role.map(|role| role.parse()).transpose().ok())?;
        Ok((organisation, Given { role, beneath, name: row.parse(|name: String| name.parse().ok())? }))
    };
    session.query(GIVEN, &[account.into()]).await?.into_iter().map(one).collect()
}

/// Where an account belongs by what somebody said.
async fn by_hand(session: &mut dyn Session, account: i64) -> Result<BTreeSet<i64>> {
    const BY_HAND: &str = "
        SELECT m.organisation_id FROM membership m WHERE m.account_id = $1 AND NOT EXISTS
            (SELECT 1 FROM given_role g WHERE g.account_id = m.account_id AND g.organisation_id = m.organisation_id)";
    let rows = session.query(BY_HAND, &[account.into()]).await?;
    rows.into_iter().map(|mut row| row.next()).collect()
}
