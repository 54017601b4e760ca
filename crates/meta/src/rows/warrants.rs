//! Whether the right to do something still stands, asked in the transaction that does it.

use async_trait::async_trait;
use wharf_core::{
    Result, Role,
    gate::{OrganisationId, Standing, Warrant},
};
use wharf_registry::port::Warrants;

use super::SqlWork;
use crate::{
    database::Step,
    session::{Session, Writers},
};

/// The first row of a statement, held as it is until the transaction ends, where others write too.
macro_rules! held {
    ($session:expr, $statement:literal, $values:expr) => {
        match $session.writers() {
            $crate::session::Writers::One => $session.query_first($statement, $values).await?,
            $crate::session::Writers::Many => {
                $session.query_first(concat!($statement, " FOR SHARE"), $values).await?
            }
        }
    };
}

pub(super) use held;

#[async_trait]
impl Warrants for SqlWork<'_> {
    async fn expect_warrant(&mut self, warrant: &Warrant) -> Result<()> {
        expect(self.session, warrant).await
    }
}

/// A step that its warrant allows as long as that stands.
pub(crate) struct ByRight<S> {
    pub(crate) warrant: Warrant,
    pub(crate) step: S,
}

#[async_trait]
impl<S: Step> Step for ByRight<S> {
    type Output = S::Output;

    async fn run(&self, session: &mut dyn Session) -> Result<S::Output> {
        expect(session, &self.warrant).await?;
        self.step.run(session).await
    }
}

/// Refuses what is no longer allowed. What says that it is stays as it is until the transaction ends: whoever revokes it
/// meanwhile waits, and is told that it is done when this is.
async fn expect(session: &mut dyn Session, warrant: &Warrant) -> Result<()> {
    if warrant.is_free() {
        return Ok(());
    }
    if let Some((organisation, Role::Admin)) = warrant.role() {
        lock(session, organisation).await?;
    }
    warrant.expect(&standing(session, warrant).await?)
}

/// What changes an organisation takes its row first, always: so of two admins who end each other one waits here, and
/// neither for what the other holds.
async fn lock(session: &mut dyn Session, organisation: OrganisationId) -> Result<()> {
    const LOCK: &str = "SELECT id FROM organisation WHERE id = $1 FOR NO KEY UPDATE";
    match session.writers() {
        Writers::One => Ok(()),
        Writers::Many => session.query_first(LOCK, &[organisation.0.into()]).await.map(drop),
    }
}

async fn standing(session: &mut dyn Session, warrant: &Warrant) -> Result<Standing> {
    let Some((account, version)) = warrant.holder() else { return Ok(Standing::default()) };
    if let Some(token) = warrant.token() {
        let token = held!(session, "SELECT id FROM api_token WHERE hash = $1", &[token.0.as_slice().into()]);
        if token.is_none() {
            return Ok(Standing::default());
        }
    }
    if let Some(login) = warrant.login() {
        let login = held!(session, "SELECT id FROM login WHERE hash = $1", &[login.0.as_slice().into()]);
        if login.is_none() {
            return Ok(Standing::default());
        }
    }
    let of_account = [account.0.into(), version.into()];
    let found = held!(
        session,
        "SELECT operator FROM account WHERE id = $1 AND version = $2 AND disabled = 0",
        &of_account
    );
    let Some(mut row) = found else { return Ok(Standing::default()) };
    let known = Standing { is_let_in: true, operator: row.next()?, role: None };
    let Some((organisation, _)) = warrant.role().filter(|_| !known.operator) else { return Ok(known) };
    let member = held!(
        session,
        "SELECT role FROM membership WHERE organisation_id = $1 AND account_id = $2",
        &[organisation.0.into(), account.0.into()]
    );
    let role = member.map(|mut row| row.parse(|role: String| role.parse().ok())).transpose()?;
    Ok(Standing { role, ..known })
}
