//! Deletion switched off, at every door: whatever the tables of the doors call a `DELETE` is refused with everything
//! still there, or is listed here as one that takes no content away.

use std::collections::BTreeSet;

use super::limits::limited;
use crate::formats::Chart;
use crate::formats::plugin::{BELOW, Shop, connector, hex};
use crate::formats::wheel::{Distribution, INDEX};
use crate::harness::{Caller, Image, sha256};

/// What takes content away: as the tables write it, and what is asked for instead, where everything is.
const OF_CONTENT: [(&str, &str); 11] = [
    ("/v2/{repository}/manifests/{fresh-tag}", "/v2/acme/app/manifests/v1"),
    ("/v2/{repository}/manifests/{fresh-manifest}", "/v2/acme/app/manifests/{manifest}"),
    ("/v2/{repository}/blobs/{fresh-blob}", "/v2/acme/app/blobs/{blob}"),
    ("{plugins}/files/0000000", "/memflow/acme/main/files/{plugin}"),
    ("{charts}/api/charts/none/1.0.0", "/helm/acme/main/api/charts/chart/1.0.0"),
    ("/orgs/{fresh-org}", "/api/v1/orgs/acme?force=true"),
    ("/orgs/{org}/registries/{fresh-registry}", "/api/v1/orgs/acme/registries/team?force=true"),
    (
        "/orgs/{org}/registries/{registry}/repositories/{fresh-repository}",
        "/api/v1/orgs/acme/registries/main/repositories/app",
    ),
    (
        "/orgs/{org}/registries/{registry}/repositories/{repository}/tags/{fresh-tag}",
        "/api/v1/orgs/acme/registries/main/repositories/app/tags/v1",
    ),
    (
        "/orgs/{org}/registries/{registry}/repositories/{repository}/files/{file}",
        "/api/v1/orgs/acme/registries/main/repositories/pypi/foo/files/{wheel}",
    ),
    (
        "/orgs/{org}/registries/{registry}/repositories/{repository}/releases/{release}",
        "/api/v1/orgs/acme/registries/main/repositories/pypi/foo/releases/1.0",
    ),
];

/// What takes something else away: logins, members, rules, uploads that became nothing.
const OF_OTHER_THINGS: [&str; 21] = [
    "{upload}",
    "{foreign-upload}",
    "/login",
    "/me/logins/{login}",
    "/me/totp",
    "/users/{user}/totp",
    "/users/{fresh-user}",
    "/tokens/{fresh-token}",
    "/issuers/{fresh-issuer}",
    "/orgs/{org}/members/{fresh-user}",
    "/orgs/{org}/invitations/{fresh-invitation}",
    "/orgs/{org}/robots/{fresh-robot}",
    "/orgs/{org}/robots/{robot}/tokens/{fresh-token}",
    "/orgs/{org}/issuers/{fresh-issuer}",
    "/orgs/{org}/issuers/{fresh-issuer}/rules/{rule}",
    "/orgs/{org}/webhooks/{fresh-webhook}",
    "/orgs/{org}/registries/{registry}/keys/{fresh-key}",
    "/orgs/{org}/registries/{registry}/immutability/{fresh-rule}",
    "/orgs/{org}/registries/{registry}/retention/{fresh-rule}",
    "/orgs/{org}/registries/{registry}/repositories/{repository}/releases/{release}/yank",
    "/orgs/{org}/registries/{registry}/repositories/{repository}/files/{file}/yank",
];

/// The paths of every `DELETE` in the tables. What is absent in any case is there under another name too.
fn in_the_tables() -> BTreeSet<&'static str> {
    let tables = [include_str!("../access_table.txt"), include_str!("../management_table.txt")];
    let words = tables.into_iter().flat_map(str::lines).map(|line| line.split_whitespace().collect());
    let rows = words.filter(|row: &Vec<&str>| row.get(1) == Some(&"DELETE") && row[0] != "absent");
    rows.map(|row| row[2]).collect()
}

#[test]
fn every_deletion_of_the_tables_is_looked_at_here() {
    let of_content = OF_CONTENT.iter().map(|(row, _)| *row);
    let known: BTreeSet<&str> = of_content.chain(OF_OTHER_THINGS).collect();

    assert_eq!(in_the_tables(), known);
}

/// What lies in `acme`, of every format.
struct Stock {
    manifest: String,
    blob: String,
    plugin: String,
    wheel: String,
}

impl Stock {
    async fn lay_in(shop: &Shop) -> Self {
        let (image, alice) = (Image::oci(1), &shop.alice);
        // The registry `main` stays as long as its organisation.
        shop.wharf.found(&["acme/team"]).await;
        alice.repository("acme/app").push_image(&image, "v1").await;
        Chart::new("chart", "1.0.0").push(&alice.repository("acme/chart"), "1.0.0").await.is(201);
        let wheel = Distribution::wheel("foo", "1.0");
        wheel.upload(alice).await.is(200);
        let file = connector("fixture", "0.1.0");
        shop.add(&file).await;
        Self {
            manifest: image.digest(),
            blob: sha256(&image.blobs[0]),
            plugin: hex(&file),
            wheel: wheel.filename,
        }
    }

    fn filled(&self, path: &str) -> String {
        let path = path.replace("{manifest}", &self.manifest).replace("{blob}", &self.blob);
        path.replace("{plugin}", &self.plugin).replace("{wheel}", &self.wheel)
    }

    async fn is_all_there(&self, caller: &Caller, after: &str) {
        for path in [
            "/v2/acme/app/manifests/v1",
            "/v2/acme/app/manifests/{manifest}",
            "/v2/acme/app/blobs/{blob}",
            "/v2/acme/chart/manifests/1.0.0",
            "/v2/acme/team/founding/manifests/stone",
            "/helm/acme/main/charts/chart-1.0.0.tgz",
            &format!("{INDEX}/files/foo/{{wheel}}"),
            &format!("{BELOW}/files/{{plugin}}"),
            "/api/v1/orgs/acme/registries/main",
            "/api/v1/orgs/acme/registries/main/repositories/app/tags",
        ] {
            let found = caller.get(&self.filled(path)).await;
            assert_eq!(found.status, 200, "{path} is gone after {after}");
        }
    }
}

#[tokio::test]
async fn no_door_deletes_content_where_that_is_switched_off() {
    let shop = Shop::of(limited(&[("WHARF_DELETION", "off")]).await).await;
    let (stock, admin) = (Stock::lay_in(&shop).await, shop.wharf.admin());
    stock.is_all_there(&admin, "nothing").await;

    for (_, path) in OF_CONTENT {
        let path = stock.filled(path);
        let refused = admin.delete(&path).await;
        assert_eq!(refused.status, 405, "{refused:?}");
        stock.is_all_there(&admin, &path).await;
    }
}
