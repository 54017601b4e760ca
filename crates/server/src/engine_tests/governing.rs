//! What organisations set: tags that stay where they are, quotas, and what goes by its age.

use wharf_core::{
    Digest, Duty, Limit, OrganisationGrant, Reference, Tag,
    action::Delete,
    duty::{Administer, Belong},
    gate::{OrganisationId, OrganisationRights, decide_operator, decide_organisation},
};
use wharf_registry::{
    ManifestPush, QuotaUsage, Usage,
    policy::{self, Expired, ImmutabilityRule, Named, RetentionRule, Rule},
};

use super::*;

const DAY: i64 = 24 * 3600;

fn duty<D: Duty>() -> OrganisationGrant<D> {
    // The first organisation is the one that every house begins with.
    let organisation = Some(OrganisationId(1));
    let rights = OrganisationRights { operator: false, role: None, organisation, open: false };
    decide_organisation(&Actor::job("test"), &"library".parse().unwrap(), &rights).unwrap()
}

pub(super) async fn set<R: Rule>(registry: &Registry, name: &str, body: &str) {
    let named = Named::<R> { name: name.parse().unwrap(), rule: serde_json::from_str(body).unwrap() };
    registry.set_rule(&duty::<Administer>(), &"main".parse().unwrap(), &named).await.unwrap();
}

/// Pushes an index of no manifests that is like no other.
async fn push_index(registry: &Registry, words: &str, tags: &[&str]) -> Result<Digest> {
    let kind = "application/vnd.oci.image.index.v1+json";
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[],"annotations":{{"words":"{words}"}}}}"#
    );
    push_text(registry, &text, tags).await
}

async fn push_text(registry: &Registry, text: &str, tags: &[&str]) -> Result<Digest> {
    let bytes = Bytes::from(text.to_owned());
    let push = ManifestPush {
        reference: Reference::Digest(digest(Algorithm::Sha256, &bytes)),
        tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
        content_type: None,
        condition: Default::default(),
        release: Default::default(),
        bytes,
    };
    Ok(registry.push_manifest(&super::push(registry).await, push).await?.digest)
}

async fn tags(registry: &Registry) -> Vec<String> {
    registry.tags(&pull(registry).await, None, Limit::MOST).await.unwrap().entries
}

async fn deletion(registry: &Registry) -> Grant<Delete> {
    registry.grant(&Actor::job("test"), &"app".parse().unwrap()).await.unwrap()
}

fn rule_of(refused: Result<impl std::fmt::Debug>) -> String {
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    match error.detail() {
        Some(Detail::Rule(rule)) => rule.clone(),
        other => panic!("{other:?} is no rule"),
    }
}

#[tokio::test]
async fn an_immutable_tag_neither_moves_nor_goes_nor_loses_what_it_needs() {
    let house = House::new().await;
    let registry = house.boot("one");
    set::<ImmutabilityRule>(&registry, "releases", r#"{"select":{"tags":["v*"],"except_tags":["v*-rc*"]}}"#)
        .await;
    let child = push_index(&registry, "child", &[]).await.unwrap();
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"{child}","size":1}}]}}"#
    );
    let first = push_text(&registry, &index, &["v1", "latest"]).await.unwrap();
    assert_eq!(push_text(&registry, &index, &["v1"]).await.unwrap(), first, "the same again is no move");

    assert_eq!(rule_of(push_index(&registry, "other", &["latest", "v1"]).await), "releases");
    assert_eq!(tags(&registry).await, ["latest", "v1"]);
    let (grant, latest) = (pull(&registry).await, "latest".parse().unwrap());
    let moves = registry.tag_moves(&grant, &latest, None, Limit::MOST).await.unwrap();
    assert_eq!(moves.entries.len(), 1, "all tags of a push move, or none");
    let (grant, none) = (deletion(&registry).await, Default::default);
    assert_eq!(rule_of(registry.delete_tag(&grant, &"v1".parse().unwrap(), none()).await), "releases");
    assert_eq!(rule_of(registry.delete_manifest(&grant, &first, none()).await), "releases");
    assert_eq!(rule_of(registry.delete_manifest(&grant, &child, none()).await), "releases");

    push_index(&registry, "candidate", &["v2-rc1"]).await.unwrap();
    push_index(&registry, "candidate two", &["v2-rc1", "latest"]).await.unwrap();
    registry.delete_tag(&grant, &"v2-rc1".parse().unwrap(), none()).await.unwrap();
    let (admin, main, rule) = (duty(), "main".parse().unwrap(), "releases".parse().unwrap());
    registry.remove_rule::<ImmutabilityRule>(&admin, &main, &rule).await.unwrap();
    push_index(&registry, "other", &["v1"]).await.unwrap();
}

