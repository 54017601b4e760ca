//! Searches of the audit log of a crowded registry: a million pushes by one user, and before them a little that another did,
//! which is what is dear to find.

use serde_json::json;
use wharf_core::Algorithm;

use crate::{Result, api, case::Crowd, client::Connection, crowd};

/// Who did little, long ago, with what lets him in (base64 of `seldom:bench-seldom-password`).
const SELDOM: &str = "seldom";
const PASSWORD: &str = "bench-seldom-password";
const BASIC: &str = "authorization: Basic c2VsZG9tOmJlbmNoLXNlbGRvbS1wYXNzd29yZA==\r\n";

/// How many records a page holds.
const PAGE: u32 = 100;

/// Has somebody do what nobody does again.
///
/// # Errors
/// Any answer but a success.
pub(crate) async fn prepare(authority: &str) -> Result<()> {
    let mut connection = Connection::open(authority).await?;
    let new = json!({ "name": SELDOM, "password": PASSWORD });
    api::ask(&mut connection, ("POST", "/users"), Some(&new)).await?;
    api::ask(&mut connection, ("PUT", "/orgs/bench/members/seldom"), Some(&json!({ "role": "admin" })))
        .await?;
    let new = json!({ "name": "laptop" });
    api::ask_as(&mut connection, BASIC, ("POST", "/tokens"), Some(&new)).await?;
    let new = json!({ "name": "nightly", "role": "viewer" });
    api::ask_as(&mut connection, BASIC, ("POST", "/orgs/bench/robots"), Some(&new)).await.map(drop)
}

/// What is looked for, in turn: by actor and by action, rare ones and common ones, and by digest; of the platform, and of
/// the organisation.
const ASKED: [&str; 4] = ["actor=seldom", "action=robot.create", "actor=admin", "action=manifest.push"];

/// A search, another one each time.
pub(crate) fn search_path(crowd: Crowd) -> String {
    let number = crowd::any(u64::MAX);
    let log = if number.is_multiple_of(2) { "/audit" } else { "/orgs/bench/audit" };
    let kinds = ASKED.len() as u64 + 1;
    let kind = usize::try_from(number / 2 % kinds).unwrap_or_default();
    let asked = ASKED.get(kind).map_or_else(|| format!("digest={}", digest(crowd)), ToString::to_string);
    format!("/api/v1{log}?{asked}&n={PAGE}")
}

/// The digest of a manifest that was pushed.
fn digest(crowd: Crowd) -> String {
    let index = crowd::index(&crowd::tag_path(crowd));
    wharf_hash::digest(Algorithm::Sha256, index.as_bytes()).to_string()
}

/// What is looked for must be found.
///
/// # Errors
/// A search that shows nothing.
pub(crate) async fn check(connection: &mut Connection, crowd: Crowd) -> Result<()> {
    let digest = format!("digest={}", digest(crowd));
    for log in ["/audit", "/orgs/bench/audit"] {
        for asked in ASKED.into_iter().chain([digest.as_str()]) {
            let path = format!("{log}?{asked}&n=1");
            let found = api::ask(connection, ("GET", &path), None).await?;
            if found.pointer("/items/0").is_none() {
                return Err(format!("{path} shows nothing").into());
            }
        }
    }
    Ok(())
}
