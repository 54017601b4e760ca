//! Holds everything that a server shows against the journal.
//!
//! The collector runs meanwhile: a blob that no manifest of its repository names may have gone once its delay was
//! over. One that a manifest names must be there, whatever the journal says of it.

mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::journal::{Content, Journal, Register, Value};
use super::{COLLECTION_DELAY, LATE_ROUND, upload};
use crate::harness::media_type::OCI_MANIFEST;
use crate::harness::{Caller, sha256};

/// What is there, and what a manifest that is there names: blobs, each by repository and digest.
#[derive(Default)]
struct Blobs {
    present: BTreeSet<(String, String)>,
    named: BTreeSet<(String, String)>,
}

/// Who refers to what in each repository: by repository and subject, the manifests that are there.
type Referrers = BTreeMap<(String, String), BTreeSet<String>>;

/// What is wrong with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// An acknowledged write did not happen, or what it brought cannot be had.
    Lost,
    /// It is there, and is not what was pushed or cannot be read.
    Damaged,
    /// Nobody ever tried to put it there.
    Unattempted,
    /// Half of a change: a list shows what cannot be pulled, a manifest names what is not there.
    Torn,
    /// A request was refused that should not be.
    Refused,
}

/// One thing that is wrong, in words.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) wrong: Wrong,
    words: String,
}

impl Wrong {
    fn is(self, words: String) -> Difference {
        Difference { wrong: self, words }
    }
}

/// Panics with every difference.
pub(super) async fn check(caller: &Caller, journal: &Journal, context: &str) {
    judge(&differences(caller, journal, Some(COLLECTION_DELAY)).await, context);
}

/// The same where the collector comes only when it is called, which the journal knows.
pub(super) async fn check_uncollected(caller: &Caller, journal: &Journal, context: &str) {
    judge(&differences(caller, journal, None).await, context);
}

fn judge(found: &[Difference], context: &str) {
    let words: Vec<String> =
        found.iter().map(|found| format!("{:?}: {}", found.wrong, found.words)).collect();
    assert!(found.is_empty(), "{context}: {} differences:\n{}", found.len(), words.join("\n"));
}

/// Everything that is wrong. What a register holds is told once, for what is seen is the point to go on from; what is torn,
/// as long as it is. Blobs that nothing names may go after `delay`, if there is a collector.
pub(super) async fn differences(
    caller: &Caller,
    journal: &Journal,
    delay: Option<Duration>,
) -> Vec<Difference> {
    let mut wrong: Vec<_> = journal.take_faults().into_iter().map(|fault| Wrong::Refused.is(fault)).collect();
    let looks = journal.registers().into_iter().map(|register| look(caller, journal, register));
    let seen: Vec<_> = stream::iter(looks).buffer_unordered(8).collect().await;
    let (blobs, referrers) = (blobs(journal, &seen), referrers(journal, &seen));
    for (repository, digest) in blobs.named.difference(&blobs.present) {
        wrong.push(Wrong::Torn.is(format!("{repository} lacks {digest}, which a manifest there names")));
    }
    let (mut tags, mut served) = (BTreeMap::<String, BTreeSet<String>>::new(), BTreeSet::new());
    let publishes = journal.files() > 0;
    for (register, value) in seen {
        let value = match value {
            Ok(value) => value,
            Err(description) => {
                journal.forget(&register);
                wrong.push(Wrong::Damaged.is(description));
                continue;
            }
        };
        if let Register::Tag { repository, tag } = &register {
            let present = tags.entry(repository.clone()).or_default();
            present.extend(value.is_some().then(|| tag.clone()));
        }
        if let (Register::File { path, .. }, Some(_)) = (&register, &value) {
            served.insert(path.clone());
        }
        if let Register::Blob { repository, digest } = &register
            && let Some(delay) = delay
            && !blobs.named.contains(&(repository.clone(), digest.clone()))
        {
            journal.may_be_collected(&register, delay.saturating_sub(LATE_ROUND));
        }
        wrong.extend(journal.settle(&register, value).err().map(|(wrong, words)| wrong.is(words)));
    }
    wrong.extend(lists::differences(caller, journal, &tags, &referrers).await);
    let listed = if publishes { upload::listed(&upload::caller(caller)).await } else { BTreeSet::new() };
    if listed != served {
        wrong.push(Wrong::Torn.is(format!("listed are {listed:?} where {served:?} are served")));
    }
    wrong
}

