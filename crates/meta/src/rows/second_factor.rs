//! Second factors. That one stands is said by its account, so that everybody who reads that knows.

use async_trait::async_trait;
use wharf_auth::port::{Confirmation, FactorRow, Refused, SecondFactors};
use wharf_core::{AccountId, Result, TokenHash, audit::AuditRecord};

use super::journal::audit;
use crate::{
    database::{Database, Step},
    session::Session,
};

#[async_trait]
impl SecondFactors for Database {
    async fn factor(&self, account: AccountId) -> Result<Option<FactorRow>> {
        self.read(Find(account)).await
    }

    async fn begin_factor(&self, account: AccountId, seed: Vec<u8>, record: AuditRecord) -> Result<()> {
        self.write_by(record.warrant.clone(), Begin { account, seed, record }).await
    }

    async fn confirm_factor(
        &self,
        account: AccountId,
        confirmation: Confirmation,
        record: AuditRecord,
    ) -> Result<bool> {
        self.write_by(record.warrant.clone(), Confirm { account, confirmation, record }).await
    }

    async fn use_step(&self, account: AccountId, step: i64) -> Result<bool> {
        self.write(UseStep { account, step }).await
    }

    async fn use_recovery_code(
        &self,
        account: AccountId,
        hash: [u8; 32],
        record: AuditRecord,
    ) -> Result<bool> {
        self.write_by(record.warrant.clone(), UseCode { account, hash, record }).await
    }

    async fn remove_factor(&self, account: AccountId, record: AuditRecord) -> Result<bool> {
        self.write_by(record.warrant.clone(), Remove { account, record }).await
    }
}

struct Find(AccountId);

#[async_trait]
impl Step for Find {
    type Output = Option<FactorRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<FactorRow>> {
        const FIND: &str = "
            SELECT f.seed, f.step, (SELECT COUNT(*) FROM recovery_code c WHERE c.account_id = f.account_id)
            FROM second_factor f WHERE f.account_id = $1";
        let Some(mut row) = session.query_first(FIND, &[self.0.0.into()]).await? else { return Ok(None) };
        let (seed, step) = (row.next()?, row.next()?);
        let recovery_codes = row.parse(|count: i64| u32::try_from(count).ok())?;
        Ok(Some(FactorRow { seed, step, recovery_codes }))
    }
}

struct Begin {
    account: AccountId,
    seed: Vec<u8>,
    record: AuditRecord,
}

#[async_trait]
impl Step for Begin {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const BEGIN: &str = "
            INSERT INTO second_factor (account_id, seed, step, created_at) VALUES ($1, $2, 0, $3)
            ON CONFLICT (account_id) DO UPDATE SET seed = excluded.seed, step = 0, created_at = excluded.created_at
            WHERE EXISTS (SELECT 1 FROM account a
                WHERE a.id = second_factor.account_id AND a.second_factor_at IS NULL)";
        let values =
            [self.account.0.into(), self.seed.as_slice().into(), self.record.at.microseconds().into()];
        if session.execute(BEGIN, &values).await? == 0 {
            return Err(Refused::FactorStands.into());
        }
        audit(session, &self.record).await
    }
}

struct Confirm {
    account: AccountId,
    confirmation: Confirmation,
    record: AuditRecord,
}

#[async_trait]
impl Step for Confirm {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const CONFIRM: &str = "
            UPDATE account SET second_factor_at = $1 WHERE id = $2 AND second_factor_at IS NULL
                AND EXISTS (SELECT 1 FROM second_factor f WHERE f.account_id = account.id)";
        const STEP: &str = "UPDATE second_factor SET step = $1 WHERE account_id = $2";
        const CODE: &str = "INSERT INTO recovery_code (account_id, hash) VALUES ($1, $2)";
        const REFRESHES: &str = "DELETE FROM refresh_token WHERE account_id = $1";
        const LOGINS: &str = "DELETE FROM login WHERE account_id = $1 AND hash <> $2";
        let (account, now) = (self.account.0, self.record.at.microseconds());
        if session.execute(CONFIRM, &[now.into(), account.into()]).await? == 0 {
            return Ok(false);
        }
        session.execute(STEP, &[self.confirmation.step.into(), account.into()]).await?;
        for hash in &self.confirmation.recovery_codes {
            session.execute(CODE, &[account.into(), hash.as_slice().into()]).await?;
        }
        session.execute(REFRESHES, &[account.into()]).await?;
        let kept = self.confirmation.login.map_or([0; 32], |TokenHash(hash)| hash);
        session.execute(LOGINS, &[account.into(), kept.as_slice().into()]).await?;
        audit(session, &self.record).await.map(|()| true)
    }
}

struct UseStep {
    account: AccountId,
    step: i64,
}

#[async_trait]
impl Step for UseStep {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const USE: &str = "UPDATE second_factor SET step = $1 WHERE account_id = $2 AND step < $1";
        Ok(session.execute(USE, &[self.step.into(), self.account.0.into()]).await? > 0)
    }
}

struct UseCode {
    account: AccountId,
    hash: [u8; 32],
    record: AuditRecord,
}

#[async_trait]
impl Step for UseCode {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const USE: &str = "DELETE FROM recovery_code WHERE account_id = $1 AND hash = $2";
        let used = session.execute(USE, &[self.account.0.into(), self.hash.as_slice().into()]).await? > 0;
        if used {
            audit(session, &self.record).await?;
        }
        Ok(used)
    }
}

struct Remove {
    account: AccountId,
    record: AuditRecord,
}

#[async_trait]
impl Step for Remove {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        let removed = forget_factor(session, self.account.0).await?;
        if removed {
            audit(session, &self.record).await?;
        }
        Ok(removed)
    }
}

/// Removes the second factor of an account, confirmed or not; whether there was one.
pub(super) async fn forget_factor(session: &mut dyn Session, account: i64) -> Result<bool> {
    const CODES: &str = "DELETE FROM recovery_code WHERE account_id = $1";
    const FACTOR: &str = "DELETE FROM second_factor WHERE account_id = $1";
    const FREE: &str = "UPDATE account SET second_factor_at = NULL WHERE id = $1";
    session.execute(CODES, &[account.into()]).await?;
    let removed = session.execute(FACTOR, &[account.into()]).await? > 0;
    session.execute(FREE, &[account.into()]).await?;
    Ok(removed)
}
