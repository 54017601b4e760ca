//! Somebody whom a provider lets in: the account, and the roles that the groups give – no longer those that they gave
//! before. A role that an admin gave by hand is left alone.
//!
//! The account is found by the provider's id of him alone. What he is called there gives a new account its name, and counts for
//! nothing after: names stay. Who may not log in is known by the provider's address too, so he is nobody new to another row of
//! the same provider.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use wharf_auth::port::{Arrival, Spent};
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

/// Whom the provider lets in, as he is known here.
struct Outsider {
    account: i64,
    name: String,
}

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
        let gone = || Error::new(Kind::Denied, "the provider was just removed");
        let held = held!(session, "SELECT url FROM provider WHERE id = $1", &[provider.into()]);
        let url: String = held.ok_or_else(gone)?.next()?;
        if let Some(Spent { fingerprint, until }) = &self.arrival.spent
            && !spend(session, fingerprint, *until).await?
        {
            return Err(Error::new(Kind::Denied, "this login was finished before: begin it again"));
        }
        let outsider = match self.known(session).await? {
            Some(known) => known,
            None => self.make(session, &url).await?,
        };
        if session.query_first(ENABLED, &[outsider.account.into()]).await?.is_none() {
            return Err(shut_out());
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
            return Err(shut_out());
        }
        let nameless = || {
            let words = "the provider's name for you cannot be a login here: ask the operator of this Wharf";
            Error::new(Kind::Unauthenticated, words)
        };
        let name = name.as_ref().ok_or_else(nameless)?.to_string();
        let values = [name.as_str().into(), self.record.at.microseconds().into()];
        let words =
            "somebody is called so here: log in with your password here if it is you, else ask the operator";
        let taken = || Error::new(Kind::Exists, words);
        let account: i64 = session.query_first(MAKE, &values).await?.ok_or_else(taken)?.next()?;
        let values = [account.into(), (*provider).into(), url.into(), subject.as_str().into()];
        session.execute(NOTE, &values).await?;
        audit(session, &AuditRecord { target: Some(name.clone()), ..self.record.clone() }).await?;
        Ok(Outsider { account, name })
    }

    async fn follow_groups(&self, session: &mut dyn Session, outsider: &Outsider) -> Result<()> {
        let wanted = self.wanted(session).await?;
        let given = given(session, outsider.account).await?;
        let by_hand = by_hand(session, outsider.account).await?;
        for (organisation, (role, name)) in &wanted {
            let given = given.get(organisation);
            let role = given.and_then(|given| given.beneath).map_or(*role, |beneath| beneath.max(*role));
            if !by_hand.contains(organisation) && given.map(|given| given.role) != Some(role) {
                self.give(session, (outsider, *organisation), (role, name)).await?;
            }
        }
        for (organisation, given) in
            given.iter().filter(|(organisation, _)| !wanted.contains_key(organisation))
        {
            self.take(session, (outsider, *organisation), given).await?;
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
            || by_hand(session, account).await?.contains(&organisation)
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
        given: &Given,
    ) -> Result<()> {
        const LEAVE: &str = "DELETE FROM membership WHERE organisation_id = $1 AND account_id = $2";
        const STAY: &str = "UPDATE membership SET role = $1 WHERE organisation_id = $2 AND account_id = $3";
        const FORGET: &str = "DELETE FROM given_role WHERE organisation_id = $1 AND account_id = $2";
        let Outsider { account, name } = outsider;
        let of = [organisation.into(), (*account).into()];
        if session.execute(FORGET, &of).await? == 0 {
            return Ok(());
        }
        match given.beneath {
            Some(role) => {
                session.execute(STAY, &[role.word().into(), organisation.into(), (*account).into()]).await?;
                self.note(session, "member.set", (&given.name, format!("{name} {role}"))).await
            }
            None => {
                session.execute(LEAVE, &of).await?;
                self.note(session, "member.delete", (&given.name, name.clone())).await
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

fn shut_out() -> Error {
    Error::new(Kind::Unauthenticated, "this user may not log in")
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
