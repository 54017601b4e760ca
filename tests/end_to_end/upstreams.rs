//! Registries that have their content from elsewhere: two servers, of which one is the upstream of the other, and upstreams
//! that delay, cut, lie and send away.

mod faults;
mod nodes;
mod plugins;
mod python;
mod virtuals;

use serde_json::{Value, json};

use crate::harness::{ADMIN_PASSWORD, Answer, Caller, Wharf};

pub(crate) const JSON: &str = "application/vnd.pypi.simple.v1+json";
const ALL: &str = "/api/v1/orgs/acme/registries";

/// What a server needs whose upstreams are on this machine, and that asks them each time.
pub(crate) const NEAR: [(&str, &str); 3] = [
    ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
    ("WHARF_UPSTREAM_HOSTS", "127.0.0.1"),
    ("WHARF_UPSTREAM_LIFETIME", "0s"),
];

/// A server with an organisation `acme`, and its operator.
pub(crate) async fn near() -> (Wharf, Caller) {
    let wharf = Wharf::start_with(&NEAR).await;
    wharf.found(&["acme"]).await;
    let admin = wharf.admin();
    (wharf, admin)
}

/// Makes a registry of acme.
pub(crate) async fn make(admin: &Caller, fields: Value) {
    admin.send_json("POST", ALL, &fields).await.is(201);
}

/// Makes the proxy `mirror` of an index, with more fields.
pub(crate) async fn mirror(admin: &Caller, url: &str, more: Value) {
    let upstream = json!({ "url": url, "protocol": "python" });
    let mut fields = json!({ "name": "mirror", "kind": "proxy", "upstream": upstream });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    make(admin, fields).await;
}

/// The page of a project.
pub(crate) async fn page(caller: &Caller, registry: &str, project: &str) -> Answer {
    let path = format!("/pypi/acme/{registry}/simple/{project}/");
    caller.request("GET", &path).header("accept", JSON).send().await
}

/// Where a registry has a file.
pub(crate) fn file(registry: &str, project: &str, filename: &str) -> String {
    format!("/pypi/acme/{registry}/files/{project}/{filename}")
}

/// The names of the files of a page.
pub(crate) fn names(page: &Answer) -> Vec<String> {
    let files = page.json()["files"].as_array().unwrap().clone();
    files.iter().map(|file| file["filename"].as_str().unwrap().to_owned()).collect()
}
