//! Users, as people: how they come.

use async_trait::async_trait;
use wharf_auth::port::{Claim, NewOrganisation, Newcomer, People};
use wharf_core::{Kind, Result, audit::AuditRecord};

use super::organisations;
use crate::{
    database::{Database, Step},
    session::Session,
};

#[async_trait]
impl People for Database {
    async fn welcome(&self, newcomer: Newcomer, record: AuditRecord) -> Result<()> {
        self.write_by(record.warrant.clone(), Welcome { newcomer, record }).await
    }
}

struct Welcome {
    newcomer: Newcomer,
    record: AuditRecord,
}

#[async_trait]
impl Step for Welcome {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        // Of several first requests at once one is the first.
        const NOTE: &str = "UPDATE account SET first_login_at = $1 WHERE id = $2 AND first_login_at IS NULL";
        let Newcomer { account, organisation } = &self.newcomer;
        let noted = session.execute(NOTE, &[self.record.at.microseconds().into(), account.0.into()]).await?;
        let Some(name) = organisation.clone().filter(|_| noted > 0) else { return Ok(()) };
        let new = NewOrganisation { name, admin: Some(*account), claim: Claim::Free };
        match (organisations::Create { new, record: self.record.clone() }).run(session).await {
            // The name is somebody else's: then there is none.
            Err(error) if error.kind() == Kind::Exists => Ok(()),
            made => made,
        }
    }
}
