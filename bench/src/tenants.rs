//! A registry of many organisations: filled by what their people would do, and what is asked of it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    Result, api,
    case::Tenants,
    client::{Body, Connection, Request, Sink},
    crowd,
    operation::Operation,
    payload,
    peer::wharf::BASIC,
};

/// How many connections fill it.
const CLIENTS: usize = 32;
/// How many names a page holds.
const PAGE: u32 = 100;
/// How many users there are; each may be a member of any organisation.
const USERS: u64 = 20;

/// Makes the users, then the organisations, each with its repositories.
///
/// # Errors
/// Any answer but a success.
pub(crate) async fn fill(authority: &str, tenants: Tenants) -> Result<()> {
    let mut connection = Connection::open(authority).await?;
    for user in 0..USERS {
        let new = json!({ "name": user_name(user), "password": "bench-member-password" });
        api::ask(&mut connection, ("POST", "/users"), Some(&new)).await?;
    }
    let (next, mut running) = (Arc::<AtomicU64>::default(), JoinSet::new());
    for _ in 0..CLIENTS {
        running.spawn(fill_some(Connection::open(authority).await?, next.clone(), tenants));
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}

/// Fills what nobody took yet, one organisation after the other.
async fn fill_some(mut connection: Connection, next: Arc<AtomicU64>, tenants: Tenants) -> Result<()> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= tenants.organisations {
            return Ok(());
        }
        let organisation = organisation(number);
        api::ask(&mut connection, ("POST", "/orgs"), Some(&json!({ "name": organisation }))).await?;
        for repository in 0..tenants.repositories / tenants.organisations {
            let target = format!("/v2/{organisation}/main/{}/manifests/v1", repository_name(repository));
            let headers = format!("{BASIC}content-type: {}\r\n", crowd::INDEX_TYPE);
            let index = crowd::index(&target);
            let body = Body::Bytes(index.as_bytes());
            let request = Request { method: "PUT", target: &target, headers: &headers, body };
            connection.call(request, Sink::Nobody).await?;
        }
    }
}

fn organisation(number: u64) -> String {
    format!("org-{number:05}")
}

fn repository_name(number: u64) -> String {
    format!("app-{number:05}")
}

fn user_name(number: u64) -> String {
    format!("member-{number:02}")
}

/// A page of all repositories, from anywhere.
pub(crate) fn catalog_path(tenants: Tenants) -> String {
    let (organisation, repository) = (
        organisation(crowd::any(tenants.organisations)),
        repository_name(crowd::any(tenants.repositories / tenants.organisations)),
    );
    format!("/v2/_catalog?n={PAGE}&last={organisation}/{repository}")
}

/// Somebody gets a role somewhere, perhaps another one than before.
pub(crate) fn change_member(tenants: Tenants) -> Operation {
    let (organisation, user) =
        (organisation(crowd::any(tenants.organisations)), user_name(crowd::any(USERS)));
    let role = if payload::number().is_multiple_of(2) { "viewer" } else { "writer" };
    let path = format!("/orgs/{organisation}/members/{user}");
    Operation::Manage { method: "PUT", path, body: Some(json!({ "role": role })) }
}

/// API tokens to be ended: their ids.
///
/// # Errors
/// Any answer but a success.
pub(crate) async fn tokens(authority: &str, count: usize) -> Result<Vec<String>> {
    let mut connection = Connection::open(authority).await?;
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        let new = json!({ "name": "bench" });
        let made = api::ask(&mut connection, ("POST", "/tokens"), Some(&new)).await?;
        ids.push(api::text(&made, "id")?);
    }
    Ok(ids)
}
