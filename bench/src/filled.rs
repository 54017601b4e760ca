//! Registries that take long to fill: filled once for all cases of a run that need one, each of which starts a server on
//! what is there.

use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{
    Result, audit,
    case::{Kind, Work},
    crowd,
    fixture::Fixture,
    peer::{Folder, Server},
    plugins::Plugins,
    run::Site,
    tenants,
};

/// Their folders, once they are filled.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    crowd: OnceCell<Arc<TempDir>>,
    tenants: OnceCell<Arc<TempDir>>,
    plugins: OnceCell<Arc<TempDir>>,
}

impl Filled {
    /// The folder that this one starts on, filled by the first who asks; nothing for one that has its own.
    ///
    /// # Errors
    /// Any push that is not a success.
    pub(crate) async fn folder(&self, kind: Kind, site: &Site<'_>) -> Result<Option<Arc<TempDir>>> {
        let folder = match kind {
            Kind::CrowdedWharf => &self.crowd,
            Kind::TenantsWharf => &self.tenants,
            Kind::StockedWharf => &self.plugins,
            _ => return Ok(None),
        };
        folder.get_or_try_init(|| fill(kind, site)).await.cloned().map(Some)
    }
}

async fn fill(kind: Kind, site: &Site<'_>) -> Result<Arc<TempDir>> {
    let folder = Arc::new(tempfile::tempdir()?);
    let fixture = Fixture::new(Work::GetManifest, site.scale)?;
    let server = Server::start_in(Folder::Shared(folder.clone()), kind, site.wharf, &fixture).await?;
    let authority = server.as_ref().and_then(|server| server.authorities.first());
    let authority = authority.ok_or("there is no server to fill")?;
    match kind {
        Kind::StockedWharf => Plugins::new(site.scale.plugins)?.push(authority).await?,
        Kind::TenantsWharf => tenants::fill(authority, site.scale.tenants).await?,
        _ => {
            audit::prepare(authority).await?;
            crowd::fill(authority, site.scale.crowd).await?;
        }
    }
    Ok(folder)
}
