//! The audit log: an organisation's for its admins, all of it for the operator.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use wharf_core::{
    Digest, Limit, OperatorGrant, OrganisationGrant, Page, PageAfter, Place, Result, Timestamp,
    duty::Administer,
};
use wharf_registry::{
    audit::{AuditLog, RecordFilter, RecordPlace},
    port::RecordRow,
};

use crate::{
    call::Call,
    input::{Input, Wish, invalid, known, page_parameters, parameter},
    output::{Lines, Listed},
    route::{Route, get},
    time::{read, written},
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/audit", "Search the whole audit log, the latest first: the operator's", all),
        get("/audit/export", "Write the whole audit log as lines of JSON: the operator's", export_all),
        get("/orgs/{org}/audit", "Search the audit log of an organisation, the latest first", list),
        get("/orgs/{org}/audit/export", "Write the audit log of an organisation as lines of JSON", export),
    ]
}

/// A record of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct Record {
    /// Its number.
    id: i64,
    /// When.
    at: String,
    /// Who.
    actor: String,
    /// What kind of principal that is: `user`, `robot`, `job` or `anonymous`.
    actor_kind: String,
    /// By what it was known: a kind, and an id after a colon.
    credential: String,
    /// From where.
    address: Option<String>,
    /// On which request.
    request_id: String,
    /// What was done.
    action: String,
    /// In which organisation.
    organisation: Option<String>,
    /// In which repository.
    repository: Option<String>,
    /// To what: a tag, a login.
    target: Option<String>,
    /// To which content.
    digest: Option<String>,
    /// How often within a second, for pulls, logins and refusals.
    times: i64,
    /// Where it is sealed, as `month/number`; null where it is not, yet.
    sealed: Option<String>,
}

/// Which records, and which page of them.
pub(crate) struct Search {
    wish: Wish,
    filter: RecordFilter,
    /// The pairs of the query that say which, for the link to the next page.
    asked: Vec<(String, String)>,
}

const FIELDS: [(&str, &str); 6] = [
    ("actor", "Only by whom this is the name of"),
    ("action", "Only what is called so, as manifest.push"),
    ("repository", "Only in this repository, as it is pulled"),
    ("digest", "Only to this content"),
    ("from", "Not before this time"),
    ("to", "Only before this time"),
];

impl Input for Search {
    fn read(call: &Call) -> Result<Self> {
        known(call, &["n", "last", "actor", "action", "repository", "digest", "from", "to"])?;
        let mut search = Self {
            wish: Wish { limit: Limit::MOST, last: None },
            filter: RecordFilter::default(),
            asked: Vec::new(),
        };
        for (name, value) in &call.query {
            let filter = &mut search.filter;
            match name.as_str() {
                "n" => search.wish.limit = Limit::parse(value)?,
                "last" => search.wish.last = Some(value.clone()),
                "actor" => filter.actor = Some(value.clone()),
                "action" => filter.action = Some(value.clone()),
                "repository" => filter.repository = Some(value.parse::<Place>()?),
                "digest" => filter.digest = Some(value.parse::<Digest>()?),
                "from" => filter.from = Some(read(value)?),
                _ => filter.to = Some(read(value)?),
            }
            if !matches!(name.as_str(), "n" | "last") {
                search.asked.push((name.clone(), value.clone()));
            }
        }
        Ok(search)
    }

    fn parameters() -> Vec<Value> {
        let text = json!({ "type": "string" });
        let fields = FIELDS.iter().map(|(name, description)| parameter(name, description, &text));
        page_parameters().into_iter().chain(fields).collect()
    }
}

impl Search {
    fn before(&self) -> Result<Option<RecordPlace>> {
        let place = |last: &String| begins_after(last).ok_or_else(|| invalid("last is what a Link says"));
        self.wish.last.as_ref().map(place).transpose()
    }