/// Reads what was seen: which blobs there are, and which the manifests name.
fn blobs(journal: &Journal, seen: &[(Register, Result<Value, String>)]) -> Blobs {
    let mut blobs = Blobs::default();
    for (register, value) in seen {
        let Ok(Some(digest)) = value else { continue };
        match (register, journal.content(digest)) {
            (Register::Blob { repository, .. }, _) => {
                blobs.present.insert((repository.clone(), digest.clone()));
            }
            (Register::Manifest { repository, .. }, Some(Content::Text(manifest))) => {
                let manifest = parsed(&manifest);
                let layers = manifest["layers"].as_array().into_iter().flatten();
                let named = layers.chain([&manifest["config"]]).filter_map(|part| part["digest"].as_str());
                blobs.named.extend(named.map(|digest| (repository.clone(), digest.to_owned())));
            }
            _ => {}
        }
    }
    blobs
}

/// Which manifests refer to which. A subject whose referrers are all gone has none.
fn referrers(journal: &Journal, seen: &[(Register, Result<Value, String>)]) -> Referrers {
    let mut referrers = Referrers::new();
    for (register, value) in seen {
        let Register::Manifest { repository, digest } = register else { continue };
        let Some(Content::Text(manifest)) = journal.content(digest) else { continue };
        let manifest = parsed(&manifest);
        let Some(subject) = manifest["subject"]["digest"].as_str() else { continue };
        let of_subject = referrers.entry((repository.clone(), subject.to_owned())).or_default();
        of_subject.extend(value.iter().flatten().cloned());
    }
    referrers
}

fn parsed(manifest: &[u8]) -> serde_json::Value {
    serde_json::from_slice(manifest).unwrap()
}

/// What a register holds, after a check that it holds it whole.
async fn look(caller: &Caller, journal: &Journal, register: Register) -> (Register, Result<Value, String>) {
    let path = match &register {
        Register::Blob { repository, digest } => format!("/v2/{repository}/blobs/{digest}"),
        Register::Manifest { repository, digest } => format!("/v2/{repository}/manifests/{digest}"),
        Register::Tag { repository, tag } => format!("/v2/{repository}/manifests/{tag}"),
        Register::File { path, .. } => path.clone(),
    };
    let request = match register {
        Register::File { .. } => upload::caller(caller).request("GET", &path),
        _ => caller.request("GET", &path).header("accept", OCI_MANIFEST),
    };
    let answer = match request.try_send().await {
        Ok(answer) => answer,
        Err(error) => return (register, Err(format!("GET {path}: {error:?}"))),
    };
    let value = match answer.status {
        404 if is_told(caller, &register, &path).await => Err(format!("HEAD {path} finds what GET does not")),
        404 => Ok(None),
        200 => {
            let digest = match register {
                Register::File { .. } => sha256(&answer.body),
                _ => answer.header("docker-content-digest").to_owned(),
            };
            let expected = journal.content(&digest).map(|content| content.bytes());
            let is_whole = sha256(&answer.body) == digest && expected.as_ref() == Some(&answer.body);
            is_whole.then_some(Some(digest)).ok_or_else(|| format!("GET {path} is not what was pushed"))
        }
        status => Err(format!("GET {path} answered {status}")),
    };
    (register, value)
}

/// Whether a blob is told to be there: then GET finds it too, unless its row has no bytes. (The other way round is right:
/// HEAD hides what is soon to be collected.)
async fn is_told(caller: &Caller, register: &Register, path: &str) -> bool {
    let is_blob = matches!(register, Register::Blob { .. });
    is_blob && caller.request("HEAD", path).try_send().await.is_ok_and(|told| told.status == 200)
}
