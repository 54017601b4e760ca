//! What every endpoint keeps to: unknown fields and parameters are refused, bodies are bounded, problems are problems.

use serde_json::{Value, json};

use crate::{
    harness::{ADMIN_PASSWORD, Wharf},
    operation::is_problem,
};

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

/// Elsewhere whoever signs up is refused before anything is read.
async fn where_users_sign_up() -> Wharf {
    Wharf::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_SIGN_UP", "invite")]).await
}

#[tokio::test]
async fn no_endpoint_takes_a_parameter_that_it_does_not_know() {
    let wharf = where_users_sign_up().await;
    wharf.found(&["acme"]).await;
    let admin = wharf.admin();
    let document = wharf.anonymous().get("/api/openapi.json").await.is(200).json();

    for (template, methods) in document["paths"].as_object().unwrap() {
        let path = filled(template);
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

/// Every schema of a body closes its objects, the inner ones too, and every endpoint refuses what is in none: a field that
/// nobody knows never means anything (CVE-2019-16097: an account that called itself an administrator).
#[tokio::test]
async fn no_endpoint_takes_a_field_that_it_does_not_know() {
    let wharf = where_users_sign_up().await;
    wharf.found(&["acme"]).await;
    let admin = wharf.admin();
    let document = wharf.anonymous().get("/api/openapi.json").await.is(200).json();
    let mut asked = 0;

    for (template, methods) in document["paths"].as_object().unwrap() {
        let path = filled(template);
        for (method, operation) in methods.as_object().unwrap() {
            let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") else {
                continue;
            };
            let body = with_unknown_field(&document, schema);
            let refused = admin.send_json(&method.to_uppercase(), &path, &body).await.is(400).json();
            let said = refused["detail"].as_str().unwrap();
            assert!(said.contains("there is no field a_nonsense"), "{method} {template}, {body}: {said}");
            let open = open_objects(&document, schema);
            assert_eq!(open, Vec::<String>::new(), "{method} {template} takes fields that it does not know");
            asked += 1;
        }
    }
    assert!(asked > 30, "only {asked} endpoints take a body");
}

/// A body that is as the schema wants it, as far as kinds of values go, but for one field more, which is read first.
fn with_unknown_field(document: &Value, schema: &Value) -> Value {
    let known = example(document, schema);
    let known = known.as_object().unwrap().clone();
    [("a_nonsense".to_owned(), true.into())].into_iter().chain(known).collect()
}

fn example(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    if let Some(first) = schema["enum"].get(0).or_else(|| schema.get("const")) {
        return first.clone();
    }
    if let Some(first) = schema["oneOf"].get(0).or_else(|| schema["anyOf"].get(0)) {
        return example(document, first);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].get(0)?.as_str());
    match kind {
        Some("object") => {
            let required =
                schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap());
            required.map(|name| (name.to_owned(), example(document, &schema["properties"][name]))).collect()
        }
        Some("array") => json!([]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ => json!("x"),
    }
}

/// The places in a schema where an object takes fields that it does not name.
fn open_objects(document: &Value, schema: &Value) -> Vec<String> {
    let schema = resolved(document, schema);
    let properties = schema["properties"].as_object();
    let is_open = properties.is_some() && schema["additionalProperties"] != false;
    let below = properties.into_iter().flatten().flat_map(|(name, property)| {
        let inner = open_objects(document, property);
        inner.into_iter().map(move |place| format!("{name}.{place}"))
    });
    let ways = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|ways| schema[ways].as_array()).flatten();
    let items = schema.get("items").into_iter().chain(ways);
    let items = items.flat_map(|inner| open_objects(document, inner));
    is_open.then(|| "itself".to_owned()).into_iter().chain(below).chain(items).collect()
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => resolved(document, document.pointer(&reference[1..]).unwrap()),
        None => schema,
    }
}

/// The path of a template in an organisation that is there.
fn filled(template: &str) -> String {
    let filled = template.split('/').map(|segment| match segment {
        "{org}" => "acme",
        "{registry}" => "main",
        named if named.starts_with('{') => "x",
        segment => segment,
    });
    filled.collect::<Vec<_>>().join("/")
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
