//! Members: a role acts from the moment it is given to the moment it is taken.

use serde_json::json;

use super::items;
use crate::harness::Wharf;

#[tokio::test]
async fn a_role_acts_at_once_and_ends_at_once() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let (owner, guest) = (wharf.add_user("owner", &["acme:admin"]), wharf.add_user("guest", &[]));
    let (member, tags) = ("/api/v1/orgs/acme/members/guest", "/v2/acme/founding/tags/list");
    let pulling = guest.clone();
    guest.get(tags).await.is(404);

    let set = owner.send_json("PUT", member, &json!({ "role": "viewer" })).await.is(200).json();
    assert_eq!((&set["user"], &set["role"]), (&json!("guest"), &json!("viewer")));
    let token = guest.with_token(&["repository:acme/founding:pull"]).await;
    for caller in [&pulling, &token] {
        caller.get(tags).await.is(200);
    }
    guest.send_json("PUT", member, &json!({ "role": "admin" })).await.is(403);
    assert_eq!(items(&guest.get("/api/v1/orgs/acme/members").await.is(200), "user"), ["guest", "owner"]);
    owner.send_json("PUT", member, &json!({ "role": "writer" })).await.is(200);
    guest.repository("acme/founding").open_upload().await.is(202);

    owner.delete(member).await.is(204);
    for caller in [&pulling, &token] {
        caller.get(tags).await.is(404);
    }
    owner.delete(member).await.is(404);
    owner.send_json("PUT", "/api/v1/orgs/acme/members/nobody", &json!({ "role": "viewer" })).await.is(404);
}

#[tokio::test]
async fn the_last_admin_of_an_organisation_stays_one() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let owner = wharf.add_user("owner", &["acme:admin"]);
    wharf.add_user("second", &[]);
    let (first, second) = ("/api/v1/orgs/acme/members/owner", "/api/v1/orgs/acme/members/second");

    owner.delete(first).await.is(409);
    owner.send_json("PUT", first, &json!({ "role": "viewer" })).await.is(409);
    wharf.admin().delete(first).await.is(409);
    owner.send_json("PUT", second, &json!({ "role": "admin" })).await.is(200);
    owner.delete(first).await.is(204);
    owner.get("/api/v1/orgs/acme").await.is(404);
}
