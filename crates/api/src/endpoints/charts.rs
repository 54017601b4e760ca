//! Helm charts, searched in a registry.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use wharf_core::{Error, Limit, RegistryPlace, Result};
use wharf_registry::{
    format::{FoundFacts, Question, SubjectSearch},
    port::ShownRow,
};

use crate::{
    call::Call,
    input::{Input, known, page_parameters, parameter},
    output::Listed,
    route::{Route, get},
    time::written,
};

/// What the format is called.
const HELM: &str = "helm";

pub(crate) fn routes() -> Vec<Route> {
    vec![get("/orgs/{org}/registries/{registry}/charts", "Search the Helm charts of a registry", search)]
}

/// A chart, by the newest of its versions that answers the search.
#[derive(Serialize, ToSchema)]
pub(crate) struct Chart {
    /// Its name.
    name: String,
    /// The version.
    version: String,
    /// The version of what it installs.
    #[serde(skip_serializing_if = "Option::is_none")]
    app_version: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Its keywords.
    keywords: Vec<String>,
    /// Whether its author gave it up.
    deprecated: bool,
    /// The repository, as it is pulled from.
    repository: String,
    /// The tag of the version there.
    tag: String,
    /// The manifest.
    digest: String,
    /// When the manifest was first pushed.
    created_at: String,
    /// The images it would run, each with its source: declared, or guessed from values, app-version or template.
    #[schema(value_type = Vec<Object>)]
    images: Value,
}

/// A search: `q`, `keyword`, `version`, `n` and `last`.
struct Search {
    search: SubjectSearch,
    limit: Limit,
}

impl Input for Search {
    fn read(call: &Call) -> Result<Self> {
        known(call, &["q", "keyword", "version", "n", "last"])?;
        let search = SubjectSearch { format: HELM.to_owned(), question: Question::default(), last: None };
        let mut search = Self { search, limit: Limit::MOST };
        for (name, value) in &call.query {
            let question = &mut search.search.question;
            match name.as_str() {
                "q" => question.word = Some(value.clone()),
                "keyword" => question.keyword = Some(value.clone()),
                "version" => question.versions = Some(value.clone()),
                "n" => search.limit = Limit::parse(value)?,
                _ => search.search.last = Some(value.parse()?),
            }
        }
        Ok(search)
    }

    fn parameters() -> Vec<Value> {
        let text = json!({ "type": "string" });
        let own = [
            ("q", "A word in the name or the description, in any case"),
            ("keyword", "A keyword of the chart"),
            ("version", "A range of versions, as >=1.2 <2; the newest in it is shown"),
        ];
        let own = own.map(|(name, words)| parameter(name, words, &text)).to_vec();
        [own, page_parameters()].concat()
    }
}

async fn search(call: Call, Search { search, limit }: Search) -> Result<Listed<Chart>> {
    let place = call.registry()?;
    let grant = call.face.registry.grant_reach(&call.actor, &place).await?;
    let found = call.face.registry.search_shown(&grant, search.clone(), limit).await?;
    let next = next(&found, &place, &search.question, limit);
    Ok(Listed { items: found.rows.iter().map(shown).collect::<Result<_>>()?, next })
}

fn shown(row: &ShownRow) -> Result<Chart> {
    let mut chart: Map<String, Value> = serde_json::from_str(&row.attributes).map_err(Error::internal)?;
    let text = |name: &str| chart.get(name).and_then(Value::as_str).map(str::to_owned);
    let keywords = chart.get("keywords").and_then(Value::as_array).into_iter().flatten();
    Ok(Chart {
        name: row.cursor.subject.clone(),
        version: text("version").unwrap_or_default(),
        app_version: text("appVersion"),
        description: text("description"),
        keywords: keywords.filter_map(Value::as_str).map(str::to_owned).collect(),
        deprecated: chart.get("deprecated").and_then(Value::as_bool).unwrap_or_default(),
        repository: row.place.to_string(),
        tag: row.tag.to_string(),
        digest: row.digest.to_string(),
        created_at: written(row.created_at)?,
        images: chart.remove("images").unwrap_or_else(|| json!([])),
    })
}

/// The page after this one.
fn next(found: &FoundFacts, place: &RegistryPlace, question: &Question, limit: Limit) -> Option<String> {
    let last = found.next.as_ref()?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    let Question { word, keyword, versions } = question;
    for (name, value) in [("q", word), ("keyword", keyword), ("version", versions)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.append_pair("n", &limit.get().to_string()).append_pair("last", &last.to_string());
    let RegistryPlace { organisation, registry } = place;
    Some(format!("/api/v1/orgs/{organisation}/registries/{registry}/charts?{}", query.finish()))
}
