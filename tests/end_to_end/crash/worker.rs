//! One client of the load: it chooses, writes down what it is about to do, does it, and writes down the answer.
//!
//! It deletes only what it made itself and what nothing else refers to, so that every refusal is a fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde_json::json;

use super::REPOSITORIES;
use super::journal::{Content, Journal, Register, Ticket, Value};
use super::upload::{self, Upload};
use crate::harness::media_type::{OCI_CONFIG, OCI_LAYER, OCI_MANIFEST};
use crate::harness::{Answer, Caller, Random, descriptor, noise, sha256, with_digest};

const TAGS: u64 = 6;
/// How many charts and wheels are published at most: their lists are rendered with each.
const MOST_FILES: usize = 300;

/// The server has gone.
pub(super) struct Gone;

type Outcome<T = ()> = Result<T, Gone>;

#[derive(Clone)]
struct Blob {
    repository: &'static str,
    digest: String,
    length: usize,
    /// Named by a manifest, or pushed by other clients too: never deleted.
    is_kept: bool,
}

/// What the clients do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mix {
    Everything,
    /// What every registry has: no push in one request, no deletion of a blob or of a tag.
    WhatAllHave,
}

pub(super) struct Worker {
    mix: Mix,
    caller: Caller,
    journal: Journal,
    random: Random,
    blobs: Vec<Blob>,
    untagged: Vec<(&'static str, String)>,
    /// Descriptors of manifests that stay, for others to refer to.
    subjects: Vec<(&'static str, serde_json::Value)>,
}

impl Worker {
    pub(super) fn new(caller: Caller, journal: Journal, seed: u64, mix: Mix) -> Self {
        let random = Random::new(seed);
        let (blobs, untagged, subjects) = (Vec::new(), Vec::new(), Vec::new());
        Self { mix, caller, journal, random, blobs, untagged, subjects }
    }

    /// Until its server has gone, or somebody says that it is enough.
    pub(super) async fn run(mut self, is_enough: Arc<AtomicBool>) {
        while !is_enough.load(Ordering::Relaxed) && self.act().await.is_ok() {}
    }

    async fn act(&mut self) -> Outcome {
        match self.random.below(100) {
            0..30 => self.push_whole().await,
            30..45 => self.push_in_chunks().await,
            45..50 | 88..97 if self.mix == Mix::WhatAllHave => self.push_whole().await,
            45..50 => self.push_in_one_request().await,
            50..54 if self.mix == Mix::Everything => self.publish().await,
            50..58 => self.leave_unfinished().await,
            58..68 => self.mount().await,
            83..88 if self.mix == Mix::Everything => self.push_referrer().await,
            68..88 => self.push_manifest().await,
            88..92 => self.delete_tag().await,
            92..97 => self.delete_blob().await,
            _ => self.delete_manifest().await,
        }
    }

    async fn push_whole(&mut self) -> Outcome {
        let (blob, content) = self.new_blob();
        let location = self.open_upload(blob.repository).await?;
        let ticket = self.attempt_blob(&blob, Some(blob.digest.clone()));
        let answer = self.send("PUT", &with_digest(&location, &blob.digest), content).await?;
        self.created(blob, &answer, ticket);
        Ok(())
    }

    async fn push_in_chunks(&mut self) -> Outcome {
        let (blob, content) = self.new_blob();
        let mut location = self.open_upload(blob.repository).await?;
        let size = (content.len() / 3).max(1);
        for chunk in content.chunks(size) {
            let answer = self.send("PATCH", &location, Bytes::copy_from_slice(chunk)).await?;
            location = self.next_location(&answer)?;
        }
        let ticket = self.attempt_blob(&blob, Some(blob.digest.clone()));
        let answer = self.send("PUT", &with_digest(&location, &blob.digest), Bytes::new()).await?;
        self.created(blob, &answer, ticket);
        Ok(())
    }

    async fn push_in_one_request(&mut self) -> Outcome {
        let (blob, content) = self.new_blob();
        let ticket = self.attempt_blob(&blob, Some(blob.digest.clone()));
        let path = format!("/v2/{}/blobs/uploads/?digest={}", blob.repository, blob.digest);
        let answer = self.send("POST", &path, content).await?;
        self.created(blob, &answer, ticket);
        Ok(())
    }

    /// A chart or a wheel, each a version of its own, by the door of its format: it is served and listed, or nothing is.
    async fn publish(&mut self) -> Outcome {
        if self.journal.files() >= MOST_FILES {
            return self.push_whole().await;
        }
        let version = format!("1.{}.{}", self.random.below(1 << 20), self.random.below(1 << 20));
        let upload = match self.random.below(2) {
            0 => Upload::chart(&version),
            _ => Upload::wheel(&version),
        };
        let digest = sha256(&upload.content);
        self.journal.remember(&digest, Content::Text(upload.content));
        let ticket = self.journal.attempt(upload.register, Some(digest));
        let request = upload::caller(&self.caller).request("POST", upload.path);
        let request = request.header("content-type", upload.media_type).body(upload.body);
        let answer = request.try_send().await.map_err(|_| Gone)?;
        self.answered(&answer, upload.expected, vec![ticket]);
        Ok(())
    }

    /// Bytes that arrive but are never closed, or closed under a digest that is not theirs: no blob, ever.
    async fn leave_unfinished(&mut self) -> Outcome {
        let repository = self.repository();
        let content = noise(self.random.next(), 1 + usize::try_from(self.random.below(100_000)).unwrap());
        let location = self.open_upload(repository).await?;
        for digest in [sha256(&content), sha256(&content[1..])] {
            self.journal.watch(Register::Blob { repository: repository.to_owned(), digest });
        }
        let answer = self.send("PATCH", &location, content.clone()).await?;
        let location = self.next_location(&answer)?;
        if self.random.below(2) == 0 {
            let wrong = with_digest(&location, &sha256(&content[1..]));
            let answer = self.send("PUT", &wrong, Bytes::new()).await?;
            self.expect(&answer, 400);
        }
        Ok(())
    }

    async fn mount(&mut self) -> Outcome {
        let repository = self.repository();
        let Some(source) = self.random.pick(&self.blobs).cloned() else { return Ok(()) };
        if source.repository == repository {
            return Ok(());
        }
        // Another of this client's may be there already and in use, so what was mounted is kept.
        let blob = Blob { repository, is_kept: true, ..source.clone() };
        let ticket = self.attempt_blob(&blob, Some(blob.digest.clone()));
        let path =
            format!("/v2/{repository}/blobs/uploads/?mount={}&from={}", blob.digest, source.repository);
        let answer = self.send("POST", &path, Bytes::new()).await?;
        for same in
            self.blobs.iter_mut().filter(|same| same.digest == blob.digest && same.repository == repository)
        {
            same.is_kept = true;
        }
        self.created(blob, &answer, ticket);
        Ok(())
    }

    /// A manifest over blobs of this client, under tags that all clients fight for or under none.
    async fn push_manifest(&mut self) -> Outcome {
        let repository = self.repository();
        let Some(manifest) = self.new_manifest(repository, None) else { return Ok(()) };
        let tags = self.some_tags();
        let digest = sha256(&manifest);
        let mut tickets = vec![self.attempt_manifest(repository, &digest, Some(digest.clone()))];
        for tag in &tags {
            let pointed = Register::Tag { repository: repository.to_owned(), tag: tag.clone() };
            tickets.push(self.journal.attempt(pointed, Some(digest.clone())));
        }
        let reference = match &tags[..] {
            [] => digest.clone(),
            [tag] => tag.clone(),
            several => format!("{digest}?tag={}", several.join("&tag=")),
        };
        let path = format!("/v2/{repository}/manifests/{reference}");
        let answer = self.send("PUT", &path, manifest.clone()).await?;
        self.answered(&answer, 201, tickets);
        if answer.status == 201 && tags.is_empty() {
            self.untagged.push((repository, digest));
        } else if answer.status == 201 {
            self.subjects.push((repository, descriptor(OCI_MANIFEST, &manifest)));
        }
        Ok(())
    }

    /// None, one, or, where the server takes that, several in one push.
    fn some_tags(&mut self) -> Vec<String> {
        let count = match self.random.below(4) {
            3 if self.mix == Mix::Everything => 3,
            0 => 0,
            _ => 1,
        };
        let first = self.random.below(TAGS);
        (first..first + count).map(|number| format!("tag-{}", number % TAGS)).collect()
    }

    /// A manifest about another, or about one that nobody pushed.
    async fn push_referrer(&mut self) -> Outcome {
        let nobodys = (self.repository(), descriptor(OCI_MANIFEST, &self.random.below(20).to_le_bytes()));
        let (repository, subject) = self.random.pick(&self.subjects).cloned().unwrap_or(nobodys);
        let Some(manifest) = self.new_manifest(repository, Some(subject)) else { return Ok(()) };
        let digest = sha256(&manifest);
        let ticket = self.attempt_manifest(repository, &digest, Some(digest.clone()));
        let answer = self.send("PUT", &format!("/v2/{repository}/manifests/{digest}"), manifest).await?;
        self.answered(&answer, 201, vec![ticket]);
        if answer.status == 201 {
            self.untagged.push((repository, digest));
        }
        Ok(())
    }

    async fn delete_tag(&mut self) -> Outcome {
        let (repository, tag) = (self.repository(), format!("tag-{}", self.random.below(TAGS)));
        let register = Register::Tag { repository: repository.to_owned(), tag: tag.clone() };
        let ticket = self.journal.attempt(register, None);
        let answer = self.send("DELETE", &format!("/v2/{repository}/manifests/{tag}"), Bytes::new()).await?;
        match answer.status {
            404 => ticket.withdraw(),
            _ => self.answered(&answer, 202, vec![ticket]),
        }
        Ok(())
    }

    async fn delete_blob(&mut self) -> Outcome {
        let Some(index) = self.blobs.iter().position(|blob| !blob.is_kept) else { return Ok(()) };
        let blob = self.blobs.swap_remove(index);
        let ticket = self.attempt_blob(&blob, None);
        let path = format!("/v2/{}/blobs/{}", blob.repository, blob.digest);
        let answer = self.send("DELETE", &path, Bytes::new()).await?;
        self.answered(&answer, 202, vec![ticket]);
        Ok(())
    }

    async fn delete_manifest(&mut self) -> Outcome {
        let Some((repository, digest)) = self.untagged.pop() else { return Ok(()) };
        let ticket = self.attempt_manifest(repository, &digest, None);
        let answer =
            self.send("DELETE", &format!("/v2/{repository}/manifests/{digest}"), Bytes::new()).await?;
        self.answered(&answer, 202, vec![ticket]);
        Ok(())
    }

    fn repository(&mut self) -> &'static str {
        self.random.pick(&REPOSITORIES).unwrap()
    }

    /// Content of up to 1 MiB, small ones as often as large ones, and one in forty of up to 8 MiB. One in ten is the same
    /// for several clients.
    fn new_blob(&mut self) -> (Blob, Bytes) {
        let is_shared = self.random.below(10) == 0;
        let seed = if is_shared { self.random.below(50) } else { self.random.next() };
        let mut sizes = Random::new(seed);
        let limit = if sizes.below(40) == 0 { 8 << 20 } else { 1_u64 << sizes.below(21) };
        let length = usize::try_from(sizes.below(limit + 1)).unwrap();
        let content = noise(seed, length);
        let digest = sha256(&content);
        self.journal.remember(&digest, Content::Noise { seed, length });
        // Short ones are equal by chance.
        let is_kept = is_shared || length < 16;
        (Blob { repository: self.repository(), digest, length, is_kept }, content)
    }

    /// A manifest over blobs that this client has there, if it has any; the journal knows its text.
    fn new_manifest(&mut self, repository: &str, subject: Option<serde_json::Value>) -> Option<Bytes> {
        let unique = self.random.next();
        let here = self.blobs.iter_mut().filter(|blob| blob.repository == repository);
        let named: Vec<&mut Blob> = here.take(1 + usize::try_from(unique % 3).unwrap()).collect();
        let part =
            |kind: &str, blob: &Blob| json!({"mediaType": kind, "digest": blob.digest, "size": blob.length});
        let config = part(OCI_CONFIG, named.first()?);
        let layers: Vec<_> = named.iter().skip(1).map(|blob| part(OCI_LAYER, blob)).collect();
        for blob in named {
            blob.is_kept = true;
        }
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers,
            "annotations": {"unique": unique.to_string()},
        });
        if let Some(subject) = subject {
            manifest["subject"] = subject;
        }
        let manifest = Bytes::from(manifest.to_string());
        self.journal.remember(&sha256(&manifest), Content::Text(manifest.clone()));
        Some(manifest)
    }

    fn attempt_manifest(&self, repository: &str, digest: &str, value: Value) -> Ticket {
        let register = Register::Manifest { repository: repository.to_owned(), digest: digest.to_owned() };
        self.journal.attempt(register, value)
    }

    fn attempt_blob(&self, blob: &Blob, value: Value) -> Ticket {
        let (repository, digest) = (blob.repository.to_owned(), blob.digest.clone());
        self.journal.attempt(Register::Blob { repository, digest }, value)
    }

    async fn open_upload(&self, repository: &str) -> Outcome<String> {
        let answer = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), Bytes::new()).await?;
        self.next_location(&answer)
    }

    /// Where an upload goes on, if it does.
    fn next_location(&self, answer: &Answer) -> Outcome<String> {
        self.expect(answer, 202);
        if answer.status == 202 { Ok(answer.location()) } else { Err(Gone) }
    }

    async fn send(&self, method: &str, path: &str, body: Bytes) -> Outcome<Answer> {
        let request = self.caller.request(method, path);
        let is_manifest = method == "PUT" && path.contains("/manifests/");
        let request = if is_manifest { request.header("content-type", OCI_MANIFEST) } else { request };
        request.body(body).try_send().await.map_err(|_| Gone)
    }

    /// A blob was pushed or mounted: 201 and nothing else.
    fn created(&mut self, blob: Blob, answer: &Answer, ticket: Ticket) {
        self.answered(answer, 201, vec![ticket]);
        if answer.status == 201 {
            self.blobs.push(blob);
        }
    }

    fn answered(&self, answer: &Answer, expected: u16, tickets: Vec<Ticket>) {
        self.expect(answer, expected);
        if answer.status == expected {
            tickets.into_iter().for_each(Ticket::acknowledge);
        }
    }

    /// Anything else is a fault, but for 503: it says "unknown", and a server that stops may say it.
    fn expect(&self, answer: &Answer, expected: u16) {
        if answer.status != expected && answer.status != 503 {
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            self.journal
                .fault(format!("{} answered {}, not {expected}: {said}", answer.request, answer.status));
        }
    }
}
