//! One client who does everything once, in order, and writes it all down.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;

use super::orders::Orders;
use crate::crash::journal::{Content, Journal, Register, Ticket, Value};
use crate::crash::operator;
use crate::harness::media_type::{OCI_CONFIG, OCI_LAYER, OCI_MANIFEST};
use crate::harness::{Answer, Caller, Wharf, descriptor, noise, sha256, with_digest};

const HERE: &str = "crash/one";
const THERE: &str = "crash/two";

/// The longest that housekeeping rests, and a little.
const A_ROUND: Duration = Duration::from_millis(1_200);

/// What came back, if anything did.
type Reply = Result<Answer, reqwest::Error>;

pub(super) struct Script {
    journal: Journal,
    /// Every run has contents of its own.
    seed: u64,
    /// Who does it all, and since when: a token lives for five minutes.
    caller: Option<(Caller, Instant)>,
    /// Whether something went wrong in this run, so that what follows may be refused.
    has_failed: bool,
}

impl Script {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal, seed: 0, caller: None, has_failed: false }
    }

    /// Logs in, while everything still goes well, and now and then.
    pub(super) async fn prepare(&mut self, wharf: &Wharf) -> Caller {
        let kept = self.caller.take().filter(|(_, since)| since.elapsed() < Duration::from_secs(120));
        let (caller, since) = match kept {
            Some(kept) => kept,
            None => (operator(wharf).await, Instant::now()),
        };
        self.caller = Some((caller.clone(), since));
        caller
    }

    /// All of it, or what comes before the server's end.
    pub(super) async fn run(&mut self, wharf: &mut Wharf, orders: &Orders) {
        self.has_failed = false;
        let (whole, pieces, idle, gone) =
            (self.blob(3_000), self.blob(40_000), self.blob(500), self.blob(700));
        self.push(HERE, &whole).await;
        self.push_in_pieces(HERE, &pieces).await;
        self.mount(&whole).await;
        self.push_image("tag-0", &[&whole, &pieces]).await;
        let second = self.push_image("tag-0", &[&pieces, &whole]).await;
        self.push_referrer(&second, &whole).await;
        self.push_image("tag-1", &[&whole]).await;
        self.delete(
            "manifests",
            "tag-1",
            Register::Tag { repository: HERE.to_owned(), tag: "tag-1".to_owned() },
        )
        .await;
        self.push(HERE, &gone).await;
        let digest = sha256(&gone);
        self.delete("blobs", &digest, Register::Blob { repository: HERE.to_owned(), digest: digest.clone() })
            .await;
        self.leave_and_cancel().await;
        self.push(HERE, &idle).await;
        self.push_image("tag-2", &[&pieces]).await;
        self.delete_image(&second).await;
        if !wharf.has_ended() {
            self.collect(wharf, orders).await;
        }
    }

    fn blob(&mut self, length: usize) -> Bytes {
        self.seed += 1;
        let content = noise(self.seed, length);
        self.journal.remember(&sha256(&content), Content::Noise { seed: self.seed, length });
        content
    }

    async fn push(&mut self, repository: &str, content: &Bytes) {
        let Some(location) = self.open(repository).await else { return };
        self.finish(repository, &location, content, content.clone()).await;
    }

    async fn push_in_pieces(&mut self, repository: &str, content: &Bytes) {
        let Some(location) = self.open(repository).await else { return };
        let half = content.len() / 2;
        let Ok(answer) = self.send("PATCH", &location, content.slice(..half)).await else { return };
        if answer.status == 202 {
            self.finish(repository, &answer.location(), content, content.slice(half..)).await;
        }
    }

    async fn finish(&mut self, repository: &str, location: &str, whole: &Bytes, rest: Bytes) {
        let digest = sha256(whole);
        let ticket = self.attempt_blob(repository, &digest, Some(digest.clone()));
        let answer = self.send("PUT", &with_digest(location, &digest), rest).await;
        self.answered(answer, 201, vec![ticket]);
    }

    async fn open(&mut self, repository: &str) -> Option<String> {
        let answer =
            self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), Bytes::new()).await.ok()?;
        (answer.status == 202).then(|| answer.location())
    }

    async fn mount(&mut self, content: &Bytes) {
        let digest = sha256(content);
        let ticket = self.attempt_blob(THERE, &digest, Some(digest.clone()));
        let path = format!("/v2/{THERE}/blobs/uploads/?mount={digest}&from={HERE}");
        let answer = self.send("POST", &path, Bytes::new()).await;
        self.answered(answer, 201, vec![ticket]);
    }

    /// An image of these blobs, the first as its configuration; its digest.
    async fn push_image(&mut self, tag: &str, blobs: &[&Bytes]) -> String {
        let layers: Vec<_> = blobs[1..].iter().map(|blob| descriptor(OCI_LAYER, blob)).collect();
        let (digest, manifest) = self.manifest(json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(OCI_CONFIG, blobs[0]),
            "layers": layers,
        }));
        let image = Register::Manifest { repository: HERE.to_owned(), digest: digest.clone() };
        let pointed = Register::Tag { repository: HERE.to_owned(), tag: tag.to_owned() };
        let tickets = [image, pointed].map(|register| self.journal.attempt(register, Some(digest.clone())));
        let answer = self.send("PUT", &format!("/v2/{HERE}/manifests/{tag}"), manifest).await;
        self.answered(answer, 201, tickets.into());
        digest
    }

    /// A manifest about another one, which may be gone by then.
    async fn push_referrer(&mut self, subject: &str, config: &Bytes) {
        let (digest, manifest) = self.manifest(json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(OCI_CONFIG, config),
            "layers": [], "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1},
        }));
        let register = Register::Manifest { repository: HERE.to_owned(), digest: digest.clone() };
        let ticket = self.journal.attempt(register, Some(digest.clone()));
        let answer = self.send("PUT", &format!("/v2/{HERE}/manifests/{digest}"), manifest).await;
        self.answered(answer, 201, vec![ticket]);
    }

    /// The text of a manifest like no other, and its digest.
    fn manifest(&mut self, mut manifest: serde_json::Value) -> (String, Bytes) {
        self.seed += 1;
        manifest["annotations"] = json!({"unique": self.seed.to_string()});
        let manifest = Bytes::from(manifest.to_string());
        let digest = sha256(&manifest);
        self.journal.remember(&digest, Content::Text(manifest.clone()));
        (digest, manifest)
    }

    async fn delete(&mut self, kind: &str, reference: &str, register: Register) {
        let ticket = self.journal.attempt(register, None);
        let answer = self.send("DELETE", &format!("/v2/{HERE}/{kind}/{reference}"), Bytes::new()).await;
        self.answered(answer, 202, vec![ticket]);
    }

    /// An image that has a tag: both go.
    async fn delete_image(&mut self, digest: &str) {
        let image = Register::Manifest { repository: HERE.to_owned(), digest: digest.to_owned() };
        let pointed = Register::Tag { repository: HERE.to_owned(), tag: "tag-0".to_owned() };
        let tickets = [image, pointed].map(|register| self.journal.attempt(register, None));
        let answer = self.send("DELETE", &format!("/v2/{HERE}/manifests/{digest}"), Bytes::new()).await;
        self.answered(answer, 202, tickets.into());
    }

    async fn leave_and_cancel(&mut self) {
        let content = self.blob(900);
        self.journal.watch(Register::Blob { repository: HERE.to_owned(), digest: sha256(&content) });
        for method in ["DELETE", "GET"] {
            let Some(location) = self.open(HERE).await else { return };
            let Ok(answer) = self.send("PATCH", &location, content.clone()).await else { return };
            if answer.status == 202 {
                let _ = self.send(method, &answer.location(), Bytes::new()).await;
            }
        }
    }

    /// Takes away at once what nothing needs. What a manifest names must stay, whatever the journal says of it.
    async fn collect(&self, wharf: &mut Wharf, orders: &Orders) {
        let objects = orders.objects();
        let all = self.journal.registers().into_iter();
        for blob in all.filter(|register| matches!(register, Register::Blob { .. })) {
            drop(self.journal.attempt(blob, None));
        }
        let _ = wharf.try_command(&["gc", "--now", "--force"], "");
        // What was collected leaves the disk with the next round of housekeeping.
        let begun = Instant::now();
        while orders.objects() >= objects && begun.elapsed() < A_ROUND && !wharf.has_ended() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        orders.rest().await;
    }

    fn attempt_blob(&self, repository: &str, digest: &str, value: Value) -> Ticket {
        let register = Register::Blob { repository: repository.to_owned(), digest: digest.to_owned() };
        self.journal.attempt(register, value)
    }

    async fn send(&mut self, method: &str, path: &str, body: Bytes) -> Reply {
        let (caller, _) = self.caller.as_ref().unwrap();
        let request = caller.request(method, path);
        let is_manifest = method == "PUT" && path.contains("/manifests/");
        let request = if is_manifest { request.header("content-type", OCI_MANIFEST) } else { request };
        let reply = request.body(body).try_send().await;
        self.has_failed |= !reply.as_ref().is_ok_and(|answer| answer.status < 500);
        reply
    }

    /// What was not answered, or with 5xx, happened or did not; but what nobody was there to hear did not. A refusal is
    /// right only after such a thing.
    fn answered(&self, reply: Reply, expected: u16, tickets: Vec<Ticket>) {
        let answer = match reply {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return tickets.into_iter().for_each(Ticket::withdraw),
            Err(_) => return,
        };
        match answer.status {
            status if status == expected => tickets.into_iter().for_each(Ticket::acknowledge),
            500.. => {}
            _ if self.has_failed => tickets.into_iter().for_each(Ticket::withdraw),
            status => self.journal.fault(format!("{} answered {status}, not {expected}", answer.request)),
        }
    }
}
