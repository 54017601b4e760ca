//! Jobs that are let in: the token of their issuer is used up, the account that stands for their rules is there, and a
//! token of ours is made for it – all of it or nothing.

use async_trait::async_trait;
use wharf_auth::port::{Admission, Bound, Refused};
use wharf_core::{
    AccountId, Error, Principal, Reach, Result, Timestamp, TokenHash, Workload, audit::AuditRecord,
};

use crate::{
    database::Step,
    rows::{
        counting::{Tally, one_by_one},
        journal::audit,
        members::JOIN,
        tenants::first_id,
        warrants::held,
    },
    session::Session,
};

/// How many are forgotten at a time.
const SOME: i64 = 1000;

pub(super) struct Admit {
    pub(super) admission: Admission,
    pub(super) records: Vec<AuditRecord>,
}

#[async_trait]
impl Step for Admit {
    type Output = Principal;

    #[expect(clippy::disallowed_methods, reason = "only the transaction knows as whom a job was let in")]
    async fn run(&self, session: &mut dyn Session) -> Result<Principal> {
        let now = self.records.first().map(|record| record.at).unwrap_or_default();
        self.expect_rules(session).await?;
        self.spend(session).await?;
        let (account, version) = self.account(session, now).await?;
        self.add_token(session, (account, version), now).await?;
        let name = self.admission.account.clone();
        let principal = Principal::Robot { id: AccountId(account), name, version };
        for record in &self.records {
            let told = &record.actor;
            let (credential, access) = (told.credential().clone(), told.access().clone());
            let actor = told.clone().known(principal.clone(), credential, access);
            audit(session, &AuditRecord { actor, ..record.clone() }).await?;
        }
        Ok(principal)
    }
}

impl Admit {
    /// Holds the rules until the transaction ends, so that none of them goes meanwhile.
    async fn expect_rules(&self, session: &mut dyn Session) -> Result<()> {
        for rule in &self.admission.rules {
            if held!(session, "SELECT id FROM claim_rule WHERE id = $1", &[(*rule).into()]).is_none() {
                return Err(Refused::RuleGone.into());
            }
        }
        Ok(())
    }

    async fn spend(&self, session: &mut dyn Session) -> Result<()> {
        for fingerprint in &self.admission.spent {
            if !spend(session, fingerprint, self.admission.spent_until).await? {
                return Err(Refused::TokenSpent.into());
            }
        }
        Ok(())
    }

    /// The account that stands for the rules, in their organisation; its id and version.
    async fn account(&self, session: &mut dyn Session, now: Timestamp) -> Result<(i64, i64)> {
        // Held by being written: nobody forgets it as idle meanwhile.
        const MAKE: &str = "
            INSERT INTO account (name, kind, operator, disabled, version, created_at)
            VALUES ($1, 'workload', 0, 0, 1, $2) ON CONFLICT (name) DO UPDATE SET name = excluded.name
            RETURNING id, version";
        let name = self.admission.account.as_str();
        let made = session.query_first(MAKE, &[name.into(), now.microseconds().into()]).await?;
        let mut row = made.ok_or(Refused::RuleGone)?;
        let (account, version): (i64, i64) = (row.next()?, row.next()?);
        self.stand(session, account).await?;
        self.join(session, account, now).await?;
        Ok((account, version))
    }

    async fn join(&self, session: &mut dyn Session, account: i64, now: Timestamp) -> Result<()> {
        const FIND: &str = "
            SELECT o.id, m.role FROM organisation o
            LEFT JOIN membership m ON m.organisation_id = o.id AND m.account_id = $1
            WHERE o.name = $2 AND o.removed_at IS NULL";
        let Admission { organisation, role, .. } = &self.admission;
        let found = session.query_first(FIND, &[account.into(), organisation.as_str().into()]).await?;
        let mut row = found.ok_or(Refused::RuleGone)?;
        let (organisation, has): (i64, Option<String>) = (row.next()?, row.next()?);
        if has.as_deref() == Some(role.word()) {
            return Ok(());
        }
        let values = [organisation.into(), account.into(), role.word().into(), now.microseconds().into()];
        session.execute(JOIN, &values).await.map(drop)
    }

