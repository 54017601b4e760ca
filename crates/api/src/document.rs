//! `/api/openapi.json`: the management API as OpenAPI 3.1, made from the routes and the types of their handlers.

use axum::http::Method;
use serde_json::{Map, Value, json};
use wharf_auth::LONGEST_REPEAT_KEY;

use crate::{
    route::{Described, Route},
    routes::ROUTES,
    schema::{Schemas, schema_of},
};

/// What the names in paths stand for.
const PARAMETERS: &[(&str, &str)] = &[
    ("delivery", "The number of a delivery"),
    ("document", "The name of a small text kept with a manifest"),
    ("file", "The name of a file of the project"),
    ("issuer", "The name of an issuer that the organisation, or the platform, believes"),
    ("invitation", "The number of an invitation"),
    ("key", "The name of a key of the registry"),
    ("login", "The id of a login"),
    ("org", "The name of an organisation"),
    ("reference", "A tag or a digest"),
    ("registry", "The name of a registry within its organisation"),
    ("release", "A version, or the tag it has"),
    ("repository", "The name of a repository within its registry; its slashes may be written as %2F"),
    ("robot", "The name of a robot within its organisation"),
    ("rule", "The name of a rule of the registry, or about the issuer"),
    ("tag", "The name of a tag"),
    ("token", "The id of an API token"),
    ("user", "The login of a user"),
    ("webhook", "The number of a webhook"),
];

/// What every endpoint may answer instead.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Problem {
    /// `about:blank`: the status says it all.
    r#type: String,
    /// The status.
    status: u16,
    /// The name of the status.
    title: String,
    /// What is wrong, in words.
    detail: String,
    /// The id of the request, as it stands in the log.
    request_id: String,
}

/// The document.
pub(crate) fn document() -> Value {
    let (mut paths, mut schemas) = (Map::new(), Schemas::new());
    let problem = schema_of::<Problem>(&mut schemas);
    for route in ROUTES.iter() {
        let path = paths.entry(format!("/api/v1{}", route.template.0)).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(route.method.as_str().to_lowercase(), operation(route, &mut schemas));
        }
    }
    let refusal = json!({
        "description": "A refusal (RFC 9457).",
        "content": { "application/problem+json": { "schema": problem } },
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Wharf",
            "version": "1",
            "description": "The management of Wharf. What is pushed and pulled goes through /v2/.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "security": [{ "password": [] }, { "token": [] }, { "login": [], "proof": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Problem": refusal },
            "securitySchemes": {
                "password": { "type": "http", "scheme": "basic" },
                "token": { "type": "http", "scheme": "bearer" },
                "login": { "type": "apiKey", "in": "cookie", "name": "__Host-wharf" },
                "proof": { "type": "apiKey", "in": "header", "name": "X-Wharf-Proof" },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let Described { parameters, body, answer: (status, answer) } = (route.described)(schemas);
    let key = (route.method == Method::POST).then(idempotency_key);
    let parameters: Vec<Value> = route.template.names().map(in_path).chain(parameters).chain(key).collect();
    let mut operation = json!({
        "summary": route.summary,
        "operationId": id(route),
        "parameters": parameters,
        "responses": {
            status.as_str(): answer,
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    if let (Some(body), Some(fields)) = (body, operation.as_object_mut()) {
        fields.insert("requestBody".to_owned(), body);
    }
    operation
}

fn in_path(name: &'static str) -> Value {
    let description =
        PARAMETERS.iter().find(|(known, _)| *known == name).map(|(_, description)| *description);
    json!({ "name": name, "in": "path", "required": true, "description": description, "schema": { "type": "string" } })
}

fn idempotency_key() -> Value {
    let description = "The same key with the same request gets the first answer for a day";
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false, "description": description,
        "schema": { "type": "string", "minLength": 1, "maxLength": LONGEST_REPEAT_KEY },
    })
}

/// A name for clients that are generated: the method and the words of the path.
fn id(route: &Route) -> String {
    let part = |part: &str| part.trim_matches(['{', '}']).replace('-', "_");
    let path: Vec<String> = route.template.0.split('/').filter(|part| !part.is_empty()).map(part).collect();
    format!("{}_{}", route.method.as_str().to_lowercase(), path.join("_"))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test reads what is asked of it, and may write the file")]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_document_is_the_one_of_the_code() {
        let mut made = serde_json::to_string_pretty(&document()).unwrap();
        made.push('\n');
        if std::env::var_os("WHARF_WRITE_OPENAPI").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &made).unwrap();
        }
        let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json")).unwrap();
        assert!(made == kept, "openapi.json is not of this code: run this test with WHARF_WRITE_OPENAPI=1");
    }

    #[test]
    fn every_name_in_a_path_is_explained() {
        for name in ROUTES.iter().flat_map(|route| route.template.names()) {
            assert!(PARAMETERS.iter().any(|(known, _)| *known == name), "{name} is not explained");
        }
    }
}
