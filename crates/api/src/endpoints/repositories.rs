//! The repositories of a registry, and their tags.

use serde::Serialize;
use utoipa::ToSchema;
use wharf_core::{
    Condition, Digest, Page, PageAfter, Result, Tag,
    action::{Delete, Pull},
};
use wharf_registry::{
    Removal,
    port::{ListedManifest, RepositoryRow, TagRow, Which},
};

use crate::{
    call::Call,
    input::Wish,
    output::{Done, Listed, Shown},
    route::{Route, delete, get},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    const ONE: &str = "/orgs/{org}/registries/{registry}/repositories/{repository}";
    const TAGS: &str = "/orgs/{org}/registries/{registry}/repositories/{repository}/tags";
    const MANIFESTS: &str = "/orgs/{org}/registries/{registry}/repositories/{repository}/manifests";
    const TAG: &str = "/orgs/{org}/registries/{registry}/repositories/{repository}/tags/{tag}";
    vec![
        get("/orgs/{org}/registries/{registry}/repositories", "List the repositories of a registry", list),
        get(ONE, "Show a repository", show),
        delete(ONE, "Remove a repository with everything in it", remove),
        get(MANIFESTS, "List the manifests of a repository, whether or not a tag points to them", manifests),
        get(TAGS, "List the tags of a repository", tags),
        delete(TAG, "Remove a tag; the manifest stays", untag),
    ]
}

/// A repository.
#[derive(Serialize, ToSchema)]
pub(crate) struct Repository {
    /// Its name within its registry.
    name: String,
    /// As it is pulled from: what stands behind the host in the name of an image.
    path: String,
    /// When it came to be.
    created_at: String,
}

/// A tag.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownTag {
    /// Its name.
    name: String,
    /// The manifest it points to.
    digest: String,
    /// Since when.
    updated_at: String,
}

/// A manifest.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownManifest {
    /// Its digest.
    digest: String,
    /// Its media type.
    media_type: String,
    /// Its artifact type; of an image that of its config.
    artifact_type: Option<String>,
    /// The manifest it is about, if it is about one.
    subject: Option<String>,
    /// Its own size.
    size_bytes: u64,
    /// When it came into the repository.
    created_at: String,
}

async fn list(call: Call, wish: Wish) -> Result<Listed<Repository>> {
    let place = call.registry()?;
    let grant = call.face.registry.grant_registry(&call.actor, &place).await?;
    let page = call.face.registry.repositories(&grant, Which::Shown, wish.page()).await?;
    let path = format!("/api/v1/orgs/{}/registries/{}/repositories", place.organisation, place.registry);
    let page = Page { entries: page.entries.into_iter().map(of).collect::<Result<_>>()?, more: page.more };
    Ok(Listed::page(page, &wish, &path, |repository| repository.path.clone()))
}

async fn show(call: Call, (): ()) -> Result<Shown<Repository>> {
    let grant = call.face.registry.grant::<Pull>(&call.actor, &call.place()?).await?;
    of(call.face.registry.repository(&grant).await?).map(Shown)
}

async fn remove(call: Call, (): ()) -> Result<Done> {
    let grant = call.face.registry.grant::<Delete>(&call.actor, &call.place()?).await?;
    call.face.registry.delete_repository(&grant, Removal::Everything).await.map(|()| Done)
}

async fn tags(call: Call, wish: Wish) -> Result<Listed<ShownTag>> {
    let grant = call.face.registry.grant::<Pull>(&call.actor, &call.place()?).await?;
    let page = call.face.registry.tag_rows(&grant, wish.page()).await?;
    let page = Page { entries: page.entries.into_iter().map(tag).collect::<Result<_>>()?, more: page.more };
    Ok(Listed::page(page, &wish, &call.path, |tag| tag.name.clone()))
}

async fn manifests(call: Call, wish: Wish) -> Result<Listed<ShownManifest>> {
    let grant = call.face.registry.grant::<Pull>(&call.actor, &call.place()?).await?;
    let last: Option<Digest> = wish.last.as_deref().map(str::parse).transpose()?;
    let page = call.face.registry.listed_manifests(&grant, PageAfter { last, limit: wish.limit }).await?;
    let page =
        Page { entries: page.entries.into_iter().map(manifest).collect::<Result<_>>()?, more: page.more };
    Ok(Listed::page(page, &wish, &call.path, |manifest| manifest.digest.clone()))
}

async fn untag(call: Call, (): ()) -> Result<Done> {
    let tag: Tag = call.parameter("tag")?;
    let grant = call.face.registry.grant::<Delete>(&call.actor, &call.place()?).await?;
    call.face.registry.delete_tag(&grant, &tag, Condition::default()).await.map(|()| Done)
}

fn of(row: RepositoryRow) -> Result<Repository> {
    Ok(Repository {
        name: row.place.repository.to_string(),
        path: row.place.to_string(),
        created_at: written(row.created_at)?,
    })
}

fn manifest(row: ListedManifest) -> Result<ShownManifest> {
    Ok(ShownManifest {
        digest: row.digest.to_string(),
        media_type: row.media_type,
        artifact_type: row.artifact_type,
        subject: row.subject.map(|digest| digest.to_string()),
        size_bytes: row.size,
        created_at: written(row.created_at)?,
    })
}

fn tag(row: TagRow) -> Result<ShownTag> {
    Ok(ShownTag { name: row.name, digest: row.digest.to_string(), updated_at: written(row.updated_at)? })
}
