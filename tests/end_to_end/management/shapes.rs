//! What every endpoint keeps to: unknown fields and parameters are refused, bodies are bounded, problems are problems.

use serde_json::{Value, json};

use crate::{harness::Wharf, operation::is_problem};

#[tokio::test]
async fn what_an_endpoint_does_not_know_is_refused() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();

    for body in [
        json!({ "name": "acme", "operator": true }),
        json!({ "name": "acme", "id": 1 }),
        json!({}),
        json!([]),
        json!({ "name": 7 }),
    ] {
        is_problem(admin.send_json("POST", "/api/v1/orgs", &body).await, 400);
    }
    // In words of the request, with the place in it, and without what stands there.
    let rule = json!({ "select": { "tags": ["v*", { "secret": 1 }] } });
    let rule = admin.send_json("PUT", "/api/v1/orgs/acme/registries/main/retention/old", &rule).await.is(400);
    assert_eq!(rule.json()["detail"], "the body is not as it must be: select.tags[1] must be a text");
    is_problem(admin.request("POST", "/api/v1/orgs").body("{").send().await, 400);
    is_problem(admin.request("POST", "/api/v1/orgs").body("x".repeat(70_000)).send().await, 413);
    for path in ["/api/v1/orgs?limit=1", "/api/v1/orgs?n=-1", "/api/v1/orgs?n=1&n=2", "/api/v1/me?x=1"] {
        is_problem(admin.get(path).await, 400);
    }
    is_problem(admin.send_json("DELETE", "/api/v1/orgs/acme/members/a", &json!({})).await, 400);
    is_problem(admin.get("/api/v1/nothing").await, 404);
    let refused = admin.request("PUT", "/api/v1/orgs").send().await.has_header("allow", "GET, HEAD, POST");
    is_problem(refused, 405);
}

#[tokio::test]
async fn no_endpoint_takes_a_parameter_that_it_does_not_know() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let admin = wharf.admin();
    let document = wharf.anonymous().get("/api/openapi.json").await.is(200).json();

    for (template, methods) in document["paths"].as_object().unwrap() {
        let filled = template.split('/').map(|segment| match segment {
            "{org}" => "acme",
            "{registry}" => "main",
            named if named.starts_with('{') => "x",
            segment => segment,
        });
        let path = filled.collect::<Vec<_>>().join("/");
        for method in methods.as_object().unwrap().keys() {
            let asked = admin.request(&method.to_uppercase(), &format!("{path}?nonsense=1")).send().await;
            let refused = asked.is(400).json()["detail"].clone();
            // There every parameter is an attribute, and the format says by which it is found.
            if !template.ends_with("/{registry}/facts") {
                assert_eq!(refused, "this endpoint takes no parameter nonsense", "{method} {template}");
            }
        }
    }
}

#[tokio::test]
async fn the_document_describes_every_path_by_itself() {
    let wharf = Wharf::start().await;

    let document = wharf.anonymous().get("/api/openapi.json").await.is(200).json();

    assert_eq!(document["openapi"], "3.1.0");
    let create = &document["paths"]["/api/v1/orgs"]["post"];
    let schema = &create["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let name = schema.as_str().unwrap().rsplit('/').next().unwrap();
    assert_eq!(document["components"]["schemas"][name]["additionalProperties"], false);
    let dangling =
        references(&document).into_iter().filter(|reference| document.pointer(&reference[1..]).is_none());
    assert_eq!(dangling.collect::<Vec<_>>(), Vec::<String>::new());
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
