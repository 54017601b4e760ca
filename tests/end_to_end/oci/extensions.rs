//! The discovery of extensions, of which there are none.

use serde_json::json;

use super::at;

#[tokio::test]
async fn extensions_are_listed_for_the_server_and_for_each_repository() {
    let (wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["v1"]).await;

    for path in ["/v2/_oci/ext/discover", "/v2/acme/app/_oci/ext/discover", "/v2/no/such/_oci/ext/discover"] {
        for caller in [wharf.admin(), wharf.anonymous()] {
            let answer = caller.get(path).await.is(200);
            assert_eq!(answer.json(), json!({"extensions": []}));
            assert!(answer.header("content-type").starts_with("application/json"));
        }
    }
}

#[tokio::test]
async fn extensions_are_not_listed_for_what_is_no_name_nor_by_another_method() {
    let (wharf, _repository) = at("acme/app").await;
    let admin = wharf.admin();

    admin.get("/v2/UPPER/_oci/ext/discover").await.is(400).error("NAME_INVALID");
    admin.post("/v2/_oci/ext/discover").await.is(405).error("UNSUPPORTED");
    admin.get("/v2/_oci/ext/other").await.any_of(&[400, 404]).first_error();
}