    /// The page, and the link to the one after it.
    fn listed(&self, page: Page<RecordRow>, path: &str) -> Result<Listed<Record>> {
        let next = page.entries.last().filter(|_| page.more).map(|last| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&self.asked);
            query.append_pair("n", &self.wish.limit.get().to_string());
            query.append_pair("last", &format!("{}-{}", last.at.microseconds(), last.id));
            format!("{path}?{}", query.finish())
        });
        Ok(Listed { items: page.entries.into_iter().map(of).collect::<Result<_>>()?, next })
    }
}

/// The microseconds of a record's time, and its number.
fn begins_after(last: &str) -> Option<RecordPlace> {
    let (at, id) = last.rsplit_once('-')?;
    Some(RecordPlace { at: Timestamp::from_microseconds(at.parse().ok()?), id: id.parse().ok()? })
}

/// Whose records are looked for.
#[derive(Clone)]
enum Sight {
    All(OperatorGrant),
    Organisation(Arc<OrganisationGrant<Administer>>),
}

impl Sight {
    async fn page(
        &self,
        log: &AuditLog,
        filter: RecordFilter,
        page: PageAfter<RecordPlace>,
    ) -> Result<Page<RecordRow>> {
        match self {
            Self::All(grant) => log.all_records(grant, filter, page).await,
            Self::Organisation(grant) => log.records(grant, filter, page).await,
        }
    }
}

async fn list(call: Call, search: Search) -> Result<Listed<Record>> {
    let sight = organisation(&call).await?;
    show(&call, &search, &sight).await
}

async fn all(call: Call, search: Search) -> Result<Listed<Record>> {
    let sight = Sight::All(call.face.auth.grant_operator(&call.actor).await?);
    show(&call, &search, &sight).await
}

async fn export(call: Call, search: Search) -> Result<Lines> {
    let sight = organisation(&call).await?;
    lines(&call, search, sight)
}

async fn export_all(call: Call, search: Search) -> Result<Lines> {
    let sight = Sight::All(call.face.auth.grant_operator(&call.actor).await?);
    lines(&call, search, sight)
}

async fn organisation(call: &Call) -> Result<Sight> {
    let grant = call.face.auth.grant_organisation(&call.actor, &call.organisation()?).await?;
    Ok(Sight::Organisation(Arc::new(grant)))
}

async fn show(call: &Call, search: &Search, sight: &Sight) -> Result<Listed<Record>> {
    let page = PageAfter { last: search.before()?, limit: search.wish.limit };
    let page = sight.page(&call.face.audit, search.filter.clone(), page).await?;
    search.listed(page, &call.path)
}

/// Every record, page by page, as the client takes them.
fn lines(call: &Call, search: Search, sight: Sight) -> Result<Lines> {
    let (log, before, filter) = (call.face.audit.clone(), search.before()?, search.filter);
    let read = move |from: Option<Option<RecordPlace>>| {
        let (log, filter, sight) = (log.clone(), filter.clone(), sight.clone());
        async move {
            let Some(before) = from else { return Ok(None) };
            let page = sight.page(&log, filter, PageAfter { last: before, limit: Limit::MOST }).await?;
            let next = page.entries.last().filter(|_| page.more).map(|last| Some(RecordPlace::of(last)));
            let mut text = String::new();
            for row in &page.entries {
                text += &row.exported()?;
                text.push('\n');
            }
            Ok(Some((Bytes::from(text), next)))
        }
    };
    Ok(Lines(Box::pin(stream::try_unfold(Some(before), read))))
}

fn of(row: RecordRow) -> Result<Record> {
    Ok(Record {
        id: row.id,
        at: written(row.at)?,
        actor: row.actor,
        actor_kind: row.actor_kind,
        credential: row.credential,
        address: row.address,
        request_id: row.request_id,
        action: row.action,
        organisation: row.organisation,
        repository: row.repository,
        target: row.target,
        digest: row.digest,
        times: row.times,
        sealed: row.seal.map(|seal| format!("{}/{}", seal.month, seal.number)),
    })
}
