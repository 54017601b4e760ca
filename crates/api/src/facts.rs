//! What the formats read: searched in a registry, shown for one manifest, with its documents.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use wharf_core::{Error, Limit, Page, Place, Reference, RegistryPlace, Result, action::Pull};
use wharf_registry::{format::FactSearch, port::FactRow};

use crate::Call;

/// `GET /api/v1/orgs/{org}/registries/{registry}/facts?format=…[&<attribute>=…][&n=…][&last=…]`
pub(crate) async fn search(
    call: &Call<'_>,
    place: &RegistryPlace,
    (search, limit): (FactSearch, Limit),
) -> Result<Response> {
    let grant = call.registry.grant_registry(call.actor, place).await?;
    let page = call.registry.facts(&grant, search.clone(), limit).await?;
    let link = next(&page, place, (&search, limit))?;
    let mut response = say(&page.entries)?;
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// `GET …/repositories/{repository}/manifests/{reference}/facts`
pub(crate) async fn of_manifest(call: &Call<'_>, place: &Place, reference: &Reference) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    say(&call.registry.facts_of(&grant, reference).await?)
}

/// `GET …/repositories/{repository}/manifests/{reference}/documents/{name}`: bytes of a stranger, so no browser may
/// take them for anything else.
pub(crate) async fn document(
    call: &Call<'_>,
    place: &Place,
    (reference, name): (&Reference, &str),
) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let document = call.registry.document(&grant, reference, name).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::try_from(document.media_type).map_err(Error::internal)?),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    Ok((headers, document.bytes).into_response())
}

/// A fact as callers see it.
#[derive(Serialize)]
struct Fact<'a> {
    format: &'a str,
    subject: &'a str,
    repository: String,
    digest: String,
    tags: &'a [String],
    created_at: String,
    attributes: &'a Map<String, Value>,
    documents: &'a [String],
}

fn say(facts: &[FactRow]) -> Result<Response> {
    let facts = facts.iter().map(shown).collect::<Result<Vec<_>>>()?;
    Ok(Json(json!({ "facts": facts })).into_response())
}

fn shown(row: &FactRow) -> Result<Fact<'_>> {
    let created_at =
        jiff::Timestamp::from_microsecond(row.created_at.microseconds()).map_err(Error::internal)?;
    Ok(Fact {
        format: &row.format,
        subject: &row.cursor.subject,
        repository: row.place.to_string(),
        digest: row.digest.to_string(),
        tags: &row.tags,
        created_at: created_at.to_string(),
        attributes: &row.attributes,
        documents: &row.documents,
    })
}

/// The `Link` to the page after this one (RFC 8288).
fn next(
    page: &Page<FactRow>,
    place: &RegistryPlace,
    (search, limit): (&FactSearch, Limit),
) -> Result<Option<HeaderValue>> {
    let Some(last) = page.entries.last().filter(|_| page.more) else { return Ok(None) };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("format", &search.format).extend_pairs(&search.pairs);
    query.append_pair("n", &limit.get().to_string()).append_pair("last", &last.cursor.to_string());
    let RegistryPlace { organisation, registry } = place;
    let path = format!("/api/v1/orgs/{organisation}/registries/{registry}/facts");
    let link = HeaderValue::try_from(format!("<{path}?{}>; rel=\"next\"", query.finish()));
    link.map(Some).map_err(Error::internal)
}
