//! Lists must show what the registers hold, and nothing that nobody tried to make.

use std::collections::{BTreeMap, BTreeSet};

use super::{Difference, Journal, Referrers, Wrong};
use crate::harness::Caller;

/// What is wrong with the catalog, with the lists of tags and with those of referrers.
pub(super) async fn differences(
    caller: &Caller,
    journal: &Journal,
    tags: &BTreeMap<String, BTreeSet<String>>,
    referrers: &Referrers,
) -> Vec<Difference> {
    let mut wrong = catalog(caller, journal).await;
    for (repository, expected) in tags {
        let answer = caller.get(&format!("/v2/{repository}/tags/list")).await.any_of(&[200, 404]);
        let listed = texts(&answer.json()["tags"], |tag| tag.as_str());
        if listed != *expected {
            let words = format!("{repository} lists {listed:?} where {expected:?} can be pulled");
            wrong.push(Wrong::Torn.is(words));
        }
    }
    for ((repository, subject), expected) in referrers {
        let answer = caller.get(&format!("/v2/{repository}/referrers/{subject}")).await.is(200);
        let listed = texts(&answer.json()["manifests"], |entry| entry["digest"].as_str());
        if listed != *expected {
            let words =
                format!("{repository} lists {listed:?} as referring to {subject}, where {expected:?} do");
            wrong.push(Wrong::Torn.is(words));
        }
    }
    wrong
}

async fn catalog(caller: &Caller, journal: &Journal) -> Vec<Difference> {
    let known = journal.repositories();
    let listed =
        texts(&caller.get("/v2/_catalog").await.is(200).json()["repositories"], |name| name.as_str());
    let unknown = listed.into_iter().filter(|name| !known.contains(name));
    let words = unknown.map(|name| format!("the catalog shows {name}, which nobody pushed"));
    words.map(|words| Wrong::Unattempted.is(words)).collect()
}

/// The texts that are found in the entries of a list.
fn texts<'a>(
    list: &'a serde_json::Value,
    text: impl Fn(&'a serde_json::Value) -> Option<&'a str>,
) -> BTreeSet<String> {
    let entries = list.as_array().into_iter().flatten();
    entries.filter_map(text).map(ToOwned::to_owned).collect()
}