    /// Has an account stand for the rules. How many there are for a rule is bounded: what a job says chooses which rules it
    /// meets, and each set of them is another account.
    async fn stand(&self, session: &mut dyn Session, account: i64) -> Result<()> {
        const STAND: &str = "
            INSERT INTO workload (rule_id, account_id) VALUES ($1, $2) ON CONFLICT (rule_id, account_id) DO NOTHING";
        const CROWDED: &str = "
            SELECT w.rule_id FROM workload w
            WHERE w.rule_id IN (SELECT o.rule_id FROM workload o WHERE o.account_id = $1)
            GROUP BY w.rule_id HAVING COUNT(*) > $2 LIMIT 1";
        let mut is_new = false;
        for rule in &self.admission.rules {
            if session.execute(STAND, &[(*rule).into(), account.into()]).await? > 0 {
                one_by_one(session, Tally::AccountsOf(*rule)).await?;
                is_new = true;
            }
        }
        let most = Bound::RuleSets.most();
        if is_new && session.query_first(CROWDED, &[account.into(), most.into()]).await?.is_some() {
            return Err(Bound::RuleSets.reached());
        }
        Ok(())
    }

    async fn add_token(
        &self,
        session: &mut dyn Session,
        (account, version): (i64, i64),
        now: Timestamp,
    ) -> Result<()> {
        const ENDED: &str =
            "SELECT id FROM api_token WHERE account_id = $1 AND expires_at <= $2 ORDER BY id LIMIT $3";
        const USE: &str = "DELETE FROM api_token_use WHERE token_id = $1";
        const REMOVE: &str = "DELETE FROM api_token WHERE id = $1";
        const COUNT: &str = "SELECT COUNT(*) FROM api_token WHERE account_id = $1";
        const INSERT: &str = "
            INSERT INTO api_token (hash, account_id, account_version, name, access, created_at, expires_at, workload)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let Admission { token, name, reach, expires_at, workload, .. } = &self.admission;
        for mut row in session.query(ENDED, &[account.into(), now.microseconds().into(), SOME.into()]).await?
        {
            let id: i64 = row.next()?;
            session.execute(USE, &[id.into()]).await?;
            session.execute(REMOVE, &[id.into()]).await?;
        }
        Bound::Jobs.expect_room(first_id(session.query_first(COUNT, &[account.into()]).await?)?)?;
        let access = Reach::to_row(reach)?;
        let workload = serde_json::to_string(workload).map_err(Error::internal)?;
        let values = [
            token.0.as_slice().into(),
            account.into(),
            version.into(),
            name.as_str().into(),
            access.as_str().into(),
            now.microseconds().into(),
            expires_at.microseconds().into(),
            workload.as_str().into(),
        ];
        session.execute(INSERT, &values).await.map(drop)
    }
}

/// The job whose token has this hash; none where it is nobody's, or no job's.
pub(super) struct FindWorkload(pub(super) TokenHash);

#[async_trait]
impl Step for FindWorkload {
    type Output = Option<Workload>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<Workload>> {
        const FIND: &str = "SELECT workload FROM api_token WHERE hash = $1 AND workload IS NOT NULL";
        let row = session.query_first(FIND, &[self.0.0.as_slice().into()]).await?;
        row.map(|mut row| row.parse(|text: String| serde_json::from_str(&text).ok())).transpose()
    }
}

/// Remembers that what is known by this was used; false where it was before.
pub(in crate::rows) async fn spend(
    session: &mut dyn Session,
    fingerprint: &[u8; 32],
    until: Timestamp,
) -> Result<bool> {
    const SPEND: &str = "
        INSERT INTO spent_token (fingerprint, expires_at) VALUES ($1, $2) ON CONFLICT (fingerprint) DO NOTHING";
    let values = [fingerprint.as_slice().into(), until.microseconds().into()];
    Ok(session.execute(SPEND, &values).await? > 0)
}

pub(super) struct ForgetSpent(pub(super) Timestamp);

#[async_trait]
impl Step for ForgetSpent {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const FORGET: &str = "
            DELETE FROM spent_token WHERE fingerprint IN
                (SELECT s.fingerprint FROM spent_token s WHERE s.expires_at < $1 ORDER BY s.expires_at LIMIT 5000)";
        session.execute(FORGET, &[self.0.microseconds().into()]).await.map(drop)
    }
}
