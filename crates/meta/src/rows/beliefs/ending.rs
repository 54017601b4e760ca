//! How rules end, and with them the accounts that stand for them: as many statements for ten thousand accounts as for one.

use async_trait::async_trait;
use wharf_core::{Result, Timestamp, gate::OrganisationId};

use super::sources::{forget_unused, source_ids};
use crate::{
    database::Step,
    session::{Session, Value},
};

/// Rules of an organisation that end: all of them, those about one issuer, or one.
pub(super) struct Ended {
    pub(super) organisation: OrganisationId,
    pub(super) issuer: Option<i64>,
    pub(super) rule: Option<i64>,
}

/// A statement about some ended rules, whose ids are selected where `{rules}` would stand: between two halves.
macro_rules! of_rules {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "(SELECT c.id FROM claim_rule c JOIN issuer i ON i.id = c.issuer_id WHERE i.organisation_id = $1
                AND (CAST($2 AS BIGINT) IS NULL OR i.id = $2) AND (CAST($3 AS BIGINT) IS NULL OR c.id = $3))",
            $after
        )
    };
}

/// A statement about the accounts that stand for them.
macro_rules! of_accounts {
    ($before:literal, $after:literal) => {
        concat!($before, of_rules!("(SELECT w.account_id FROM workload w WHERE w.rule_id IN ", ")"), $after)
    };
}

/// A statement about the tokens of those, and what was made with them.
macro_rules! of_tokens {
    ($before:literal) => {
        concat!(
            $before,
            " IN (WITH RECURSIVE gone (id, hash) AS (",
            of_accounts!("SELECT t.id, t.hash FROM api_token t WHERE t.account_id IN ", ""),
            " UNION SELECT t.id, t.hash FROM api_token t JOIN gone g ON t.parent = g.hash) SELECT id FROM gone)"
        )
    };
}

impl Ended {
    /// All rules of an organisation.
    pub(super) const fn all_of(organisation: OrganisationId) -> Self {
        Self { organisation, issuer: None, rule: None }
    }

    /// Removes the rules, and ends every account that stands for one of them, with its tokens. None comes back: rules never
    /// get the same number again.
    pub(super) async fn end(&self, session: &mut dyn Session) -> Result<()> {
        // Held first, so that a job that is being let in by one is, and then put out again.
        const HOLD: &str = of_rules!("UPDATE claim_rule SET name = name WHERE id IN ", "");
        const MARK: &str =
            of_accounts!("UPDATE account SET disabled = 1, version = version + 1 WHERE id IN ", "");
        const USES: &str = of_tokens!("DELETE FROM api_token_use WHERE token_id");
        const TOKENS: &str = of_tokens!("DELETE FROM api_token WHERE id");
        const ROLES: &str = of_accounts!("DELETE FROM membership WHERE account_id IN ", "");
        const STANDS: &str = of_accounts!("DELETE FROM workload WHERE account_id IN ", "");
        const RULES: &str = of_rules!("DELETE FROM claim_rule WHERE id IN ", "");
        let values: [Value<'_>; 3] = [self.organisation.0.into(), self.issuer.into(), self.rule.into()];
        for statement in [HOLD, MARK, USES, TOKENS, ROLES, STANDS, RULES] {
            session.execute(statement, &values).await?;
        }
        Ok(())
    }
}

/// Removes every issuer of an organisation, with all that it gave.
pub(in crate::rows) async fn end_issuers(session: &mut dyn Session, id: OrganisationId) -> Result<()> {
    const REMOVE: &str = "DELETE FROM issuer WHERE organisation_id = $1";
    let ended = Ended::all_of(id);
    let sources = source_ids(session, &ended).await?;
    ended.end(session).await?;
    session.execute(REMOVE, &[id.0.into()]).await?;
    forget_unused(session, sources).await
}

/// Forgets the tokens of jobs that ended, and the accounts that stand for rules and hold nothing any more, those whose rules
/// ended included; some at a time. One that is met again is made anew.
pub(super) struct ForgetIdle(pub(super) Timestamp);

#[async_trait]
impl Step for ForgetIdle {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        macro_rules! ended {
            ($before:literal) => {
                concat!(
                    $before,
                    " IN (SELECT t.id FROM api_token t JOIN account a ON a.id = t.account_id
                        WHERE a.kind = 'workload' AND t.expires_at <= $1 ORDER BY t.id LIMIT 5000)"
                )
            };
        }
        macro_rules! idle {
            ($before:literal) => {
                concat!(
                    $before,
                    " IN (SELECT a.id FROM account a WHERE a.kind = 'workload' AND a.disabled = 1
                        AND a.id NOT IN (SELECT u.account_id FROM upload u WHERE u.account_id IS NOT NULL))"
                )
            };
        }
        const USES: &str = ended!("DELETE FROM api_token_use WHERE token_id");
        const TOKENS: &str = ended!("DELETE FROM api_token WHERE id");
        // Whoever is let in by it meanwhile waits, and makes it anew; who was just before keeps it from being removed, and
        // this runs again.
        const MARK: &str = "
            UPDATE account SET disabled = 1 WHERE id IN
                (SELECT a.id FROM account a WHERE a.kind = 'workload' AND a.disabled = 0
                    AND NOT EXISTS (SELECT 1 FROM api_token t WHERE t.account_id = a.id)
                    AND a.id NOT IN (SELECT u.account_id FROM upload u WHERE u.account_id IS NOT NULL)
                ORDER BY a.id LIMIT 200)";
        const ROLES: &str = idle!("DELETE FROM membership WHERE account_id");
        const STANDS: &str = idle!("DELETE FROM workload WHERE account_id");
        const ACCOUNTS: &str = idle!("DELETE FROM account WHERE id");
        for statement in [USES, TOKENS] {
            session.execute(statement, &[self.0.microseconds().into()]).await?;
        }
        for statement in [MARK, ROLES, STANDS, ACCOUNTS] {
            session.execute(statement, &[]).await?;
        }
        Ok(())
    }
}
