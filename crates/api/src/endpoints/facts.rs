//! What the formats read: searched in a registry, shown for one manifest, with its documents.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use wharf_core::{Limit, Page, Reference, RegistryPlace, Result, action::Pull};
use wharf_registry::{format::FactSearch, port::FactRow};

use crate::{
    call::Call,
    input::{Input, expect_once, page_parameters, parameter},
    output::{Listed, Stored},
    route::{Route, get},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/orgs/{org}/registries/{registry}/facts", "Search what the formats read in a registry", search),
        get(
            "/orgs/{org}/registries/{registry}/repositories/{repository}/manifests/{reference}/facts",
            "Show what the formats read of a manifest",
            of_manifest,
        ),
        get(
            "/orgs/{org}/registries/{registry}/repositories/{repository}/manifests/{reference}/documents/{document}",
            "Fetch a small text that was kept with a manifest",
            document,
        ),
    ]
}

/// A record of what a manifest holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct Fact {
    /// The format that read it.
    format: String,
    /// What it is about: a chart's name.
    subject: String,
    /// The repository, as it is pulled from.
    repository: String,
    /// The manifest.
    digest: String,
    /// The first tags of the manifest.
    tags: Vec<String>,
    /// When the manifest was first pushed.
    created_at: String,
    /// What was read.
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
    /// The names of its documents.
    documents: Vec<String>,
}

/// A search: `format`, `n` and `last`; every other parameter is an attribute that must have this value. One of which a thing
/// may have several, as keywords, may stand several times.
struct Search {
    facts: FactSearch,
    limit: Limit,
}

impl Input for Search {
    fn read(call: &Call) -> Result<Self> {
        let facts = FactSearch { format: String::new(), pairs: Vec::new(), last: None };
        let mut search = Self { facts, limit: Limit::MOST };
        let (own, attributes): (Vec<_>, Vec<_>) =
            call.query.iter().partition(|(name, _)| ["format", "n", "last"].contains(&name.as_str()));
        expect_once(&own)?;
        for (name, value) in own {
            match name.as_str() {
                "format" => search.facts.format = value.clone(),
                "n" => search.limit = Limit::parse(value)?,
                _ => search.facts.last = Some(value.parse()?),
            }
        }
        search.facts.pairs = attributes.into_iter().cloned().collect();
        Ok(search)
    }

    fn parameters() -> Vec<Value> {
        let attributes = json!({ "type": "object", "additionalProperties": { "type": "string" } });
        let format = parameter("format", "The format, as helm", &json!({ "type": "string" }));
        let others = "Every other parameter is an attribute that must have this value";
        [vec![format], page_parameters(), vec![parameter("attributes", others, &attributes)]].concat()
    }
}

async fn search(call: Call, Search { facts, limit }: Search) -> Result<Listed<Fact>> {
    let place = call.registry()?;
    let grant = call.face.registry.grant_registry(&call.actor, &place).await?;
    let page = call.face.registry.facts(&grant, facts.clone(), limit).await?;
    let next = next(&page, &place, &facts, limit);
    Ok(Listed { items: page.entries.iter().map(shown).collect::<Result<_>>()?, next })
}

async fn of_manifest(call: Call, (): ()) -> Result<Listed<Fact>> {
    let (place, reference) = (call.place()?, call.parameter::<Reference>("reference")?);
    let grant = call.face.registry.grant::<Pull>(&call.actor, &place).await?;
    let facts = call.face.registry.facts_of(&grant, &reference).await?;
    Ok(Listed { items: facts.iter().map(shown).collect::<Result<_>>()?, next: None })
}

async fn document(call: Call, (): ()) -> Result<Stored> {
    let (place, reference) = (call.place()?, call.parameter::<Reference>("reference")?);
    let grant = call.face.registry.grant::<Pull>(&call.actor, &place).await?;
    let name = call.text("document")?;
    let document = call.face.registry.document(&grant, &reference, name).await?;
    Ok(Stored { media_type: document.media_type, bytes: document.bytes })
}

fn shown(row: &FactRow) -> Result<Fact> {
    Ok(Fact {
        format: row.format.clone(),
        subject: row.cursor.subject.clone(),
        repository: row.place.to_string(),
        digest: row.digest.to_string(),
        tags: row.tags.clone(),
        created_at: written(row.created_at)?,
        attributes: row.attributes.clone(),
        documents: row.documents.clone(),
    })
}

/// The page after this one.
fn next(page: &Page<FactRow>, place: &RegistryPlace, search: &FactSearch, limit: Limit) -> Option<String> {
    let last = page.entries.last().filter(|_| page.more)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("format", &search.format).extend_pairs(&search.pairs);
    query.append_pair("n", &limit.get().to_string()).append_pair("last", &last.cursor.to_string());
    let RegistryPlace { organisation, registry } = place;
    Some(format!("/api/v1/orgs/{organisation}/registries/{registry}/facts?{}", query.finish()))
}
