//! Holds everything that a server shows against the journal.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use super::journal::{Journal, Register, Value};
use crate::harness::{Caller, sha256};

/// Panics with every difference.
pub(super) async fn check(caller: &Caller, journal: &Journal, context: &str) {
    let mut wrong = journal.take_faults();
    let looks = journal.registers().into_iter().map(|register| look(caller, journal, register));
    let seen: Vec<_> = stream::iter(looks).buffer_unordered(8).collect().await;
    let mut tags: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (register, value) in seen {
        let value = match value {
            Ok(value) => value,
            Err(description) => {
                wrong.push(description);
                continue;
            }
        };
        if let Register::Tag { repository, tag } = &register {
            let present = tags.entry(repository.clone()).or_default();
            present.extend(value.is_some().then(|| tag.clone()));
        }
        wrong.extend(journal.settle(&register, value).err());
    }
    wrong.extend(unattempted(caller, journal, &tags).await);
    assert!(wrong.is_empty(), "{context}: {} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// What a register holds, after a check that it holds it whole.
async fn look(caller: &Caller, journal: &Journal, register: Register) -> (Register, Result<Value, String>) {
    let path = match &register {
        Register::Blob { repository, digest } => format!("/v2/{repository}/blobs/{digest}"),
        Register::Manifest { repository, digest } => format!("/v2/{repository}/manifests/{digest}"),
        Register::Tag { repository, tag } => format!("/v2/{repository}/manifests/{tag}"),
    };
    let answer = match caller.request("GET", &path).try_send().await {
        Ok(answer) => answer,
        Err(error) => return (register, Err(format!("GET {path}: {error:?}"))),
    };
    let value = match answer.status {
        404 => Ok(None),
        200 => {
            let digest = answer.header("docker-content-digest").to_owned();
            let expected = journal.content(&digest).map(|content| content.bytes());
            let is_whole = sha256(&answer.body) == digest && expected.as_ref() == Some(&answer.body);
            is_whole.then_some(Some(digest)).ok_or_else(|| format!("GET {path} is not what was pushed"))
        }
        status => Err(format!("GET {path} answered {status}")),
    };
    (register, value)
}

/// Lists must show what the registers hold, and nothing that nobody tried to make.
async fn unattempted(
    caller: &Caller,
    journal: &Journal,
    tags: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let known: BTreeSet<String> = journal.registers().into_iter().map(repository_of).collect();
    let listed = caller.get("/v2/_catalog").await.is(200).json();
    for name in listed["repositories"].as_array().unwrap().iter().filter_map(|name| name.as_str()) {
        if !known.contains(name) {
            wrong.push(format!("the catalog shows {name}, which nobody pushed"));
        }
    }
    for (repository, expected) in tags {
        let answer = caller.get(&format!("/v2/{repository}/tags/list")).await.any_of(&[200, 404]);
        let body = answer.json();
        let listed = body["tags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str());
        let listed: BTreeSet<String> = listed.map(ToOwned::to_owned).collect();
        if listed != *expected {
            wrong.push(format!("{repository} lists {listed:?} where {expected:?} can be pulled"));
        }
    }
    wrong
}

fn repository_of(register: Register) -> String {
    match register {
        Register::Blob { repository, .. }
        | Register::Manifest { repository, .. }
        | Register::Tag { repository, .. } => repository,
    }
}
