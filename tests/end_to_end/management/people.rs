//! People: where a user's own things lie, and how users come.

use super::items;
use crate::harness::{ADMIN_PASSWORD, Image, Wharf};

#[tokio::test]
async fn a_user_pushes_to_an_organisation_of_his_own_from_his_first_login_on() {
    let wharf = Wharf::start().await;
    let (alice, image) = (wharf.add_user("alice", &[]), Image::oci(1));
    let admin = wharf.admin();
    admin.get("/api/v1/orgs/alice").await.is(404);

    alice.repository("alice/app").push_image(&image, "v1").await;
    assert_eq!(items(&alice.get("/api/v1/orgs").await.is(200), "name"), ["alice"]);
    assert_eq!(alice.get("/api/v1/orgs/alice").await.is(200).json()["role"], "admin");
    wharf.add_user("bob", &[]).get("/v2/alice/app/tags/list").await.is(404);
    let records = admin.get("/api/v1/audit?action=organisation.create&actor=alice").await.is(200);
    assert_eq!(items(&records, "organisation"), ["alice"]);

    alice.delete("/api/v1/orgs/alice?force=true").await.is(204);
    alice.get("/api/v1/orgs/alice").await.is(404);
    assert!(items(&admin.get("/api/v1/orgs").await, "name").iter().all(|name| name != "admin"));
}

#[tokio::test]
async fn a_name_that_is_taken_and_a_server_without_personal_organisations_give_none() {
    let wharf =
        Wharf::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_PERSONAL_ORGS", "off")]).await;
    wharf.add_user("alice", &[]).get("/api/v1/orgs/alice").await.is(404);

    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let acme = wharf.add_user("acme", &[]);
    acme.get("/api/v1/me").await.is(200);
    acme.get("/api/v1/orgs/acme").await.is(404);
}
