//! What is listed in a repository, release by release: yanked and taken back, removed, and what becomes of the whole.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_core::{
    Result,
    action::{Delete, Pull},
    duty::Administer,
};
use wharf_registry::{
    format::Standing,
    port::{About, NoticeRow, Says},
};

use crate::{
    call::Call,
    input::Body,
    output::{Done, Shown},
    route::{Route, delete, get, put},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    const STATUS: &str = "/orgs/{org}/registries/{registry}/repositories/{repository}/status";
    const RELEASE: &str = "/orgs/{org}/registries/{registry}/repositories/{repository}/releases/{release}";
    const RELEASE_YANK: &str =
        "/orgs/{org}/registries/{registry}/repositories/{repository}/releases/{release}/yank";
    const FILE: &str = "/orgs/{org}/registries/{registry}/repositories/{repository}/files/{file}";
    const FILE_YANK: &str = "/orgs/{org}/registries/{registry}/repositories/{repository}/files/{file}/yank";
    vec![
        get(STATUS, "Show what becomes of a project, and what of it is yanked", show),
        put(STATUS, "Say what becomes of a project", set_status),
        put(RELEASE_YANK, "Yank a release", yank_release),
        delete(RELEASE_YANK, "Take back that a release is yanked", unyank_release),
        delete(RELEASE, "Remove a release with all its files", remove_release),
        put(FILE_YANK, "Yank a file", yank_file),
        delete(FILE_YANK, "Take back that a file is yanked", unyank_file),
        delete(FILE, "Remove a file", remove_file),
    ]
}

/// What becomes of a project (PEP 792).
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// What it is if nothing else was said.
    Active,
    /// It should not be used any more.
    Deprecated,
    /// It takes nothing more.
    Archived,
    /// It takes nothing more and shows no file.
    Quarantined,
}

/// What is to be said of a project.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewStatus {
    /// What becomes of it.
    status: Status,
    /// Why: one line of at most 512 characters, which everybody is shown who reads there.
    reason: Option<String>,
}

/// Why something is yanked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Yank {
    /// One line of at most 512 characters, which everybody is shown who reads there.
    reason: Option<String>,
}

/// What was said about what a repository lists.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProjectStatus {
    /// What becomes of it.
    status: Status,
    /// Why, if that was told.
    reason: Option<String>,
    /// What is yanked: releases, then files.
    yanked: Vec<Yanked>,
}

/// Something that is yanked.
#[derive(Serialize, ToSchema)]
pub(crate) struct Yanked {
    /// The release, by its tag; null where it is one file.
    release: Option<String>,
    /// The file; null where it is a whole release.
    file: Option<String>,
    /// Why, if that was told.
    reason: Option<String>,
    /// Since when.
    at: String,
    /// Who said so.
    by: String,
}

async fn show(call: Call, (): ()) -> Result<Shown<ProjectStatus>> {
    let grant = call.face.registry.grant::<Pull>(&call.actor, &call.place()?).await?;
    let notices = call.face.registry.notices(&grant).await?;
    let about_all = notices.iter().find(|notice| notice.about == About::All);
    let status = match about_all.map(|notice| notice.says) {
        Some(Says::Deprecated) => Status::Deprecated,
        Some(Says::Archived) => Status::Archived,
        Some(Says::Quarantined) => Status::Quarantined,
        Some(Says::Yanked) | None => Status::Active,
    };
    let yanked = notices.iter().filter(|notice| notice.says == Says::Yanked);
    Ok(Shown(ProjectStatus {
        status,
        reason: about_all.and_then(|notice| notice.reason.clone()),
        yanked: yanked.map(shown).collect::<Result<_>>()?,
    }))
}

async fn set_status(call: Call, Body(new): Body<NewStatus>) -> Result<Done> {
    let place = call.place()?;
    let standing = match new.status {
        Status::Active => Standing::Active,
        Status::Deprecated => Standing::Deprecated,
        Status::Archived => Standing::Archived,
        Status::Quarantined => Standing::Quarantined,
    };
    let duty = call.face.auth.grant_organisation::<Administer>(&call.actor, &place.organisation).await?;
    let grant = call.face.registry.grant::<Delete>(&call.actor, &place).await?;
    call.face.registry.set_standing(&duty, &grant, (standing, new.reason)).await.map(|()| Done)
}

async fn yank_release(call: Call, Body(yank): Body<Yank>) -> Result<Done> {
    set_yank(&call, release(&call)?, yank).await
}

async fn unyank_release(call: Call, (): ()) -> Result<Done> {
    take_back(&call, release(&call)?).await
}

async fn remove_release(call: Call, (): ()) -> Result<Done> {
    remove(&call, release(&call)?).await
}

async fn yank_file(call: Call, Body(yank): Body<Yank>) -> Result<Done> {
    set_yank(&call, file(&call)?, yank).await
}

async fn unyank_file(call: Call, (): ()) -> Result<Done> {
    take_back(&call, file(&call)?).await
}

async fn remove_file(call: Call, (): ()) -> Result<Done> {
    remove(&call, file(&call)?).await
}

fn release(call: &Call) -> Result<About> {
    call.face.registry.release_named(call.text("release")?).map(About::Release)
}

fn file(call: &Call) -> Result<About> {
    Ok(About::Part(call.text("file")?.to_owned()))
}

async fn set_yank(call: &Call, about: About, yank: Yank) -> Result<Done> {
    let grant = call.face.registry.grant::<Delete>(&call.actor, &call.place()?).await?;
    call.face.registry.yank(&grant, about, yank.reason).await.map(|()| Done)
}

async fn take_back(call: &Call, about: About) -> Result<Done> {
    let grant = call.face.registry.grant::<Delete>(&call.actor, &call.place()?).await?;
    call.face.registry.unyank(&grant, about).await.map(|()| Done)
}

async fn remove(call: &Call, about: About) -> Result<Done> {
    let grant = call.face.registry.grant::<Delete>(&call.actor, &call.place()?).await?;
    call.face.registry.remove_listed(&grant, about).await.map(|()| Done)
}

fn shown(notice: &NoticeRow) -> Result<Yanked> {
    let name = notice.about.name().to_owned();
    let (release, file) = match notice.about {
        About::Part(_) => (None, Some(name)),
        About::Release(_) | About::All => (Some(name), None),
    };
    let (reason, by) = (notice.reason.clone(), notice.by.clone());
    Ok(Yanked { release, file, reason, at: written(notice.at)?, by })
}
