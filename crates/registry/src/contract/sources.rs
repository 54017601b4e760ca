//! The suite of what upstreams said.

use bytes::Bytes;
use wharf_core::{Actor, gate::RegistryId};

use super::store::{Body, NOW, commit};
use crate::port::{Fetched, FetchedState, Maker, SourceRow, Store};

/// What upstreams say is kept for each registry, and its version moves only when it changed.
pub(super) async fn suite<S: Store>(store: &S) {
    let body: Body<(), RegistryId> = |(), work| {
        Box::pin(async {
            let actor = Actor::job("contract");
            let maker = Maker { actor: &actor, at: NOW };
            Ok(work.ensure_registry(&"sources/one/app".parse()?, maker).await?.id)
        })
    };
    let registry = commit(store, (), body).await.unwrap();
    let source: Body<_, SourceRow> = |registry, work| Box::pin(work.source(*registry));
    assert_eq!(commit(store, registry, source).await.unwrap(), SourceRow::default());
    let find = async |name: &str| {
        let body: Body<(RegistryId, String), Option<FetchedState>> =
            |(registry, name), work| Box::pin(work.fetched(*registry, name));
        commit(store, (registry, name.to_owned()), body).await.unwrap()
    };
    let keep = async |payload: &'static str, seconds: i64| {
        let fetched = Fetched { etag: Some(format!("\"{payload}\"")), payload: Bytes::from(payload) };
        let body: Body<_, ()> =
            |(registry, fetched, now), work| Box::pin(work.keep_fetched((*registry, "page"), fetched, *now));
        commit(store, (registry, fetched, NOW.plus_seconds(seconds)), body).await.unwrap();
        find("page").await.unwrap()
    };
    assert_eq!(find("page").await, None);
    let first = keep("one", 0).await;
    assert_eq!((first.etag.as_deref(), first.checked_at), (Some("\"one\""), NOW));
    let touch: Body<_, ()> = |(registry, now), work| Box::pin(work.touch_fetched((*registry, "page"), *now));
    commit(store, (registry, NOW.plus_seconds(5)), touch).await.unwrap();
    let touched = find("page").await.unwrap();
    assert_eq!((touched.version, touched.checked_at), (first.version, NOW.plus_seconds(5)));
    let again = keep("two", -10).await;
    assert!(again.version > first.version, "a clock that went back hides a change");
    let size: Body<_, u64> = |registry, work| Box::pin(work.fetched_bytes(*registry));
    assert_eq!(commit(store, registry, size).await.unwrap(), 3, "what went is not counted");
    let other: Body<_, ()> = |registry, work| {
        let fetched = Fetched { etag: None, payload: Bytes::from_static(b"of another page") };
        Box::pin(
            async move { work.keep_fetched((*registry, "other"), &fetched, NOW.plus_seconds(-20)).await },
        )
    };
    commit(store, registry, other).await.unwrap();
    assert_eq!(commit(store, registry, size).await.unwrap(), 3 + 15);
    let oldest: Body<_, Vec<String>> = |registry, work| Box::pin(work.oldest_fetched(*registry, 1));
    assert_eq!(commit(store, registry, oldest).await.unwrap(), ["other"]);
    let payload: Body<_, Option<Bytes>> = |registry, work| Box::pin(work.fetched_payload(*registry, "page"));
    assert_eq!(commit(store, registry, payload).await.unwrap().unwrap(), "two");
    let forget: Body<_, ()> = |registry, work| Box::pin(work.forget_fetched(*registry, "page"));
    for _ in 0..2 {
        commit(store, registry, forget).await.unwrap();
        assert_eq!(find("page").await, None);
        assert_eq!(commit(store, registry, size).await.unwrap(), 15);
    }
}
