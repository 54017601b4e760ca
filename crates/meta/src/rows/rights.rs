//! What an actor may at a place, in one statement.

use async_trait::async_trait;
use wharf_core::{
    OrganisationName, Place, RegistryName, RepositoryName, Result,
    gate::{OrganisationId, RegistryId, RegistryRights, RepositoryId, Rights},
};

use super::registries::RegistrySettings;
use crate::{
    database::Step,
    memory::{Holder, Recall, Remembered},
    session::Session,
};

const FIND: &str = "
    SELECT o.id, o.quota_bytes, r.id, r.kind, r.public, r.settings, p.id, m.role
    FROM organisation o
    LEFT JOIN registry r ON r.organisation_id = o.id AND r.name = $1
    LEFT JOIN repository p ON p.registry_id = r.id AND p.name = $2
    LEFT JOIN membership m ON m.organisation_id = o.id AND m.account_id = $3
    WHERE o.name = $4 AND o.removed_at IS NULL";

/// Reads the rights of an account, or of nobody, at a place.
pub(crate) struct FindRights {
    /// The account and the version of it that the caller's credential is of.
    pub(crate) account: Holder,
    pub(crate) organisation: OrganisationName,
    pub(crate) registry: RegistryName,
    /// The repository, unless the whole registry is meant.
    pub(crate) repository: Option<RepositoryName>,
}

#[async_trait]
impl Step for FindRights {
    type Output = Rights;

    async fn run(&self, session: &mut dyn Session) -> Result<Rights> {
        let (account, operator) = standing(session, self.account).await?;
        let mut rights = Rights { operator, ..Rights::default() };
        let values = [
            self.registry.as_str().into(),
            self.repository.as_ref().map(RepositoryName::as_str).into(),
            account.into(),
            self.organisation.as_str().into(),
        ];
        let Some(mut row) = session.query_first(FIND, &values).await? else { return Ok(rights) };
        rights.organisation = Some(OrganisationId(row.next()?));
        let quota = row.next::<Option<i64>>()?.and_then(|bytes| u64::try_from(bytes).ok());
        let (id, kind) = (row.next::<Option<i64>>()?, row.next::<Option<String>>()?);
        let (public, settings) = (row.next()?, row.next()?);
        let repository = row.next::<Option<i64>>()?.map(RepositoryId);
        rights.role = row.next::<Option<String>>()?.map(|role| role.parse()).transpose()?;
        if let (Some(id), Some(kind), Some(public), Some(settings)) = (id, kind, public, settings) {
            let settings: String = settings;
            let settings = RegistrySettings::parse(&settings)?;
            rights.registry = Some(RegistryRights {
                id: RegistryId(id),
                kind: kind.parse()?,
                public,
                quota,
                accepts_missing_content: settings.accepts_missing_content(),
                redirects: settings.redirects(),
                repository,
            });
        }
        Ok(rights)
    }
}

/// An account, if its credential still holds, and whether it is an operator. A credential of an older version has ended,
/// also in the middle of a request.
pub(super) async fn standing(session: &mut dyn Session, holder: Holder) -> Result<(Option<i64>, bool)> {
    const ACCOUNT: &str = "SELECT operator FROM account WHERE id = $1 AND version = $2 AND disabled = 0";
    let Some((id, version)) = holder else { return Ok((None, false)) };
    match session.query_first(ACCOUNT, &[id.0.into(), version.into()]).await? {
        Some(mut row) => Ok((Some(id.0), row.next()?)),
        None => Ok((None, false)),
    }
}

/// Reads the rights of an account, or of nobody, at a repository.
pub(crate) struct FindRightsAt {
    pub(crate) key: (Holder, Place),
}

#[async_trait]
impl Step for FindRightsAt {
    type Output = Rights;

    async fn run(&self, session: &mut dyn Session) -> Result<Rights> {
        let (account, Place { organisation, registry, repository }) = self.key.clone();
        FindRights { account, organisation, registry, repository: Some(repository) }.run(session).await
    }
}

impl Recall for FindRightsAt {
    fn recall(&self, remembered: &mut Remembered) -> Option<Rights> {
        remembered.rights.get(&self.key)
    }

    fn keep(&self, rights: &Rights, remembered: &mut Remembered) {
        // A repository that is not there may come to be, and nothing would say that these rights changed.
        if rights.registry.as_ref().is_some_and(|registry| registry.repository.is_some()) {
            remembered.rights.insert(self.key.clone(), rights.clone());
        }
    }
}
