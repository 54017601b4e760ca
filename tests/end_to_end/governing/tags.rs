//! The moves of a tag, and setting it back.

use serde_json::{Value, json};

use super::{MAIN, send};
use crate::harness::{Image, Wharf};

#[tokio::test]
async fn a_tag_that_was_moved_by_mistake_is_set_back() {
    let wharf = Wharf::start().await;
    let (admin, images) = (wharf.admin(), [Image::oci(1), Image::oci(2)]);
    let repository = admin.repository("acme/app");
    for image in &images {
        repository.push_image(image, "latest").await;
    }
    let viewer = wharf.add_user("viewer", &["acme:viewer"]);
    let writer = wharf.add_user("writer", &["acme:writer"]);
    let stranger = wharf.add_user("stranger", &[]);
    let tag = format!("{MAIN}/repositories/app/tags/latest");
    let history = viewer.get(&format!("{tag}/history")).await.is(200).json();
    let [one, two] = images.map(|image| image.digest());
    let moves: Vec<_> = history["items"].as_array().unwrap().iter().map(shown).collect();
    assert_eq!(moves, [json!(["admin", one, two, true]), json!(["admin", null, one, true])]);

    let back = json!({ "digest": one });
    let rollback = format!("{tag}/rollback");
    send(&viewer, "POST", &rollback, &back).await.is(403);
    send(&stranger, "POST", &rollback, &back).await.is(404);
    send(&writer, "POST", &rollback, &back).await.is(204);
    send(&writer, "POST", &rollback, &json!({ "digest": "sha256:x" })).await.is(400);
    let never = json!({ "digest": format!("sha256:{}", "0".repeat(64)) });
    send(&writer, "POST", &rollback, &never).await.is(404);
    repository.head_manifest("latest").await.is(200).has_header("docker-content-digest", &one);
    let page = viewer.get(&format!("{tag}/history?n=1")).await.is(200);
    assert_eq!(shown(&page.json()["items"][0]), json!(["writer", two, one, true]));
    let rest = viewer.get(&page.next_page().expect("a second page")).await.is(200).json();
    assert_eq!(shown(&rest["items"][0]), moves[0]);
    viewer.get(&format!("{MAIN}/repositories/app/tags/other/history")).await.is(404);
    viewer.get(&format!("{tag}/history?last=x")).await.is(400);
}

fn shown(row: &Value) -> Value {
    json!([row["by"], row["from"], row["to"], row["stands"]])
}
