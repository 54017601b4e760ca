//! Lists: the plugins of a registry, the variants of one.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use wharf_core::{Error, PageAfter, Result, Timestamp};
use wharf_http::with_next;
use wharf_registry::format::AttributeOf;

use crate::{
    Call,
    descriptor::Descriptor,
    endpoint::Filter,
    plugins::NAME,
    search, upstream,
    variant::{CheckedSignature, Variant},
};

/// `GET /plugins`: all names, each with the description of its newest variant. Its clients know no pages.
pub(crate) async fn plugins(call: &Call<'_>) -> Result<Response> {
    let grant = call.registry.grant_registry(call.actor, &call.place).await?;
    if let Some(proxy) = upstream::proxy(call, &grant).await? {
        return upstream::plugins(call, &proxy).await;
    }
    let (mut plugins, mut wanted) = (Vec::new(), PageAfter::first());
    let names = AttributeOf { format: NAME, attribute: "name" };
    loop {
        // By name, so that a signature, which is about a plugin too, is none. The name is the subject.
        let page = call.registry.values(&grant, names, wanted.clone()).await?;
        wanted.last = page.entries.last().map(|row| row.cursor.subject.clone());
        for row in page.entries {
            let Variant { descriptor: Descriptor { name, description, .. }, .. } = Variant::of(row)?;
            plugins.push(json!({ "name": name, "description": description }));
        }
        if !page.more {
            let total = plugins.len();
            return Ok(Json(json!({ "plugins": plugins, "total": total })).into_response());
        }
    }
}

/// `GET /plugins/{name}`: its variants, the newest first; none of a plugin that is not here. The last page tells how many
/// there are.
pub(crate) async fn variants(call: &Call<'_>, name: &str, filter: &Filter) -> Result<Response> {
    let grant = call.registry.grant_registry(call.actor, &call.place).await?;
    if let Some(proxy) = upstream::proxy(call, &grant).await? {
        return upstream::variants(call, (&proxy, &grant), (name, filter)).await;
    }
    let trust = call.signing.trust(&call.place).await?;
    let mut found = Vec::new();
    if filter.is_possible() && filter.limit > 0 {
        found = search::of_plugin(call, &grant, (name, filter)).await?;
    }
    let more = found.len() > filter.skip + filter.limit;
    let mut plugins = Vec::new();
    for variant in found.iter().skip(filter.skip).take(filter.limit) {
        let mut shown = shown(variant, &variant.signature(call.registry, call.actor, &trust).await?)?;
        let descriptor = serde_json::to_value(&variant.descriptor).map_err(Error::internal)?;
        shown.insert("descriptor".to_owned(), descriptor);
        plugins.push(shown);
    }
    let mut list = json!({ "plugins": plugins, "skip": filter.skip });
    // To count what nobody asked to see would cost as much as to show it.
    if let (false, Some(fields)) = (more || filter.limit == 0, list.as_object_mut()) {
        fields.insert("total".to_owned(), json!(found.len()));
    }
    with_next(Json(list).into_response(), more.then(|| next(call, filter)).as_deref())
}

/// What a list and the metadata say of a file alike.
pub(crate) fn shown(variant: &Variant, signed: &CheckedSignature) -> Result<Map<String, Value>> {
    Ok(Map::from_iter([
        ("digest".to_owned(), json!(variant.file.hex())),
        ("signature".to_owned(), json!(signed.signature)),
        ("verified".to_owned(), json!(signed.verified)),
        ("created_at".to_owned(), json!(moment(variant.created_at())?)),
    ]))
}

/// A moment in UTC as the original writes it: without a zone, and with 0, 3 or 6 digits after the second.
pub(crate) fn moment(at: Timestamp) -> Result<String> {
    let moment = jiff::Timestamp::from_microsecond(at.microseconds()).map_err(Error::internal)?;
    let precision = match at.microseconds().rem_euclid(1_000_000) {
        0 => "%Y-%m-%dT%H:%M:%S",
        fraction if fraction % 1000 == 0 => "%Y-%m-%dT%H:%M:%S.%3f",
        _ => "%Y-%m-%dT%H:%M:%S.%6f",
    };
    Ok(moment.strftime(precision).to_string())
}

/// The path and query of the page after this one: the same query, further on.
fn next(call: &Call<'_>, filter: &Filter) -> String {
    let uri = &call.request.uri;
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut next = form_urlencoded::Serializer::new(String::new());
    next.extend_pairs(query.filter(|(name, _)| name != "skip"));
    next.append_pair("skip", &(filter.skip + filter.limit).to_string());
    format!("{}?{}", uri.path(), next.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_no_zone_and_as_many_digits_as_it_needs() {
        for (microseconds, expected) in [
            (1_711_131_293_000_000, "2024-03-22T18:14:53"),
            (1_711_131_293_400_000, "2024-03-22T18:14:53.400"),
            (1_711_131_293_402_258, "2024-03-22T18:14:53.402258"),
        ] {
            assert_eq!(moment(Timestamp::from_microseconds(microseconds)).unwrap(), expected);
        }
    }
}
