//! Several nodes before one upstream.

use serde_json::json;

use super::{NEAR, file, mirror};
use crate::formats::wheel::Distribution;
use crate::harness::{Image, Nodes, sha256};
use crate::import::stage::{Said, Stage};

#[tokio::test]
async fn two_nodes_that_want_the_same_file_ask_the_upstream_once() {
    let Some(nodes) = Nodes::start_with(2, &NEAR).await else { return };
    let wheel = Distribution::wheel("foo", "1.0");
    let shown = json!({ "files": [{
        "filename": wheel.filename, "url": "/files/wheel",
        "hashes": { "sha256": sha256(&wheel.bytes).replace("sha256:", "") },
    }] });
    let bytes = wheel.bytes.clone();
    let stage = Stage::start(&Image::oci(1), move |heard, _| {
        let delay = std::time::Duration::from_millis(300);
        Some(match heard.target.as_str() {
            "/files/wheel" => Said { delay, ..Said::new(200, bytes.clone()) },
            _ => Said::new(200, shown.to_string()).with("content-type", super::JSON),
        })
    })
    .await;
    nodes[0].found(&["acme"]).await;
    let (one, two) = (nodes[0].admin(), nodes[1].admin());
    mirror(&one, &format!("http://{}/simple/", stage.host), json!({})).await;
    let path = file("mirror", "foo", &wheel.filename);
    let (first, second, third) = tokio::join!(one.get(&path), two.get(&path), two.get(&path));
    for answer in [first, second, third] {
        answer.is(200).has_body(&wheel.bytes);
    }
    let asked = stage.heard().iter().filter(|heard| heard.target == "/files/wheel").count();
    assert_eq!(asked, 1);
}
