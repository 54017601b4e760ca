//! What the endpoints of every door are called in logs, metrics and traces.

use axum::http::{Method, Uri};

use crate::operation;

/// Their names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let doors = wharf_pypi::NAMES.into_iter().chain(wharf_helm::NAMES).chain(wharf_memflow::NAMES);
    let faces = wharf_oci::NAMES.into_iter().chain(wharf_api::NAMES).chain(doors);
    faces.chain(operation::NAMES)
}

/// The name of the one that a request is for, if it is for one. Each says its own with its answer: this is for one that
/// could not answer.
pub(crate) fn name_of(method: &Method, uri: &Uri) -> Option<&'static str> {
    match uri.path().split('/').nth(1).unwrap_or_default() {
        "v2" => wharf_oci::endpoint_of(method, uri),
        "pypi" => wharf_pypi::endpoint_of(method, uri),
        "helm" => wharf_helm::endpoint_of(method, uri),
        "memflow" | "plugins" | "files" | "keys" => wharf_memflow::endpoint_of(method, uri),
        first => {
            let own = operation::NAMES.into_iter().find(|name| *name == first);
            own.or_else(|| wharf_api::endpoint_of(uri.path()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_of_the_metrics_is_described() {
        let document = include_str!("../../../docs/operation.md");
        let (_, labels) = document.split_once("`endpoint` is one of").unwrap();
        let (labels, _) = labels.split_once("`method`").unwrap();
        let described: Vec<&str> = labels.split('`').skip(1).step_by(2).collect();

        assert!(names().chain(["other"]).eq(described));
    }

    #[test]
    fn every_endpoint_is_known_by_its_requests() {
        let digest = format!("sha256:{}", "5".repeat(64));
        let name_of = |request: &str| {
            let (method, path) = request.split_once(' ').unwrap();
            super::name_of(&method.parse().unwrap(), &path.parse().unwrap())
        };
        let requests = [
            "GET /v2/",
            "GET /v2/_oci/ext/discover",
            "GET /v2/_catalog",
            "GET /v2/acme/app/tags/list",
            &format!("GET /v2/acme/app/blobs/{digest}"),
            "POST /v2/acme/app/blobs/uploads/",
            "PUT /v2/acme/app/manifests/v1",
            &format!("GET /v2/acme/app/referrers/{digest}"),
            "POST /token",
            "POST /_/oidc/mint-token",
            "GET /-/login/oidc/corporate/callback",
            "PUT /api/v1/orgs/acme",
            "GET /api/openapi.json",
            "POST /pypi/acme/main/legacy/",
            "GET /pypi/acme/main/simple/",
            "GET /pypi/acme/main/simple/hello/",
            "GET /pypi/acme/main/files/hello/hello-1.0.tar.gz",
            "GET /pypi/acme/main/files/hello/hello-1.0.tar.gz.metadata",
            "GET /pypi/acme/main/hello/json",
            "GET /pypi/acme/main/integrity/hello/1.0/hello-1.0.tar.gz/provenance",
            "GET /helm/acme/main/index.yaml",
            "GET /helm/acme/main/charts/hello-1.0.0.tgz",
            "GET /helm/acme/main/api/charts",
            "GET /helm/acme/main/api/charts/hello",
            "POST /helm/acme/main/api/charts",
            "DELETE /helm/acme/main/api/charts/hello/1.0.0",
            "GET /plugins",
            "GET /memflow/acme/main/plugins/coredump",
            "POST /files",
            "GET /files/5555555",
            "GET /files/5555555/metadata",
            "DELETE /files/5555555",
            "GET /keys",
            "GET /healthz",
            "GET /health",
            "GET /readyz",
            "GET /metrics",
        ];

        assert!(names().map(Some).eq(requests.map(name_of)), "{:?}", requests.map(name_of));
        for none in ["GET /", "GET /v2/acme", "GET /acme/main", "GET /.well-known/other"] {
            assert_eq!(name_of(none), None, "{none}");
        }
    }
}