#[tokio::test]
async fn a_tag_is_set_back_to_where_it_pointed_and_nowhere_else() {
    let house = House::new().await;
    let registry = house.boot("one");
    let tag: Tag = "stable".parse().unwrap();
    let one = push_index(&registry, "one", &["stable"]).await.unwrap();
    let two = push_index(&registry, "two", &["stable"]).await.unwrap();
    let never = push_index(&registry, "never", &["other"]).await.unwrap();
    let grant = super::push(&registry).await;
    assert!(registry.roll_back(&grant, &tag, &one).await.unwrap());
    assert!(!registry.roll_back(&grant, &tag, &one).await.unwrap(), "it stands there already");
    let refused = registry.roll_back(&grant, &tag, &never).await.unwrap_err();
    assert!(matches!(refused.kind(), Kind::NotFound(_)));
    registry.delete_tag(&deletion(&registry).await, &tag, Default::default()).await.unwrap();
    assert!(registry.roll_back(&grant, &tag, &two).await.unwrap(), "a tag that went comes back");
    set::<ImmutabilityRule>(&registry, "all", "{}").await;
    assert_eq!(rule_of(registry.roll_back(&grant, &tag, &one).await), "all");
    let moves = registry.tag_moves(&pull(&registry).await, &tag, None, Limit::MOST).await.unwrap().entries;
    let shown: Vec<_> = moves.iter().map(|row| (row.from, row.to)).collect();
    let (one, two) = (Some(one), Some(two));
    assert_eq!(shown, [(None, two), (one, None), (two, one), (one, two), (None, one)]);
}

#[tokio::test]
async fn a_quota_counts_each_blob_once_and_refuses_what_passes_it() {
    let house = House::new().await;
    let registry = house.boot("one");
    let operator = decide_operator(&Actor::job("test"), true).unwrap();
    let library = "library".parse().unwrap();
    let push_blob = async |place: &str, text: &'static str| {
        let grant = registry.grant::<Push>(&Actor::job("test"), &place.parse().unwrap()).await.unwrap();
        let right = digest(Algorithm::Sha256, text.as_bytes());
        registry.push_blob(&grant, right, body(&[text]), Taps::none()).await
    };
    let used = async || registry.usage(&duty::<Belong>()).await.unwrap();
    push_blob("app", "0123456789").await.unwrap();
    push_blob("other", "0123456789").await.unwrap();
    let stored = |blobs, quota| QuotaUsage { used: Usage { blobs, manifests: 0 }, quota };
    assert_eq!(used().await, stored(10, None));

    registry.set_quota(&operator, &library, Some(15)).await.unwrap();
    let refused = push_blob("app", "abcdefghij").await.unwrap_err();
    assert_eq!(refused.kind(), Kind::QuotaExceeded);
    assert!(refused.message().contains("10 of 15 bytes"), "{}", refused.message());
    push_blob("app", "abcde").await.unwrap();
    let begun = registry.begin_upload(&push(&registry).await, Algorithm::Sha256).await;
    assert_eq!(begun.unwrap_err().kind(), Kind::QuotaExceeded, "nothing is begun that cannot end");
    let manifest = push_index(&registry, "large", &["v1"]).await.unwrap_err();
    assert_eq!(manifest.kind(), Kind::QuotaExceeded);
    let (from, to) = (pull(&registry).await, "third".parse().unwrap());
    let third = registry.grant::<Push>(&Actor::job("test"), &to).await.unwrap();
    let known = digest(Algorithm::Sha256, b"abcde");
    registry.mount(&third, &known, Some(&from)).await.unwrap();
    assert_eq!(used().await, stored(15, Some(15)), "what is there costs nothing");

    let grant = deletion(&registry).await;
    registry.delete_blob(&grant, &known, Default::default()).await.unwrap();
    assert_eq!(used().await.used, Usage { blobs: 15, manifests: 0 }, "another repository holds it");
    registry.set_quota(&operator, &library, None).await.unwrap();
    push_index(&registry, "large", &["v1"]).await.unwrap();
    let recount = registry.recount(OrganisationId(0)).await.unwrap().unwrap();
    assert_eq!(recount.counted, recount.found);
}

