//! Where a project comes from: from the registry that is asked, from its upstream, or, where it is a virtual one, from the
//! one of its members whose the name is.

mod lookalike;
mod root;

use std::sync::Arc;

use axum::{http::HeaderValue, response::Response};
use wharf_core::{
    Error, Grant, Guard, Kind, Lookalikes, Place, Protocol, RegistryKind, Result, Subject, action::Pull,
};
use wharf_registry::{
    format::Names,
    upstream::{Document, Local, Proxy, View},
};

pub(crate) use self::root::{ROOTS_BYTES, Roots, root};
use crate::{Call, format::NAME, name::ProjectName, upstream};

/// Where a project comes from.
pub(crate) enum ProjectSource {
    /// From a hosted registry: the right to read the project there.
    Hosted(Box<Grant<Pull>>),
    /// From the upstream of a proxy.
    Upstream(Box<Proxied>),
}

/// A project of an upstream.
pub(crate) struct Proxied {
    /// The proxy.
    pub(crate) proxy: Proxy,
    /// The right to read the project there.
    pub(crate) grant: Grant<Pull>,
    /// The project.
    pub(crate) project: ProjectName,
    /// What is not let through, of all registries on the way.
    pub(crate) guard: Guard,
    /// What the reader is warned of.
    pub(crate) warning: Option<String>,
}

/// Where a project comes from.
///
/// # Errors
/// Those of the gate; `NotFound` where nobody has it, where it is reserved, and where the reader may not see whose it is;
/// `Denied` for a name that looks like another, where that is set.
pub(crate) async fn find(call: &Call<'_>, place: &Place) -> Result<ProjectSource> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let upstreams = &call.serving.face.upstreams;
    if let Some(view) = upstreams.view(&grant).await? {
        return find_in(call, &view, place).await;
    }
    match upstreams.proxy(&grant, Protocol::Python).await? {
        None => Ok(ProjectSource::Hosted(Box::new(grant))),
        Some(proxy) => {
            let guard = proxy.guard().clone();
            let warning = look(&guard, &project_of(place)?, &[])?;
            proxied(proxy, grant, (guard, warning)).map(ProjectSource::Upstream)
        }
    }
}

fn proxied(
    proxy: Proxy,
    grant: Grant<Pull>,
    (guard, warning): (Guard, Option<String>),
) -> Result<Box<Proxied>> {
    let project = project_of(grant.place())?;
    if guard.reserves(project.as_str()) {
        return Err(missing());
    }
    Ok(Box::new(Proxied { proxy, grant, project, guard, warning }))
}

/// Where a project of a virtual registry comes from.
async fn find_in(call: &Call<'_>, view: &View, place: &Place) -> Result<ProjectSource> {
    let (upstreams, project) = (&call.serving.face.upstreams, project_of(place)?);
    if let Some(owner) = upstreams.owner(view, NAME, &place.repository).await? {
        let place = owner.repository(&place.repository);
        let grant = may_read(call.registry.grant::<Pull>(call.actor, &place).await)?;
        return grant.map(|grant| ProjectSource::Hosted(Box::new(grant))).ok_or_else(missing);
    }
    if view.guard.reserves(project.as_str()) {
        return Err(missing());
    }
    let Looked { warning, is_withheld } = match view.guard.lookalikes {
        Lookalikes::Pass => Looked::default(),
        _ => look_in(call, view, &project).await?,
    };
    for shown in view.shown.iter().filter(|shown| shown.kind == RegistryKind::Proxy) {
        let place = shown.repository(&place.repository);
        let Some(grant) = may_read(call.registry.grant::<Pull>(call.actor, &place).await)? else { continue };
        // One that is for something else is passed over; one that cannot be asked is not, for the name may be its own.
        let proxy = match upstreams.proxy(&grant, Protocol::Python).await {
            Err(error) if matches!(error.kind(), Kind::NotFound(_)) => None,
            proxy => proxy?,
        };
        let Some(proxy) = proxy else { continue };
        let own = proxy.guard().clone();
        let warned = look(&own, &project, &[])?.or_else(|| warning.clone());
        let guard = view.guard.clone().and(own);
        if guard.reserves(project.as_str()) {
            continue;
        }
        let found = proxied(proxy, grant, (guard, warned))?;
        if upstream::is_there(call, &found).await? {
            return if is_withheld { Err(missing()) } else { Ok(ProjectSource::Upstream(found)) };
        }
    }
    Err(missing())
}

/// A grant, where the gate gave one; none where it refused: what a reader may not see is not there.
fn may_read<T>(granted: Result<T>) -> Result<Option<T>> {
    match granted {
        Ok(grant) => Ok(Some(grant)),
        Err(error) if error.is_fault() => Err(error),
        Err(_) => Ok(None),
    }
}

/// What came of holding a name against others.
#[derive(Default)]
struct Looked {
    /// What the reader is warned of.
    warning: Option<String>,
    /// Whether the name is almost that of a project which the reader may not list, and such names are refused: then it is
    /// missing for him, after the same questions as any name that is. Words, a header or a quicker answer would tell him
    /// what lies where he may not read.
    is_withheld: bool,
}

/// Holds a name against popular ones and against those of a virtual registry.
async fn look_in(call: &Call<'_>, view: &View, project: &ProjectName) -> Result<Looked> {
    let (mut listed, mut hidden) = (Vec::new(), Vec::new());
    for Local { registry, names } in call.serving.face.upstreams.local_names(view, NAME).await? {
        match may_read(call.registry.grant_registry(call.actor, registry).await)? {
            Some(_) => listed.push(names),
            None => hidden.push(names),
        }
    }
    let warning = look(&view.guard, project, &listed)?;
    Ok(Looked { warning, is_withheld: look(&view.guard, project, &hidden).is_err() })
}

/// Holds a name against popular and local ones; what the reader is to be warned of. A local name is not told.
fn look(guard: &Guard, project: &ProjectName, local: &[Arc<Names>]) -> Result<Option<String>> {
    let name = project.as_str();
    if guard.lookalikes == Lookalikes::Pass || guard.popular.iter().any(|popular| popular == name) {
        return Ok(None);
    }
    let like = |other: &&String| lookalike::is_like(name, other);
    let mut local = local.iter().flat_map(|local| &local.names);
    let words = match (guard.popular.iter().find(like), local.find(like)) {
        (Some(popular), _) => format!("the name {name} is almost that of the package {popular}"),
        (None, Some(_)) => format!("the name {name} is almost that of a package of this organisation"),
        (None, None) => return Ok(None),
    };
    if guard.lookalikes == Lookalikes::Refuse {
        return Err(Error::new(Kind::Denied, format!("{words}, and such names are refused here")));
    }
    tracing::warn!(name, "a name looks like another");
    Ok(Some(words))
}

fn project_of(place: &Place) -> Result<ProjectName> {
    ProjectName::of(place).ok_or_else(missing)
}

pub(crate) fn missing() -> Error {
    Error::new(Kind::NotFound(Subject::Name), "there is no such project here")
}

/// What a reader is told beside a page of an upstream: that it is as it was, or that its name looks like another.
pub(crate) fn told(mut response: Response, document: &Document, warning: Option<&str>) -> Response {
    let headers = response.headers_mut();
    if document.is_stale {
        headers.insert("wharf-upstream", HeaderValue::from_static("stale"));
    }
    if let Some(warning) = warning.and_then(|words| HeaderValue::try_from(words).ok()) {
        headers.insert("wharf-warning", warning);
    }
    response
}
