//! What is set about a registry: a column for what every request asks, a JSON object for the rest.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wharf_auth::port::RegistryChange;
use wharf_core::{Error, OrganisationName, RegistryName, Result, audit::AuditRecord};

use super::{
    journal::audit,
    tenants::{ensure_organisation, ensure_registry},
};
use crate::{database::Step, session::Session};

/// The settings column. A key this version does not know is kept.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RegistrySettings {
    missing_content: MissingContent,
    redirect: Redirect,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

/// Whether manifests may name content the repository lacks.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MissingContent {
    #[default]
    Refuse,
    Accept,
}

/// Whether who pulls may be sent to where the bytes lie.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Redirect {
    /// As the storage has it.
    #[default]
    On,
    Off,
}

impl RegistrySettings {
    pub(super) fn parse(column: &str) -> Result<Self> {
        serde_json::from_str(column).map_err(Error::internal)
    }

    pub(super) fn accepts_missing_content(&self) -> bool {
        self.missing_content == MissingContent::Accept
    }

    pub(super) fn redirects(&self) -> bool {
        self.redirect == Redirect::On
    }
}

/// Changes a registry, made with its organisation where they are not there.
pub(super) struct SetRegistry {
    pub(super) organisation: OrganisationName,
    pub(super) registry: RegistryName,
    pub(super) change: RegistryChange,
    pub(super) record: AuditRecord,
}

#[async_trait]
impl Step for SetRegistry {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        // The read locks the row, so that of two changes at once none is lost.
        const FIND: &str = "UPDATE registry SET public = public WHERE id = $1 RETURNING public, settings";
        const SET: &str = "UPDATE registry SET public = $1, settings = $2 WHERE id = $3";
        let organisation = ensure_organisation(session, &self.organisation, self.record.at).await?;
        let id = ensure_registry(session, organisation, &self.registry, self.record.at).await?;
        let row = session.query_first(FIND, &[id.into()]).await?;
        let mut row = row.ok_or_else(|| Error::internal("a registry that was just made is not there"))?;
        let public: bool = self.change.public.unwrap_or(row.next()?);
        let mut settings = RegistrySettings::parse(&row.next::<String>()?)?;
        if let Some(accepts) = self.change.accepts_missing_content {
            settings.missing_content = if accepts { MissingContent::Accept } else { MissingContent::Refuse };
        }
        if let Some(redirects) = self.change.redirects {
            settings.redirect = if redirects { Redirect::On } else { Redirect::Off };
        }
        let settings = serde_json::to_string(&settings).map_err(Error::internal)?;
        session.execute(SET, &[public.into(), settings.as_str().into(), id.into()]).await?;
        audit(session, &self.record).await
    }
}