#[tokio::test]
async fn what_rules_do_not_keep_is_shown_and_then_goes() {
    let house = House::new().await;
    let registry = house.boot("one");
    let kept = push_index(&registry, "v1", &["v1"]).await.unwrap();
    for words in ["v2", "v3", "v4"] {
        house.clock.advance(DAY);
        push_index(&registry, words, &[words]).await.unwrap();
    }
    push_index(&registry, "loose", &[]).await.unwrap();
    set::<ImmutabilityRule>(&registry, "first", r#"{"select":{"tags":["v1"]}}"#).await;
    set::<RetentionRule>(&registry, "few", r#"{"keep_newest":1}"#).await;
    set::<RetentionRule>(&registry, "week", r#"{"of":"untagged","keep_days":7}"#).await;
    let shown = async || {
        let main = "main".parse().unwrap();
        let mut shown = Vec::new();
        // Page by page, each of one.
        loop {
            let after = shown.last().map(policy::Expiring::cursor);
            let page =
                registry.expiring(&duty::<Belong>(), &main, after, Limit::parse("1").unwrap()).await.unwrap();
            shown.extend(page.entries);
            if !page.more {
                break;
            }
        }
        shown
            .iter()
            .map(|row| (row.tag.as_ref().map(Tag::to_string), row.rule.to_string()))
            .collect::<Vec<_>>()
    };
    let tag = |name: &str| (Some(name.to_owned()), "few".to_owned());
    let proposed = async |name: &str, body: &str| {
        let rule = Named { name: name.parse().unwrap(), rule: serde_json::from_str(body).unwrap() };
        let (main, all) = ("main".parse().unwrap(), (None, Limit::MOST));
        let page = registry.expiring_with(&duty::<Administer>(), &main, rule, all).await.unwrap();
        page.entries
            .iter()
            .map(|row| (row.tag.as_ref().map(Tag::to_string), row.rule.to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        proposed("few", r#"{"keep_newest":2}"#).await,
        [tag("v2")],
        "in the place of the one of its name"
    );
    assert!(
        proposed("many", r#"{"keep_newest":3}"#).await.is_empty(),
        "beside it: what any rule keeps stays"
    );
    assert_eq!(shown().await, [tag("v3"), tag("v2")]);
    assert_eq!(tags(&registry).await.len(), 4, "what is only shown stays");
    assert_eq!(registry.expire().await.unwrap(), Expired { tags: 2, manifests: 0 });
    assert_eq!(tags(&registry).await, ["v1", "v4"]);

    house.clock.advance(8 * DAY);
    assert_eq!(shown().await, [(None, "week".to_owned())], "what a tag pointed to of late stays");
    assert_eq!(registry.expire().await.unwrap(), Expired { tags: 0, manifests: 1 });
    house.clock.advance(30 * DAY);
    registry.sweep(Duration::ZERO).await.unwrap();
    assert_eq!(registry.expire().await.unwrap(), Expired { tags: 0, manifests: 2 });
    assert_eq!(registry.expire().await.unwrap(), Expired::default());
    registry.manifest(&pull(&registry).await, &Reference::Digest(kept)).await.unwrap();
}
